//! A copy of a store, whoever made it.

use std::{path::Path, sync::Arc};

use doorbell_core::{
    acl::{UseMessages, authorize},
    address::Inbox,
    message::MessageId,
    ports::{Log, Order, ReadRequest, Ring},
    principal::Principal,
    time::{Clock, Timestamp},
    token::Chance,
};

use crate::store::redb::{
    Options, RedbStore,
    backup::{END, MAGIC, VERSION},
    restore as put_in_place,
};

/// When it is opened.
const T0: Timestamp = Timestamp::from_millis(1_795_277_640_000);

/// Nobody hears it, and the time stands.
struct Still;

impl Ring for Still {
    fn ring(&self, _: &Inbox, _: &[MessageId]) {}
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        T0
    }
}

impl Chance for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// A stream that was cut or changed leaves nothing behind, and one that holds together makes a store
/// that opens and is read, or says why not.
pub(crate) fn restore(data: &[u8]) {
    // No one guesses a checksum: here it is the right one.
    let mut whole = [&MAGIC[..], &VERSION.to_le_bytes(), data, &[END]].concat();
    let hash = blake3::hash(&whole);
    whole.extend_from_slice(hash.as_bytes());
    for stream in [data, &whole[..whole.len() - 1], &whole] {
        // In memory, where there is such a place.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let dir = dir.expect("there is a place for it");
        match put_in_place(&mut &stream[..], dir.path()) {
            Ok(()) => opens(dir.path()),
            Err(_) => assert!(is_empty(dir.path()), "something was left behind"),
        }
    }
}

/// Whether nothing of a store is there.
fn is_empty(dir: &Path) -> bool {
    let mut files = std::fs::read_dir(dir).expect("it is there");
    !files.any(|file| {
        let name = file.expect("it is there").file_name();
        name.to_string_lossy().ends_with(".redb")
    })
}

/// Opens it, and reads all of it.
fn opens(dir: &Path) {
    let Ok(store) = RedbStore::open(
        dir,
        Options::new(Arc::new(Still), Arc::new(Still), Arc::new(Still)),
    ) else {
        return;
    };
    let everything = authorize(&Principal::Operator, UseMessages).expect("an operator may");
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime of one thread");
    let page = runtime.block_on(store.read(ReadRequest {
        scope: everything.scope(),
        within: None,
        pattern: None,
        state: None,
        since: None,
        until: None,
        cursor: None,
        order: Order::OldestFirst,
        limit: 100,
        body_limit: 1_000,
        budget: 1 << 20,
        now: T0,
    }));
    if let Ok(page) = page {
        assert!(page.messages.len() <= 100);
    }
    store.sweep();
    store.close().expect("it is open");
}
