//! Whether a request is let in, decided from its head alone.
//!
//! Checks run token, method, rate, size. Shape and checksum come before any look-up, so garbage
//! costs nothing, and a stranger's body is never read.

use std::sync::Arc;

use doorbell_core::{
    channel::ChannelGrant,
    grant::{Door, Grant, GrantId},
    time::Timestamp,
    token::Token,
};
use http::{HeaderMap, Method, request};

use crate::{budget::Share, front_door::Shared, handshake::only_looks, rejection::Rejection};

/// The method of a knock at a channel.
pub(crate) const KNOCK_METHODS: &[Method] = &[Method::POST];

/// What a `:`, a blank and a line's end add to a header.
const LINE_OVERHEAD: usize = 4;

/// A request that may send its body.
pub(crate) struct Admitted {
    /// Its part of the budget: its head, and of its body what has come.
    pub(crate) share: Share<GrantId>,
    /// How much of the share is the head's.
    pub(crate) head_bytes: usize,
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
    if announced > door.limits.body_bytes as u64 {
        return Err(Rejection::BodyTooLarge(door.limits.body_bytes));
    }
    // Who only looks has nothing to be stored.
    if !only_looks(head, announced) {
        door.health.ready().map_err(|_| Rejection::NotStored)?;
    }
    let share = door
        .budget
        .take(grant, head_bytes)
        .map_err(|_| Rejection::Overload)?;
    Ok(Admitted { share, head_bytes })
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
