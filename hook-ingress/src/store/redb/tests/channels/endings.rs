//! What waited for a session that ended is found elsewhere, whatever happens to the files.

use std::collections::BTreeMap;

use doorbell_core::message::{MessageId, State};

use super::*;

/// Hook messages to a session, and some elsewhere.
async fn filled(store: &RedbStore, count: u32, size: usize) -> Vec<MessageId> {
    let grant = mint(store, "acme", "github").await;
    made(store, "build").await;
    let mut to_build = Vec::new();
    for n in 0..count {
        if n % 20 == 3 {
            let mut one = arrival(&grant, format!("to build {n}"));
            one.to = to_session("build");
            to_build.push(put(store, one).await);
        }
        put(store, arrival(&grant, vec![7; size])).await;
    }
    to_build
}

async fn where_they_are(
    store: &RedbStore,
    ids: &[MessageId],
    now: Timestamp,
) -> BTreeMap<MessageId, (Inbox, State, String)> {
    let mut all = BTreeMap::new();
    for id in ids {
        let found = store.get(*id, rig::everywhere(), usize::MAX, now).await;
        let message = found.unwrap().expect("it is kept").message;
        let body = String::from_utf8(message.body.to_vec()).unwrap();
        all.insert(*id, (message.to.inbox, message.state, body));
    }
    all
}

fn small(dir: &Path, clock: &Arc<Hands>) -> RedbStore {
    let mut options = options(clock);
    options.segment_bytes = 96 << 10;
    options.retain = HOUR;
    RedbStore::open(dir, options).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_routed_anew_stays_where_it_is_over_a_reopening_and_out_of_a_file_that_goes() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::new();
    let store = small(dir.path(), &clock);
    let ids = filled(&store, 200, 2_000).await;
    store
        .end_session("build".parse().unwrap(), T0)
        .await
        .unwrap();
    let acme = Inbox::Folder("acme".parse().unwrap());
    let there = |all: &BTreeMap<MessageId, (Inbox, State, String)>| {
        assert_eq!(all.len(), 10);
        for (inbox, state, body) in all.values() {
            assert_eq!((inbox, *state), (&acme, State::Pending), "{body}");
            assert!(body.starts_with("to build"), "{body}");
        }
    };
    there(&where_they_are(&store, &ids, T0).await);
    store.close().unwrap();
    let store = small(dir.path(), &clock);
    there(&where_they_are(&store, &ids, T0).await);
    // All but those are done with: their files go, and they are carried.
    let files = || std::fs::read_dir(dir.path()).unwrap().count();
    let before = files();
    loop {
        let leased = store.lease(lease_request("acme", 100, T0)).await.unwrap();
        let done = leased.messages.iter().map(|it| it.id);
        let done: Vec<_> = done.filter(|id| !ids.contains(id)).collect();
        if done.is_empty() {
            break;
        }
        ack(&store, done, T0).await;
    }
    clock.forward(2 * HOUR);
    store.sweep();
    store.sweep();
    assert!(files() < before, "{} of {before}", files());
    there(&where_they_are(&store, &ids, clock.now()).await);
    store.close().unwrap();
    let store = small(dir.path(), &clock);
    there(&where_they_are(&store, &ids, clock.now()).await);
    let leased = store.lease(lease_request("acme", 100, clock.now())).await;
    let leased: Vec<_> = leased.unwrap().messages.iter().map(|it| it.id).collect();
    assert_eq!(leased, ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_is_cut_short_anywhere_is_followed_up_at_the_next_start() {
    let mut cuts = 0;
    for moment in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let disk = Ram::default();
        let store = on(&disk, dir.path());
        let ids = filled(&store, 200, 0).await;
        let grant = store.insert_channel_grant(channel(1, "build")).await;
        let text = put(&store, knock(&grant.unwrap(), T0)).await;
        disk.fail_after(moment);
        let ended = store.end_session("build".parse().unwrap(), T0).await;
        drop(store);
        let mut coin = moment;
        let left = disk.after_a_power_cut(&mut |sides| {
            coin = coin.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (coin >> 33) % sides
        });
        let store = on(&left, dir.path());
        let over = store.session_of(&this("build")).unwrap().ended_at.is_some();
        assert!(over || ended.is_err(), "it was said to have ended");
        // Whoever asks finds all that waits where it belongs.
        let nothing = store.lease(lease_request("nobody", 1, T0)).await.unwrap();
        assert_eq!(nothing.messages, []);
        let (inbox, state) = match over {
            true => (Inbox::Folder("acme".parse().unwrap()), State::Dead),
            false => (Inbox::Session(this("build")), State::Pending),
        };
        for (at, state, body) in where_they_are(&store, &ids, T0).await.into_values() {
            assert_eq!((at, state), (inbox.clone(), State::Pending), "{body}");
        }
        let said = store.get(text, rig::everywhere(), 0, T0).await.unwrap();
        assert_eq!(said.unwrap().message.state, state, "moment {moment}");
        if ended.is_ok() {
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 5, "it was cut short {cuts} times");
}
