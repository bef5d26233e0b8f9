//! Whether a request is let in, decided from its head alone.
//!
//! Checks run token, method, rate, size. Shape and checksum come before any look-up, so garbage
//! costs nothing, and a stranger's body is never read.

use std::{borrow::Cow, sync::Arc};

use doorbell_core::{
    channel::ChannelGrant,
    grant::{Door, Grant, GrantId},
    time::Timestamp,
    token::{CHANNEL_TOKEN_PREFIX, Token},
};
use http::{HeaderMap, Method, header::AUTHORIZATION, request};

use crate::{budget::Share, front_door::Shared, rejection::Rejection};

/// The method of a knock at a channel.
pub(crate) const KNOCK_METHODS: &[Method] = &[Method::POST];

/// What a `:`, a blank and a line's end add to a header.
const LINE_OVERHEAD: usize = 4;

/// A request that may send its body.
pub(crate) struct Admitted {
    /// Its part of the budget: its head, and its body where the length is known.
    pub(crate) share: Share,
    /// How much of the share is the head's.
    pub(crate) head_bytes: usize,
}

/// What a request showed: a path's segment goes before a header.
pub(crate) enum Shown<'a> {
    /// A route token, as far as one can tell from its beginning.
    Route(Cow<'a, str>),
    /// A channel token, likewise.
    Channel(Cow<'a, str>),
}

/// The token of a request; `path_token` is the path's segment after `/hook/`, `""` where there is
/// none.
pub(crate) fn shown<'a>(
    head: &'a request::Parts,
    path_token: &'a str,
) -> Result<Shown<'a>, Rejection> {
    let token = if path_token.is_empty() {
        Cow::Borrowed(bearer(&head.headers).ok_or(Rejection::Token)?)
    } else {
        percent_decoded(path_token).ok_or(Rejection::Token)?
    };
    Ok(match token.starts_with(CHANNEL_TOKEN_PREFIX) {
        true => Shown::Channel(token),
        false => Shown::Route(token),
    })
}

/// The live grant of a webhook behind a route token.
pub(crate) fn route_grant(
    door: &Shared,
    token: &str,
    now: Timestamp,
) -> Result<Arc<Grant>, Rejection> {
    let (_, hash) = Token::hash_of(token).map_err(|_| Rejection::Token)?;
    webhook(door.grants.grant(&hash).ok_or(Rejection::Token)?, now)
}

/// The same grant, if it is live and a webhook's.
pub(crate) fn webhook(grant: Arc<Grant>, now: Timestamp) -> Result<Arc<Grant>, Rejection> {
    if !grant.is_live(now) {
        return Err(Rejection::Token);
    }
    match grant.door {
        Door::Hook { .. } => Ok(grant),
        Door::Web { .. } => Err(Rejection::WebToken),
    }
}

/// The live grant behind a channel token: the signature first, which costs no look-up, then the
/// record, which has to say the same.
pub(crate) fn channel_grant(
    door: &Shared,
    token: &str,
    now: Timestamp,
) -> Result<Arc<ChannelGrant>, Rejection> {
    let claims = door
        .channels
        .signing_keys()
        .verify(token)
        .map_err(|_| Rejection::ChannelToken)?;
    door.channels
        .channel_grant(claims.grant)
        .filter(|grant| grant.agrees_with(&claims, now))
        .ok_or(Rejection::ChannelToken)
}

/// Decides about a request whose token is good: method, rate, size, and whether there is room.
/// `announced` is the length of the body as far as it is known.
pub(crate) fn admit(
    door: &Shared,
    head: &request::Parts,
    grant: GrantId,
    methods: &'static [Method],
    announced: u64,
) -> Result<Admitted, Rejection> {
    if !methods.contains(&head.method) {
        return Err(Rejection::Method(methods));
    }
    door.throttle.check(grant).map_err(Rejection::Rate)?;
    let head_bytes = head_size(door, &head.headers)?;
    let body_bytes = usize::try_from(announced)
        .ok()
        .filter(|bytes| *bytes <= door.limits.body_bytes)
        .ok_or(Rejection::BodyTooLarge(door.limits.body_bytes))?;
    door.health.ready().map_err(|_| Rejection::NotStored)?;
    let share = door
        .budget
        .take(head_bytes + body_bytes)
        .map_err(|_| Rejection::Overload)?;
    Ok(Admitted { share, head_bytes })
}

/// The token of `Authorization: Bearer`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

/// A path segment as its sender meant it: some escape the underscore of a token.
fn percent_decoded(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let mut bytes = segment.bytes();
    let mut plain = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        plain.push(if byte == b'%' {
            hex(bytes.next()?)? << 4 | hex(bytes.next()?)?
        } else {
            byte
        });
    }
    String::from_utf8(plain).ok().map(Cow::Owned)
}

/// A hexadecimal digit's value.
pub(crate) fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// How long the header lines are together, if that is let in.
fn head_size(door: &Shared, headers: &HeaderMap) -> Result<usize, Rejection> {
    let too_large = Rejection::Headers {
        count: door.limits.header_count,
        bytes: door.limits.header_bytes,
    };
    if headers.len() > door.limits.header_count {
        return Err(too_large);
    }
    let bytes = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + LINE_OVERHEAD)
        .sum();
    if bytes > door.limits.header_bytes {
        return Err(too_large);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_segment_is_decoded_once_and_strictly() {
        assert_eq!(percent_decoded("dbh_0").as_deref(), Some("dbh_0"));
        assert_eq!(percent_decoded("dbh%5f0%5F").as_deref(), Some("dbh_0_"));
        assert_eq!(percent_decoded("%255f").as_deref(), Some("%5f"));
        for bad in ["%", "%5", "%5g", "%ff"] {
            assert_eq!(percent_decoded(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_bearer_is_found_whatever_the_schemes_case() {
        let mut headers = HeaderMap::new();
        for (value, token) in [
            ("Bearer x", Some("x")),
            ("bearer  x", Some("x")),
            ("Basic x", None),
            ("Bearer", None),
        ] {
            headers.insert(AUTHORIZATION, value.parse().expect("legal"));
            assert_eq!(bearer(&headers), token, "{value}");
        }
    }
}
