//! The connections of one listener: how many there may be, and whose goes when there are too many.
//!
//! Whoever finds no place takes that of the connection which has been at rest the longest, between
//! requests or before a head's first byte: of its own peer where that has more than its part, else
//! of the peer that has most, and never of one that has less than it. Where that peer has none at rest
//! it takes that of a head which never ends, or of any head if that peer has more than its part.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use crate::{
    budget::{Bound, Exhausted},
    peer::Peer,
    pulse::Pulse,
};

/// So old is a head that is not let finish when places are short: a fair one is there at once.
const SLOW_HEAD: Duration = Duration::from_secs(1);
/// How many connections may be over and not gone yet.
const CLOSING: usize = 32;
/// How often a connection that was chosen may have begun a request meanwhile.
const TRIES: usize = 8;

/// Every connection of a listener.
#[derive(Debug)]
pub(crate) struct Connections {
    bound: Bound,
    open: Mutex<Open>,
    /// How many there are, those that are over among them.
    count: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Open {
    number: u64,
    places: BTreeMap<u64, Entry>,
    /// How many of them each peer has.
    held: HashMap<Peer, usize>,
}

struct Entry {
    peer: Peer,
    pulse: Arc<Pulse>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.peer.fmt(f)
    }
}

/// Closes a connection, if it still does what it was chosen for.
type Close = fn(&Pulse) -> bool;

/// What let a connection in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// There was a place.
    Free,
    /// Another was closed for it.
    Made,
}

impl Connections {
    /// None yet, of so many.
    pub(crate) fn new(bound: Bound) -> Arc<Self> {
        Arc::new(Self {
            bound,
            open: Mutex::default(),
            count: watch::Sender::new(0),
        })
    }

    /// A place for a connection, another's if need be.
    pub(crate) fn admit(
        self: &Arc<Self>,
        peer: Peer,
        pulse: &Arc<Pulse>,
    ) -> Result<(Place, Room), Exhausted> {
        let mut open = self.open();
        let held = open.held.get(&peer).copied().unwrap_or_default();
        let mut room = Room::Free;
        if let Err(why) = self.bound.check(open.places.len(), held, 1) {
            // Where it is the whole that is taken, a peer over its part still gives of its own.
            let own = why == Exhausted::Part || held >= self.bound.part;
            let may = |other, has| if own { other == peer } else { has >= held };
            // Who fills the places with heads that have just begun is not waited for.
            let patient = if own { usize::MAX } else { self.bound.part };
            if !open.close_one(may, patient) {
                return Err(if own { Exhausted::Part } else { why });
            }
            room = Room::Made;
        }
        let number = open.number;
        open.number += 1;
        let entry = Entry {
            peer,
            pulse: Arc::clone(pulse),
        };
        open.places.insert(number, entry);
        *open.held.entry(peer).or_default() += 1;
        drop(open);
        self.count.send_modify(|count| *count += 1);
        let place = Place {
            number,
            all: Arc::clone(self),
        };
        Ok((place, room))
    }

    /// Closes one that nobody needs at the moment, if there is one.
    pub(crate) fn close_one(&self) -> bool {
        self.open().close_one(|_, _| true, usize::MAX)
    }

    /// Waits until those that were closed are gone, but for a few.
    pub(crate) async fn settle(&self) {
        let most = self.bound.all + CLOSING;
        let mut count = self.count.subscribe();
        let _ = count.wait_for(|count| *count < most).await;
    }

    /// Waits until there is none.
    pub(crate) async fn gone(&self) {
        let mut count = self.count.subscribe();
        let _ = count.wait_for(|count| *count == 0).await;
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Closes the connection that is the least loss, of those peers that may lose one: each with how
    /// many it has. A head that has just begun is let finish where its peer has no more than `patient`.
    fn close_one(&mut self, may_lose: impl Fn(Peer, usize) -> bool, patient: usize) -> bool {
        for _ in 0..TRIES {
            let Some((number, close)) = self.least_loss(&may_lose, patient) else {
                return false;
            };
            if close(&self.places[&number].pulse) {
                self.remove(number);
                return true;
            }
        }
        false
    }

    /// The connection that has been at rest the longest, else a head that has been coming the longest,
    /// of the peer that has most; and how it is closed.
    fn least_loss(
        &self,
        may_lose: impl Fn(Peer, usize) -> bool,
        patient: usize,
    ) -> Option<(u64, Close)> {
        let now = Instant::now();
        let slow = |since: &Instant| now.saturating_duration_since(*since) >= SLOW_HEAD;
        let losses = self.places.iter().filter_map(|(number, entry)| {
            let held = self.held.get(&entry.peer).copied().unwrap_or_default();
            if !may_lose(entry.peer, held) {
                return None;
            }
            let pulse = &entry.pulse;
            let (in_head, since, close) = match pulse.at_rest_since() {
                Some(since) => (false, since, Pulse::close_at_rest as Close),
                None => {
                    let since = pulse.in_head_since();
                    let since = since.filter(|since| held > patient || slow(since))?;
                    (true, since, Pulse::close_in_head as Close)
                }
            };
            Some(((Reverse(held), in_head, since), (*number, close)))
        });
        let least = losses.min_by_key(|(loss, _)| *loss);
        least.map(|(_, chosen)| chosen)
    }

    fn remove(&mut self, number: u64) {
        let Some(entry) = self.places.remove(&number) else {
            return;
        };
        if let Some(held) = self.held.get_mut(&entry.peer) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&entry.peer);
            }
        }
    }
}

