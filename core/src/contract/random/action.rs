//! What can be done to a store, in few enough words that actions meet.

use std::time::Duration;

use super::dice::Dice;
use crate::{
    message::{LEASE, Mode, State},
    ports::{Order, Settlement},
};

/// Folders: a namesake, a child, and one whose JIDs split in two ways.
const FOLDERS: [&str; 4] = ["a", "ab", "a/b", "a/b/x"];
const LABELS: [&str; 3] = ["b", "x", "y"];
/// `None` is the operator.
const WHO: [Option<&str>; 5] = [None, None, Some("a"), Some("ab"), Some("a/b")];
const PATTERNS: [Option<&str>; 8] = [
    None,
    None,
    None,
    Some("hook:a/**"),
    Some("hook:a/b/*"),
    Some("hook:*/x"),
    Some("hook:**"),
    Some("web:**"),
];

/// Which inbox: a folder's by its name, or the only session's.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pile {
    Folder(&'static str),
    Session,
}

/// Where a page starts.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    Start,
    /// The end of the log.
    End,
    /// Where the page of this number ended.
    Page(usize),
    /// The place of the message of this number.
    Message(usize),
}

/// Grants and messages are named by their number, in the order in which they came to be.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Mint {
        folder: &'static str,
        owner: &'static str,
        label: &'static str,
        suffix: Option<&'static str>,
        ttl: Option<Duration>,
    },
    Revoke {
        grants: Vec<usize>,
    },
    Grants {
        who: Option<&'static str>,
    },
    Put {
        grant: usize,
        folder: &'static str,
        to_session: bool,
        rule: Option<u128>,
        mode: Mode,
        /// One of a few ids, each with one of two contents.
        repeat_of: Option<(usize, usize)>,
        body_bytes: usize,
    },
    Lease {
        from: Vec<Pile>,
        receiver: u64,
        max: usize,
        pattern: Option<&'static str>,
        lease_for: Duration,
        max_observed: usize,
        observed_alone: bool,
        among: Option<Vec<usize>>,
    },
    Settle {
        messages: Vec<usize>,
        how: Settlement,
        receiver: u64,
        who: Option<&'static str>,
    },
    Read {
        who: Option<&'static str>,
        within: Option<&'static str>,
        since: Option<Duration>,
        until: Option<Duration>,
        pattern: Option<&'static str>,
        state: Option<State>,
        from: From,
        order: Order,
        limit: usize,
    },
    Get {
        message: usize,
        who: Option<&'static str>,
    },
    Replay {
        message: usize,
        who: Option<&'static str>,
    },
    ReplayMany {
        messages: Vec<usize>,
        who: Option<&'static str>,
    },
    Waiting {
        pile: Pile,
        pattern: Option<&'static str>,
        receiver: u64,
    },
    Backlogs {
        most: usize,
    },
}

impl Action {
    /// Something that can be done where there are so many grants, messages and pages.
    pub(super) fn roll(dice: &mut Dice, grants: usize, messages: usize, pages: usize) -> Self {
        // What has no grant or message to be about is a mint or a put in its stead.
        match dice.below(32) {
            _ if grants == 0 => Self::mint(dice),
            0 | 1 => Self::mint(dice),
            2 if dice.one_in(3) => Self::Revoke {
                grants: some_of(dice, grants),
            },
            2 | 3 => Self::Grants {
                who: dice.pick(&WHO),
            },
            4..12 => Self::put(dice, grants),
            _ if messages == 0 => Self::put(dice, grants),
            12..18 => Self::lease(dice, messages),
            18..23 => Self::settle(dice, messages),
            23..26 => Self::read(dice, messages, pages),
            26..28 => Self::Get {
                message: dice.below(messages),
                who: dice.pick(&WHO),
            },
            28 if dice.one_in(2) => Self::ReplayMany {
                messages: some_of(dice, messages),
                who: dice.pick(&WHO),
            },
            28 => Self::Replay {
                message: dice.below(messages),
                who: dice.pick(&WHO),
            },
            29 => Self::Backlogs {
                most: dice.below(6),
            },
            _ => Self::Waiting {
                pile: pile(dice),
                pattern: dice.pick(&PATTERNS),
                receiver: dice.pick(&[1, 2, 3]),
            },
        }
    }

