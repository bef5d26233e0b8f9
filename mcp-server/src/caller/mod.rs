//! Who is asking: the only authentication there is.
//!
//! A request to `/v1` or `/mcp` shows a credential, an API key or a token of the issuer's as
//! `Authorization: Bearer`, and the [`Authenticator`] says whose it is. It may carry `Doorbell-Folder`, which narrows it to the
//! agent of that folder, `Doorbell-Receiver`, a name that tells several receivers on one
//! credential apart, and `Doorbell-Session`, which says whose session's inbox is meant too. Nothing
//! trusts loopback. A browser that signed in shows its cookie instead, to `/v1` and the dashboard
//! alone ([`browser`]).

mod authenticator;
pub mod browser;
mod credential;
pub mod proof;
mod sign_in_link;

use std::fmt;

use doorbell_core::{folder::Folder, label::SessionId, message::Receiver, principal::Principal};
use http::HeaderMap;

pub use self::{
    authenticator::{Admitted, Authenticator},
    credential::Credential,
    sign_in_link::LinkSecret,
};
use crate::refusal::Refusal;

/// Narrows a request to the agent of a folder.
pub const FOLDER_HEADER: &str = "doorbell-folder";
/// Tells receivers that share a credential apart.
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
    /// What they showed.
    pub credential: Credential,
    /// Who they are among those that lease messages.
    pub receiver: Receiver,
    /// The session they say is theirs; whether it is is asked where it matters.
    pub session: Option<SessionId>,
}

/// For the log: who did something, and on which credential.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.principal, self.credential)
    }
}

/// Learns who sent a request from its headers.
pub async fn identify(
    headers: &HeaderMap,
    authenticator: &Authenticator,
) -> Result<Caller, Refusal> {
    identify_as(authenticator.authenticate(headers).await?, headers)
}

/// The same, for somebody whose credential was found good already.
pub fn identify_as(admitted: Admitted, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let Admitted {
        principal,
        credential,
    } = admitted;
    let principal = match text_header(headers, FOLDER_HEADER)? {
        None => principal,
        Some(text) => {
            let folder: Folder = text
                .parse()
                .map_err(|error| Refusal::invalid(FOLDER_HEADER, error))?;
            principal.narrowed_to(&folder).ok_or_else(|| {
                Refusal::Forbidden(format!(
                    "this credential does not reach the folder {folder}"
                ))
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
        receiver: Receiver::named(&credential.identity(), name),
        credential,
        session,
    })
}

/// A header that may be there once: of several, a proxy that narrows may have set any.
fn text_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Refusal::invalid(name, "may be there once"));
    }
    value
        .to_str()
        .map(Some)
        .map_err(|_| Refusal::invalid(name, "must be printable ASCII"))
}
