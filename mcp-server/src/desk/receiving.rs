//! A receive that waits: attach first, then look, so that nothing falls between.

use std::time::Duration;

use doorbell_core::{
    address::Inbox,
    message::{Cursor, LEASE, Receiver},
    ports::{LeaseRequest, Leased},
    time::Timestamp,
};
use tokio::time::Instant;

use super::{
    Answer, bound,
    local::{Local, PAGE_BYTES},
    shapes,
};
use crate::{
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

/// The least that an observed message is given, in characters: all that names one fits.
const LEAST_OBSERVED: usize = 1_200;
/// How often what was chosen to be leased may have gone to others meanwhile.
const TRIES: usize = 8;

/// Leases from these inboxes, which the caller may read, waiting for the first message as long as
/// was asked.
pub(super) async fn receive(
    house: &House,
    inboxes: Vec<Inbox>,
    desk: &Local,
    ask: &Receive,
) -> Answer<Received> {
    let caller = &desk.caller;
    let _share = match ask.wait_seconds.map_or(0, Count::get) {
        0 => None,
        _ => Some(house.shares.wait(caller)?),
    };
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
    let mut missed = 0;
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
        let choice = match room(ask, &request) {
            None => Choice::default(),
            Some(room) => {
                let choice = Choice::make(desk, &mut request, room).await?;
                request.among = Some(choice.places.clone());
                choice
            }
        };
        let leased = house.store.lease(request).await?;
        if leased.messages.is_empty() && !choice.places.is_empty() && missed < TRIES {
            missed += 1;
            continue;
        }
        if last || !leased.messages.is_empty() {
            let mut received = show(leased, ask.max_chars.map(Count::as_len));
            received.more = choice.more;
            received.leased_by_others = leased_by_others(house, &inboxes, caller.receiver, ask);
            return Ok(received);
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
    let asked = shapes::body_limit(ask.max_body_bytes);
    LeaseRequest {
        inboxes,
        receiver,
        max: ask.max.map_or(DEFAULT_MAX, Count::as_len),
        pattern: ask.pattern.as_ref().map(|pattern| pattern.0.clone()),
        // More of a body than the whole answer may hold is not even read.
        body_limit: ask.max_chars.map_or(asked, |room| asked.min(room.as_len())),
        now,
        lease_for: LEASE,
        max_observed: 0,
        observed_alone: false,
        among: None,
    }
}

/// How much an answer may hold: what was asked for, or what a page of the log holds where the bodies
/// of so many messages could be more than that.
fn room(ask: &Receive, request: &LeaseRequest) -> Option<usize> {
    let most = request.max.saturating_mul(request.body_limit);
    let large = request.max > 1 && most > PAGE_BYTES;
    let asked = ask.max_chars.map(Count::as_len);
    asked.or(large.then_some(PAGE_BYTES))
}

/// How many messages of these inboxes others hold, if they hold any.
fn leased_by_others(
    house: &House,
    inboxes: &[Inbox],
    receiver: Receiver,
    ask: &Receive,
) -> Option<u64> {
    let pattern = ask.pattern.as_ref().map(|pattern| &pattern.0);
    let now = house.clock.now();
    let of = |inbox| house.store.summary(inbox, pattern, receiver, now);
    let held = inboxes.iter().map(|inbox| of(inbox).leased_by_others).sum();
    (held > 0).then_some(held)
}

/// What is to be leased so that the answer holds it.
#[derive(Default)]
struct Choice {
    places: Vec<Cursor>,
    /// Whether there is more than was chosen.
    more: bool,
}

impl Choice {
    /// Looks at what is ready, oldest first, and takes of it what fits: one message at least. How
    /// many observed ones fit beside is noted in the request.
    async fn make(desk: &Local, request: &mut LeaseRequest, room: usize) -> Answer<Self> {
        let store = &desk.house.store;
        let pattern = request.pattern.as_ref();
        let mut ready = Vec::new();
        let mut unmet = 0;
        for inbox in &request.inboxes {
            let most = request.max + 1;
            ready.extend(store.peek(inbox, pattern, Cursor(0), most, request.now));
            let summary = store.summary(inbox, pattern, request.receiver, request.now);
            unmet += usize::try_from(summary.unmet).unwrap_or(usize::MAX);
        }
        ready.sort_unstable();
        ready.dedup();
        let observed = request.max_observed.min(unmet);
        // What is observed comes once, with the next receive: some room is kept for it.
        let kept = if observed > 0 {
            (room / 4).max(LEAST_OBSERVED)
        } else {
            0
        };
        let mut left = room.saturating_sub(bound::AROUND + kept);
        let mut choice = Self::default();
        for place in ready.iter().take(request.max) {
            let Some(message) = desk.at(*place, request.body_limit as u64).await? else {
                continue;
            };
            let cost = bound::cost(&message);
            if cost > left && !choice.places.is_empty() {
                choice.more = true;
                break;
            }
            choice.places.push(*place);
            left = left.saturating_sub(cost);
        }
        choice.more |= ready.len() > request.max;
        request.max_observed = observed.min((left + kept) / LEAST_OBSERVED);
        choice.more |= request.max_observed < observed;
        Ok(choice)
    }
}

/// What was leased, in as many characters as it may take.
fn show(leased: Leased, room: Option<usize>) -> Received {
    let mut messages: Vec<_> = leased.messages.into_iter().map(shapes::message).collect();
    let mut left = OBSERVED_CHARS;
    let mut observed: Vec<_> = leased
        .observed
        .into_iter()
        .map(|mut message| {
            let (bytes, characters) = fitting(&message.body, left);
            left -= characters;
            message.body.truncate(bytes);
            shapes::message(message)
        })
        .collect();
    if let Some(room) = room {
        let kept = observed.len() * LEAST_OBSERVED;
        let mut left = room.saturating_sub(bound::AROUND + kept);
        if let [only] = messages.as_mut_slice() {
            bound::cut(only, left);
        }
        left = (left + kept).saturating_sub(messages.iter().map(bound::cost).sum());
        let mut more = observed.len();
        for message in &mut observed {
            bound::cut(message, left / more);
            left = left.saturating_sub(bound::cost(message));
            more -= 1;
        }
    }
    Received {
        messages,
        observed,
        more: false,
        leased_by_others: None,
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
