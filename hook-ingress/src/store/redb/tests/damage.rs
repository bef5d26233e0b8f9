//! What the disk does not hold as it was written: noticed, named, and no harm to the rest.

use std::{
    fs,
    path::{Path, PathBuf},
};

use doorbell_core::{
    message::{Happening, Message, Reason, State},
    ports::{GrantStore, Grants, Health, Log, Order, ReadRequest},
};

use super::rig::{
    Hands, T0, arrival, everywhere, grants_everywhere, lease, mint, open, options, put,
};
use crate::store::redb::{
    OpenError, RedbStore,
    entry::seq_of,
    schema::{CARRIED, EVENTS, HEADS},
};

/// Turns a bit wherever these bytes stand, so far behind their beginning.
pub(super) fn turn(path: &Path, found: &[u8], behind: usize) {
    let mut bytes = fs::read(path).unwrap();
    let last = bytes.len() - found.len();
    let places: Vec<usize> = (0..last)
        .filter(|at| &bytes[*at..*at + found.len()] == found)
        .collect();
    assert!(!places.is_empty(), "nothing to damage");
    for at in places {
        bytes[at + behind] ^= 4;
    }
    fs::write(path, bytes).unwrap();
}

pub(super) fn log(dir: &Path) -> PathBuf {
    dir.join("log-00000000000000000001.redb")
}

pub(super) fn control(dir: &Path) -> PathBuf {
    dir.join("doorbell.redb")
}

pub(super) async fn page(store: &RedbStore) -> Vec<Message> {
    let request = ReadRequest {
        scope: everywhere(),
        within: None,
        pattern: None,
        state: None,
        since: None,
        until: None,
        cursor: None,
        order: Order::OldestFirst,
        limit: usize::MAX,
        body_limit: usize::MAX,
        budget: usize::MAX,
        now: T0,
    };
    store.read(request).await.unwrap().messages
}

