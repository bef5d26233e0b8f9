//! The machine's clock is set, or wrong at a start: leases take their time all the same, and what
//! has expired stays so.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use doorbell_core::{
    address::Inbox,
    grant::Grant,
    message::{Receiver, State},
    ports::{Grants, Log, Order, Put, ReadRequest},
    time::{Clock, Timestamp},
    token::TokenHash,
};

use super::{
    disk::Ram,
    rig::{Hands, T0, arrival, everywhere, lease, lease_request, mint, put, with_id},
};
use crate::{
    server_clock::{ServerClock, TimeSource},
    store::redb::RedbStore,
};

const HOUR: i64 = 3_600;

/// A machine whose clock is set by hand.
#[derive(Clone, Debug, Default)]
struct Machine {
    wall: Arc<AtomicU64>,
    steady: Arc<AtomicU64>,
}

impl TimeSource for Machine {
    fn wall(&self) -> u64 {
        self.wall.load(Ordering::Relaxed)
    }
    fn steady(&self) -> u64 {
        self.steady.load(Ordering::Relaxed)
    }
}

impl Machine {
    fn new() -> Self {
        let machine = Self::default();
        let nanos = T0.as_millis() * 1_000_000;
        machine.wall.store(nanos, Ordering::Relaxed);
        machine
    }

    fn pass(&self, seconds: u64) {
        self.set(seconds.try_into().unwrap());
        self.steady
            .fetch_add(seconds * 1_000_000_000, Ordering::Relaxed);
    }

    /// Sets the clock on, or back.
    fn set(&self, seconds: i64) {
        let nanos = seconds.unsigned_abs() * 1_000_000_000;
        if seconds < 0 {
            self.wall.fetch_sub(nanos, Ordering::Relaxed);
        } else {
            self.wall.fetch_add(nanos, Ordering::Relaxed);
        }
    }
}

/// A server's start.
fn start(dir: &Path, disk: &Ram, machine: &Machine) -> (RedbStore, Arc<ServerClock>) {
    let clock = Arc::new(ServerClock::new(Box::new(machine.clone())));
    let mut options = super::rig::options(&Hands::new());
    options.clock = clock.clone();
    options.disk = Arc::new(disk.clone());
    options.sweep_every = Duration::from_secs(3600);
    (RedbStore::open(dir, options).unwrap(), clock)
}

fn at(
    mut arrival: doorbell_core::message::Arrival,
    now: Timestamp,
) -> doorbell_core::message::Arrival {
    arrival.received_at = now;
    arrival
}

