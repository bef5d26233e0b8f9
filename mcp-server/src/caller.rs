//! Who is asking: the only authentication there is.
//!
//! A request to `/v1` or `/mcp` shows an API key as `Authorization: Bearer`. It may carry
//! `Doorbell-Folder`, which narrows it to the agent of that folder, and `Doorbell-Receiver`, a name
//! that tells several receivers on one key apart, and
//! `Doorbell-Session`, which says whose session's inbox is meant too. Nothing trusts loopback.

use std::sync::Arc;

use doorbell_core::{
    folder::Folder,
    key::{ApiKey, KeyId},
    label::SessionId,
    message::Receiver,
    ports::KeyStore,
    principal::Principal,
    token::{Token, TokenKind},
};
use http::{HeaderMap, header::AUTHORIZATION};

use crate::refusal::Refusal;

/// Narrows a request to the agent of a folder.
pub const FOLDER_HEADER: &str = "doorbell-folder";
/// Tells receivers that share a key apart.
pub const RECEIVER_HEADER: &str = "doorbell-receiver";

/// Names the session of the agent that asks: its inbox is received from too.
pub const SESSION_HEADER: &str = "doorbell-session";

/// The longest receiver name that is read, in bytes.
const MAX_RECEIVER: usize = 128;

/// Whoever sent a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What they may do.
    pub principal: Principal,
    /// The key they showed.
    pub key: KeyId,
    /// Who they are among those that lease messages.
    pub receiver: Receiver,
    /// The session they say is theirs; whether it is is asked where it matters.
    pub session: Option<SessionId>,
}

/// Learns who sent a request from its headers.
pub fn identify(headers: &HeaderMap, keys: &dyn KeyStore) -> Result<Caller, Refusal> {
    let key = authenticate(headers, keys)?;
    let (id, principal) = (key.id, key.principal.clone());
    let principal = match text_header(headers, FOLDER_HEADER)? {
        None => principal,
        Some(text) => {
            let folder: Folder = text
                .parse()
                .map_err(|error| Refusal::invalid(FOLDER_HEADER, error))?;
            principal.narrowed_to(&folder).ok_or_else(|| {
                Refusal::Forbidden(format!("this key does not reach the folder {folder}"))
            })?
        }
    };
    let name = text_header(headers, RECEIVER_HEADER)?.unwrap_or_default();
    if name.len() > MAX_RECEIVER {
        return Err(Refusal::invalid(
            RECEIVER_HEADER,
            format!("at most {MAX_RECEIVER} bytes"),
        ));
    }
    let session = text_header(headers, SESSION_HEADER)?
        .map(|text| {
            text.parse()
                .map_err(|error| Refusal::invalid(SESSION_HEADER, error))
        })
        .transpose()?;
    Ok(Caller {
        principal,
        key: id,
        receiver: receiver(id, name),
        session,
    })
}

fn authenticate(headers: &HeaderMap, keys: &dyn KeyStore) -> Result<Arc<ApiKey>, Refusal> {
    let shown = headers.get(AUTHORIZATION).ok_or_else(|| {
        Refusal::Unauthenticated(
            "this needs a credential: send an API key as `Authorization: Bearer dbk_…`".to_owned(),
        )
    })?;
    shown
        .to_str()
        .ok()
        .and_then(bearer)
        .and_then(|text| Token::hash_of(text).ok())
        .filter(|(kind, _)| *kind == TokenKind::Key)
        .and_then(|(_, hash)| keys.key(&hash))
        .filter(|key| key.is_live())
        .ok_or_else(|| {
            Refusal::Unauthenticated(
                "this API key is unknown or revoked; ask the operator for one: doorbell key issue <folder>"
                    .to_owned(),
            )
        })
}

/// The token of a bearer credential; the scheme is case-insensitive (RFC 9110 section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn text_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    headers
        .get(name)
        .map(|value| {
            value
                .to_str()
                .map_err(|_| Refusal::invalid(name, "must be printable ASCII"))
        })
        .transpose()
}

/// Names a receiver by its key and its own name; the same after a restart, since leases are too.
fn receiver(key: KeyId, name: &str) -> Receiver {
    Receiver::named(&key.as_u128().to_be_bytes(), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bearer_scheme_is_read_in_any_case_and_nothing_else_is() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bEARER  abc "), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }

    #[test]
    fn a_receiver_is_known_again_by_key_and_name() {
        let key = KeyId::from_u128(7);
        assert_eq!(receiver(key, "a"), receiver(key, "a"));
        assert_ne!(receiver(key, "a"), receiver(key, "b"));
        assert_ne!(receiver(key, "a"), receiver(KeyId::from_u128(8), "a"));
    }
}