/// A closed store with three messages through `hook:acme/github`, and one through `hook:acme/victim`.
pub(super) async fn filled(dir: &Path) -> Vec<doorbell_core::message::MessageId> {
    let store = open(dir);
    let (github, victim) = (
        mint(&store, "acme", "github").await,
        mint(&store, "acme", "victim").await,
    );
    let mut ids = Vec::new();
    for body in ["first body", "second body", "third body"] {
        let mut one = arrival(&github, body);
        one.head.query = format!("of the {body}");
        ids.push(put(&store, one).await);
    }
    ids.push(put(&store, arrival(&victim, "fourth body")).await);
    store.close().unwrap();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turned_bit_of_a_body_or_a_head_is_told_with_its_message_and_the_others_read() {
    for found in [&b"second body"[..], b"of the second body"] {
        let dir = tempfile::tempdir().unwrap();
        let ids = filled(dir.path()).await;
        turn(&log(dir.path()), found, 8);
        let store = open(dir.path());
        let all = page(&store).await;
        assert_eq!(all.iter().map(|it| it.id).collect::<Vec<_>>(), ids);
        let damaged: Vec<bool> = all.iter().map(|it| it.damaged).collect();
        assert_eq!(damaged, [false, true, false, false]);
        assert!(all[1].body.is_empty() && all[1].head.query.is_empty());
        assert_eq!(
            (&all[0].body[..], &all[2].body[..]),
            (&b"first body"[..], &b"third body"[..])
        );
        // Nobody is handed it, and nobody waits for it.
        let leased = lease(&store, "acme", 9, T0).await.messages;
        let leased: Vec<_> = leased.iter().map(|it| it.id).collect();
        assert_eq!(leased, [ids[0], ids[2], ids[3]]);
        let detail = store
            .get(ids[1], everywhere(), usize::MAX, T0)
            .await
            .unwrap()
            .unwrap();
        assert!(detail.message.damaged && detail.message.body.is_empty());
        assert_eq!(detail.message.state, State::Dead);
        let last = detail.life.last().unwrap();
        assert_eq!(
            (last.what, &last.reason),
            (Happening::Died, &Some(Reason::damaged()))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_asks_for_one_is_given_the_one_behind_a_damaged_one() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path()).await;
    turn(&log(dir.path()), b"first body", 0);
    let store = open(dir.path());
    let leased = lease(&store, "acme", 1, T0).await.messages;
    assert_eq!((leased.len(), leased[0].id), (1, ids[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_entry_costs_its_message_alone() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path()).await;
    // Behind the id stands when it came.
    turn(&log(dir.path()), &ids[1].as_u128().to_le_bytes(), 20);
    let store = open(dir.path());
    let read: Vec<_> = page(&store).await.iter().map(|it| it.id).collect();
    assert_eq!(read, [ids[0], ids[2], ids[3]]);
    let grant = mint(&store, "acme", "later").await;
    let next = put(&store, arrival(&grant, "fifth")).await;
    assert!(next > ids[3], "no number is given twice");
}

/// Garbles what redb itself keeps at the beginning of the first page that holds nothing but this.
fn garble_page_of(path: &Path, byte: u8) {
    let mut bytes = fs::read(path).unwrap();
    let page = bytes
        .chunks_exact_mut(4096)
        .find(|page| page[0] != byte && page[16..].iter().all(|it| *it == byte))
        .unwrap();
    page[2..8].fill(0xff);
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_bodies_that_does_not_read_costs_the_messages_on_it_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let grant = mint(&store, "acme", "github").await;
    let mut ids = Vec::new();
    for byte in *b"abcd" {
        ids.push(put(&store, arrival(&grant, vec![byte; 20_000])).await);
    }
    store.close().unwrap();
    garble_page_of(&log(dir.path()), b'b');
    let store = open(dir.path());
    let damaged: Vec<bool> = page(&store).await.iter().map(|it| it.damaged).collect();
    assert_eq!(damaged, [false, true, false, false]);
    let leased = lease(&store, "acme", 9, T0).await.messages;
    let leased: Vec<_> = leased.iter().map(|it| (it.id, it.body[0])).collect();
    assert_eq!(
        leased,
        [(ids[0], b'a'), (ids[2], b'c'), (ids[3], b'd')],
        "and nobody waits for it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_by_a_number_that_no_message_has_costs_neither_memory_nor_numbers() {
    for number in [1 << 45, u64::MAX - 1] {
        let dir = tempfile::tempdir().unwrap();
        let ids = filled(dir.path()).await;
        let db = ::redb::Database::open(log(dir.path())).unwrap();
        let txn = db.begin_write().unwrap();
        for table in [HEADS, CARRIED, EVENTS] {
            let mut table = txn.open_table(table).unwrap();
            table.insert(number, &[7_u8; 96][..]).unwrap();
        }
        txn.commit().unwrap();
        drop(db);
        let store = open(dir.path());
        let read: Vec<_> = page(&store).await.iter().map(|it| it.id).collect();
        assert_eq!(read, ids);
        let grant = mint(&store, "acme", "later").await;
        let next = put(&store, arrival(&grant, "fifth")).await;
        assert_eq!(seq_of(next), seq_of(ids[3]) + 1);
        assert_eq!(lease(&store, "acme", 9, T0).await.messages.len(), 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_origin_costs_what_came_through_it_and_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path()).await;
    turn(&log(dir.path()), b"hook:acme/victim", 12);
    let store = open(dir.path());
    let read: Vec<_> = page(&store).await.iter().map(|it| it.id).collect();
    assert_eq!(read, ids[..3]);
    let victim = store
        .list_grants(&grants_everywhere())
        .into_iter()
        .find(|it| it.grant.jid().to_string() == "hook:acme/victim");
    let id = put(&store, arrival(&victim.unwrap().grant, "again")).await;
    store.close().unwrap();
    let again = page(&open(dir.path())).await;
    assert_eq!(
        again.last().map(|it| (it.id, &it.body[..])),
        Some((id, &b"again"[..]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_row_of_the_control_file_lets_nobody_in_and_costs_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path()).await;
    turn(&control(dir.path()), b"victim", 2);
    let store = open(dir.path());
    let grants = store.list_grants(&grants_everywhere());
    let jids: Vec<_> = grants.iter().map(|it| it.grant.jid().to_string()).collect();
    assert_eq!(jids, ["hook:acme/github"]);
    assert_eq!(page(&store).await.len(), ids.len());
    put(&store, arrival(&grants[0].grant, "goes on")).await;
    assert_eq!(store.ready(), Ok(()));
    let hash = doorbell_core::token::TokenHash::from_bytes([0; 32]);
    assert_eq!(store.grant(&hash), None);
}

fn why(dir: &Path) -> String {
    match RedbStore::open(dir, options(&Hands::new())) {
        Ok(_) => panic!("it opened"),
        Err(error @ OpenError::Damaged(_)) => error.to_string(),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn zeroed_cut_empty_and_foreign_files_are_refused_by_name_with_what_to_do() {
    for name in ["doorbell.redb", "log-00000000000000000001.redb"] {
        let whole = tempfile::tempdir().unwrap();
        filled(whole.path()).await;
        let bytes = fs::read(whole.path().join(name)).unwrap();
        let mut zeroed_head = bytes.clone();
        zeroed_head[..4096].fill(0);
        let mut zeroed_rest = bytes.clone();
        zeroed_rest[4096..].fill(0);
        let mut garbled = bytes.clone();
        garbled[4096..]
            .iter_mut()
            .for_each(|byte| *byte = byte.wrapping_mul(31) ^ 0x5a);
        for (what, bytes) in [
            ("zeroes", vec![0; bytes.len()]),
            ("a zeroed head", zeroed_head),
            ("zeroed pages", zeroed_rest),
            ("garbled pages", garbled),
            ("empty", Vec::new()),
            ("cut", bytes[..bytes.len() / 2].to_vec()),
            ("text", b"#!/bin/sh\necho hello\n".repeat(999)),
        ] {
            fs::write(whole.path().join(name), bytes).unwrap();
            let why = why(whole.path());
            assert!(why.contains(name), "{what}: {why}");
            assert!(why.contains("--salvage"), "{what}: {why}");
        }
    }
}