/// What another receiver gets now.
async fn another(store: &RedbStore, now: Timestamp) -> usize {
    let request = doorbell_core::ports::LeaseRequest {
        receiver: Receiver(2),
        ..lease_request("acme", 10, now)
    };
    store.lease(request).await.unwrap().messages.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_lasts_its_minute_however_the_machines_clock_is_set() {
    for set in [HOUR, -HOUR, 30 * 24 * HOUR, -24 * HOUR] {
        let dir = tempfile::tempdir().unwrap();
        let (disk, machine) = (Ram::default(), Machine::new());
        let (store, clock) = start(dir.path(), &disk, &machine);
        let grant = mint(&store, "acme", "github").await;
        let id = put(&store, at(arrival(&grant, "x"), clock.now())).await;
        lease(&store, "acme", 1, clock.now()).await;
        machine.pass(1);
        machine.set(set);
        let inbox = Inbox::Folder("acme".parse().unwrap());
        for _ in 0..5 {
            machine.pass(11);
            assert_eq!(another(&store, clock.now()).await, 0, "set by {set}");
            let waiting = store.waiting(&inbox, None, clock.now());
            assert_eq!((waiting.ready, waiting.leased), (0, 1), "set by {set}");
            let left = waiting.next_ready_at.unwrap().since(clock.now());
            assert!(left <= Duration::from_secs(60), "set by {set}: {left:?}");
            let shown = store.get(id, everywhere(), 0, clock.now()).await;
            assert_eq!(shown.unwrap().unwrap().message.state, State::Leased);
        }
        // Opened anew after a fault, it knows that the lease is one of now.
        disk.fail_after(0);
        assert!(
            store
                .put(at(arrival(&grant, "y"), clock.now()))
                .await
                .is_err()
        );
        disk.repair();
        while store
            .put(at(arrival(&grant, "y"), clock.now()))
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(another(&store, clock.now()).await, 1, "the new one alone");
        machine.pass(5);
        assert_eq!(another(&store, clock.now()).await, 1, "set by {set}");
        // Times go forward all the while.
        let times = store.get(id, everywhere(), 0, clock.now()).await.unwrap();
        assert!(times.unwrap().life.is_sorted_by_key(|event| event.at));
    }
}

async fn expiring(store: &RedbStore, now: Timestamp, seconds: u64) -> Arc<Grant> {
    use doorbell_core::ports::GrantStore;

    let known = mint(store, "acme", "github").await;
    let grant = Grant {
        id: doorbell_core::grant::GrantId::new(now, u128::from(seconds)),
        expires_at: Some(now.plus(Duration::from_secs(seconds))),
        created_at: now,
        ..Grant::clone(&known)
    };
    let hash = TokenHash::from_bytes([7; 32]);
    store.insert_grant(grant, hash, now).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_stays_so_and_ids_rise_when_a_start_finds_the_clock_set_back() {
    // With its end written down, or killed.
    for killed in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (mut disk, machine) = (Ram::default(), Machine::new());
        let (store, clock) = start(dir.path(), &disk, &machine);
        let short = expiring(&store, clock.now(), 60).await;
        let long = mint(&store, "acme", "long").await;
        let first = put(&store, at(with_id(arrival(&long, "x"), "1"), clock.now())).await;
        put(&store, at(arrival(&short, "x"), clock.now())).await;
        machine.pass(61);
        let late = at(arrival(&short, "x"), clock.now());
        assert_eq!(store.put(late).await, Ok(Put::Revoked));
        store.sweep();
        if killed {
            // Once the writer has done what it was told last.
            put(&store, at(arrival(&long, "y"), clock.now())).await;
            let left = disk.after_a_power_cut(&mut |_| 1);
            drop(store);
            disk = left;
        } else {
            store.close().unwrap();
            drop(store);
        }
        let before = clock.now();

        machine.set(-24 * HOUR);
        let (store, clock) = start(dir.path(), &disk, &machine);
        assert!(clock.now() >= before, "killed: {killed}");
        assert!(
            !store
                .grant(&TokenHash::from_bytes([7; 32]))
                .unwrap()
                .is_live(clock.now())
        );
        let late = at(arrival(&short, "x"), clock.now());
        assert_eq!(store.put(late).await, Ok(Put::Revoked), "killed: {killed}");
        let again = at(with_id(arrival(&long, "x"), "1"), clock.now());
        assert_eq!(store.put(again).await, Ok(Put::Duplicate(first)));
        let cursor = store.end();
        let new = put(&store, at(arrival(&long, "z"), clock.now())).await;
        assert!(new > first);
        let request = ReadRequest {
            scope: everywhere(),
            within: None,
            pattern: None,
            state: None,
            since: None,
            until: None,
            cursor: Some(cursor),
            order: Order::OldestFirst,
            limit: 10,
            body_limit: 10,
            budget: usize::MAX,
            now: clock.now(),
        };
        let page = store.read(request).await.unwrap();
        assert_eq!(page.messages.len(), 1);
        assert_eq!(page.messages[0].id, new);
        // And what is promised from now on is kept: an hour is an hour, and an eighth at the most.
        let hour = expiring(&store, clock.now(), 3_600).await;
        machine.pass(3_500);
        assert!(hour.is_live(clock.now()));
        machine.pass(700);
        assert!(!hour.is_live(clock.now()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_rise_though_every_message_is_gone_and_the_clock_was_set_back() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, machine) = (Ram::default(), Machine::new());
    let (store, clock) = start(dir.path(), &disk, &machine);
    let grant = mint(&store, "acme", "github").await;
    let first = put(&store, at(arrival(&grant, "x"), clock.now())).await;
    let held = lease(&store, "acme", 1, clock.now()).await.messages;
    super::rig::ack(&store, vec![held[0].id], clock.now()).await;
    machine.pass(8 * 24 * 3_600);
    store.sweep();
    store.sweep();
    assert_eq!(
        store.get(first, everywhere(), 0, clock.now()).await,
        Ok(None)
    );
    store.close().unwrap();
    machine.set(-30 * 24 * HOUR);
    let (store, clock) = start(dir.path(), &disk, &machine);
    assert!(put(&store, at(arrival(&grant, "y"), clock.now())).await > first);
}
