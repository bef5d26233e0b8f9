//! A receive that waits: attach first, then look, so that nothing falls between.

use std::time::Duration;

use doorbell_core::{
    address::Inbox,
    message::{LEASE, Receiver},
    ports::{LeaseRequest, Leased},
    time::Timestamp,
};
use tokio::time::Instant;

use super::{Answer, shapes};
use crate::{
    caller::Caller,
    house::House,
    refusal::Refusal,
    switchboard::any_rung,
    wire::{Count, Receive, Received},
};

/// How many messages one call leases unless it is asked otherwise.
const DEFAULT_MAX: usize = 10;
/// How many observed messages come along at the most.
const MAX_OBSERVED: usize = 10;
/// How many characters of body the observed messages have between them.
const OBSERVED_CHARS: usize = 4_000;

/// Leases from these inboxes, which the caller may read, waiting for the first message as long as
/// was asked.
pub(super) async fn receive(
    house: &House,
    inboxes: Vec<Inbox>,
    caller: &Caller,
    ask: &Receive,
) -> Answer<Received> {
    let mut deadline = Instant::now() + Duration::from_secs(ask.wait_seconds.map_or(0, Count::get));
    let mut bells: Vec<_> = inboxes
        .iter()
        .map(|inbox| house.switchboard.attach(inbox))
        .collect();
    let mut draining = house.draining.subscribe();
    // Whoever shows them to no agent leaves them for one who does.
    let most_observed = match ask.observed {
        Some(false) => 0,
        None | Some(true) => MAX_OBSERVED,
    };
    loop {
        if !house.authenticator.still_lets_in(&caller.credential) {
            return Err(Refusal::Unauthenticated(
                "this credential was revoked or has expired meanwhile".to_owned(),
            ));
        }
        let now = house.clock.now();
        let last = Instant::now() >= deadline;
        // Observed messages end no wait by themselves: alone they are fetched when it is over.
        let mut request = request(inboxes.clone(), caller.receiver, ask, now);
        (request.max_observed, request.observed_alone) = (most_observed, last);
        let leased = house.store.lease(request).await?;
        if last || !leased.messages.is_empty() {
            return Ok(show(leased));
        }
        // A lease or a rest that ends makes a message ready without a ring.
        let again = leased
            .next_ready_at
            .map_or(deadline, |at| deadline.min(Instant::now() + at.since(now)));
        tokio::select! {
            () = any_rung(&mut bells) => {}
            () = tokio::time::sleep_until(again) => {}
            () = house.authenticator.let_out(&caller.credential) => {}
            // A server that stops does not wait for those who wait.
            _ = draining.wait_for(|draining| *draining) => deadline = Instant::now(),
        }
    }
}

fn request(inboxes: Vec<Inbox>, receiver: Receiver, ask: &Receive, now: Timestamp) -> LeaseRequest {
    LeaseRequest {
        inboxes,
        receiver,
        max: ask.max.map_or(DEFAULT_MAX, Count::as_len),
        pattern: ask.pattern.as_ref().map(|pattern| pattern.0.clone()),
        body_limit: shapes::body_limit(ask.max_body_bytes),
        now,
        lease_for: LEASE,
        max_observed: 0,
        observed_alone: false,
        among: None,
    }
}

fn show(leased: Leased) -> Received {
    let mut left = OBSERVED_CHARS;
    let observed = leased
        .observed
        .into_iter()
        .map(|mut message| {
            let (bytes, characters) = fitting(&message.body, left);
            left -= characters;
            message.body.truncate(bytes);
            shapes::message(message)
        })
        .collect();
    Received {
        messages: leased.messages.into_iter().map(shapes::message).collect(),
        observed,
    }
}

/// How many bytes of a body are shown in at most `left` characters, and in how many.
fn fitting(body: &[u8], left: usize) -> (usize, usize) {
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        // Cut inside its last character: what is before that is text.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or_default()
        }
        // In base64 three bytes are four characters.
        Err(_) => {
            let bytes = body.len().min(left / 4 * 3);
            return (bytes, bytes.div_ceil(3) * 4);
        }
    };
    let shown = text.chars().take(left);
    shown.fold((0, 0), |(bytes, characters), c| {
        (bytes + c.len_utf8(), characters + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_body_fits_in_base64_too() {
        assert_eq!(fitting("aéb".as_bytes(), 2), (3, 2));
        assert_eq!(fitting("aé".as_bytes(), 9), (3, 2));
        assert_eq!(fitting(&"aé".as_bytes()[..2], 9), (1, 1));
        assert_eq!(fitting(&[0xff; 100], 9), (6, 8));
        assert_eq!(fitting(&[0xff; 4], 9), (4, 8));
        assert_eq!(fitting(b"text", 0), (0, 0));
    }
}