/// A connection's place, until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    number: u64,
    all: Arc<Connections>,
}

impl Drop for Place {
    fn drop(&mut self) {
        // One that was closed for another has left already.
        self.all.open().remove(self.number);
        self.all.count.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> Peer {
        Peer::of([192, 0, 2, last].into())
    }

    fn all(all: usize, part: usize) -> Arc<Connections> {
        Connections::new(Bound { all, part })
    }

    fn admit(all: &Arc<Connections>, last: u8, age: u64) -> (Result<Place, Exhausted>, Arc<Pulse>) {
        let pulse = Pulse::of_age(Duration::from_millis(age));
        let admitted = all.admit(peer(last), &pulse);
        (admitted.map(|(place, _)| place), pulse)
    }

    #[test]
    fn the_one_longest_at_rest_goes_of_the_peer_that_has_most() {
        let connections = all(5, 5);
        let alone = admit(&connections, 1, 500);
        let many: Vec<_> = [30, 40, 20, 10]
            .map(|age| admit(&connections, 2, age))
            .into();
        let newcomer = admit(&connections, 3, 0);
        assert!(newcomer.0.is_ok());
        let closed: Vec<_> = many.iter().map(|(_, pulse)| pulse.is_closed()).collect();
        assert_eq!(closed, [false, true, false, false]);
        assert!(!alone.1.is_closed(), "though this one rested longer");
        drop((alone, many, newcomer));
        assert!(connections.open().held.is_empty());
        assert_eq!(*connections.count.borrow(), 0);
    }

    #[test]
    fn a_peer_over_its_part_gives_of_its_own_or_is_refused() {
        let connections = all(8, 2);
        let other = admit(&connections, 1, 500);
        let held: Vec<_> = (0..5).map(|_| admit(&connections, 2, 10)).collect();
        assert!(held.iter().all(|(place, _)| place.is_ok()), "uncrowded");
        let busy: Vec<_> = held[1..].iter().map(|(_, pulse)| pulse.start()).collect();
        let sixth = admit(&connections, 2, 0);
        assert!(sixth.0.is_ok() && held[0].1.is_closed(), "its own goes");
        let _busy = (busy, sixth.1.start());
        let (refused, _) = admit(&connections, 2, 0);
        assert_eq!(refused.err(), Some(Exhausted::Part));
        assert!(!other.1.is_closed());
        assert!(
            admit(&connections, 3, 0).0.is_ok(),
            "there is room for others"
        );
    }

    #[test]
    fn whoever_has_more_takes_no_place_from_whoever_has_less() {
        let connections = all(4, 4);
        let alone = admit(&connections, 1, 500);
        let many: Vec<_> = (0..3).map(|_| admit(&connections, 2, 2_000)).collect();
        let heard = many.iter().filter(|(_, pulse)| pulse.hear()).count();
        assert_eq!(heard, 3, "of these none is at rest");
        let newcomer = admit(&connections, 3, 0);
        assert!(newcomer.0.is_ok());
        let closed = many.iter().filter(|(_, pulse)| pulse.is_closed()).count();
        assert_eq!(
            closed, 1,
            "a head that never ends, of the peer that has most"
        );
        let _busy = newcomer.1.start();
        let busy: Vec<_> = (many.iter().filter(|(_, pulse)| !pulse.is_closed()))
            .map(|(_, pulse)| pulse.start())
            .collect();
        assert_eq!(busy.len(), 2);
        assert_eq!(admit(&connections, 2, 0).0.err(), Some(Exhausted::All));
        assert!(!alone.1.is_closed(), "though it is the only one at rest");
    }

    #[test]
    fn whoever_fills_the_places_with_heads_that_have_just_begun_gives_one_to_who_has_less() {
        let connections = all(8, 2);
        let many: Vec<_> = (0..8).map(|_| admit(&connections, 2, 0)).collect();
        let held: Vec<_> = many.iter().filter(|(place, _)| place.is_ok()).collect();
        assert_eq!(held.len(), 8, "its own go where it has more than its part");
        let open = || many.iter().filter(|(_, pulse)| !pulse.is_closed());
        open().for_each(|(_, pulse)| assert!(pulse.hear()));
        let before = open().count();
        assert_eq!(admit(&connections, 2, 0).0.err(), Some(Exhausted::Part));
        assert_eq!(open().count(), before, "its own are let finish");
        let others: Vec<_> = (3..6).map(|last| admit(&connections, last, 0)).collect();
        assert!(others.iter().all(|(place, _)| place.is_ok()));
        assert_eq!(open().count(), 5.min(before));
    }

    #[test]
    fn a_head_that_never_ends_goes_where_nothing_rests() {
        for (age, goes) in [(0, false), (2_000, true)] {
            let connections = all(1, 1);
            let (place, pulse) = admit(&connections, 1, age);
            assert!(place.is_ok() && pulse.hear());
            assert_eq!(admit(&connections, 2, 0).0.is_ok(), goes);
            assert_eq!(pulse.is_closed(), goes);
            assert_eq!(pulse.hear(), !goes);
        }
    }
}