    fn mint(dice: &mut Dice) -> Self {
        let folder = dice.pick(&FOLDERS);
        Self::Mint {
            folder,
            owner: if dice.one_in(3) {
                dice.pick(&FOLDERS)
            } else {
                folder
            },
            label: dice.pick(&LABELS),
            suffix: dice.one_in(2).then(|| dice.pick(&LABELS)),
            ttl: dice.one_in(4).then_some(LEASE * 3),
        }
    }

    fn put(dice: &mut Dice, grants: usize) -> Self {
        Self::Put {
            grant: dice.below(grants),
            folder: dice.pick(&FOLDERS),
            to_session: dice.one_in(5),
            rule: dice.one_in(3).then(|| dice.pick(&[1, 2])),
            mode: if dice.one_in(4) {
                Mode::Observe
            } else {
                Mode::Trigger
            },
            repeat_of: dice.one_in(2).then(|| (dice.below(3), dice.below(2))),
            body_bytes: if dice.one_in(50) {
                300_000
            } else {
                dice.below(40)
            },
        }
    }

    fn lease(dice: &mut Dice, messages: usize) -> Self {
        let from = (0..=dice.below(3)).map(|_| pile(dice)).collect();
        let receiver = dice.pick(&[1, 2, 3]);
        let max = dice.pick(&[0, 1, 2, 5, 100]);
        let pattern = dice.pick(&PATTERNS);
        let lease_for = dice.pick(&[LEASE, LEASE, Duration::from_secs(10)]);
        let (max_observed, observed_alone) = dice.pick(&[(0, true), (1, false), (10, true)]);
        Self::Lease {
            from,
            receiver,
            max,
            pattern,
            lease_for,
            max_observed,
            observed_alone,
            among: dice.one_in(4).then(|| some_of(dice, messages)),
        }
    }

    fn settle(dice: &mut Dice, messages: usize) -> Self {
        let delay = dice.pick(&[Duration::ZERO, Duration::from_secs(10), LEASE]);
        Self::Settle {
            messages: some_of(dice, messages),
            how: match dice.below(2) {
                0 => Settlement::Ack,
                _ => Settlement::Nack {
                    delay,
                    reason: dice
                        .pick(&[None, Some("exit status 1")])
                        .map(|why| why.parse().expect("a short reason")),
                    attempted: !dice.one_in(3),
                },
            },
            receiver: dice.pick(&[1, 2, 3]),
            who: dice.pick(&WHO),
        }
    }

    fn read(dice: &mut Dice, messages: usize, pages: usize) -> Self {
        let ages = [None, None, None, Some(LEASE), Some(LEASE * 3)];
        Self::Read {
            who: dice.pick(&WHO),
            within: dice.one_in(3).then(|| dice.pick(&FOLDERS)),
            since: dice.pick(&ages),
            until: dice.pick(&ages),
            pattern: dice.pick(&PATTERNS),
            state: dice.one_in(2).then(|| dice.pick(&State::ALL)),
            from: match dice.below(4) {
                0 if pages > 0 => From::Page(dice.below(pages)),
                1 => From::Message(dice.below(messages)),
                2 => From::End,
                _ => From::Start,
            },
            order: dice.pick(&[Order::OldestFirst, Order::NewestFirst]),
            limit: dice.pick(&[0, 1, 3, 100]),
        }
    }
}

fn pile(dice: &mut Dice) -> Pile {
    match dice.one_in(5) {
        true => Pile::Session,
        false => Pile::Folder(dice.pick(&FOLDERS)),
    }
}

/// One to four numbers, mostly late ones; the same may come twice.
fn some_of(dice: &mut Dice, count: usize) -> Vec<usize> {
    let how_many = 1 + dice.below(4);
    (0..how_many)
        .map(|_| match dice.one_in(3) {
            true => dice.below(count),
            false => count - 1 - dice.below(count.min(6)),
        })
        .collect()
}
