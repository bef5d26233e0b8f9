//! What the first released version wrote opens and means what it meant, whenever the upgrade was
//! cut short.

use std::{
    collections::BTreeMap,
    fs,
    io::Cursor as Bytes,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ::redb::{Builder, ReadableDatabase, ReadableTable};
use doorbell_core::{
    address::Inbox,
    grant::Grant,
    message::{Arrival, DedupeId, Destination, Head, Kind, MessageId, State},
    ports::{Channels, GrantStore, Log, Order, Put, ReadRequest, Routes},
    route::Target,
    time::{Clock, Timestamp},
};

use super::{
    disk::Ram,
    rig::{Hands, T0, arrival, everywhere, grants_everywhere, options, put, with_id},
};
use crate::store::redb::{
    Disk, OpenError, RedbStore,
    disk::Opened,
    restore,
    schema::{CONTROL_META, FORMAT, META, META_FIRST, META_FORMAT, NEXT_FILE, log_path},
};

/// Some hours after the fixture was made.
const AFTER: Duration = Duration::from_secs(4 * 24 * 3600);

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/format-1")
}

fn facts() -> serde_json::Value {
    serde_json::from_slice(&fs::read(fixture().join("facts.json")).unwrap()).unwrap()
}

fn id_of(name: &str) -> MessageId {
    facts()["ids"][name].as_str().unwrap().parse().unwrap()
}

/// A disk with the fixture's files.
fn disk(dir: &Path) -> Ram {
    let disk = Ram::default();
    for name in ["doorbell.redb", "log-00000000000000000001.redb"] {
        disk.fill(&dir.join(name), fs::read(fixture().join(name)).unwrap());
    }
    disk
}

fn clock() -> Arc<Hands> {
    let clock = Hands::new();
    clock.forward(AFTER);
    clock
}

fn try_open(dir: &Path, disk: &Ram) -> Result<RedbStore, OpenError> {
    let mut options = options(&clock());
    options.disk = Arc::new(disk.clone());
    options.sweep_every = Duration::from_secs(3600);
    RedbStore::open(dir, options)
}

fn now() -> Timestamp {
    T0.plus(AFTER)
}

type Picture = BTreeMap<MessageId, (State, u8, bytes::Bytes, String)>;

async fn picture(store: &RedbStore) -> Picture {
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
        now: now(),
    };
    let page = store.read(request).await.unwrap();
    page.messages
        .into_iter()
        .map(|it| {
            let inbox = format!("{:?}", it.to.inbox);
            (it.id, (it.state, it.attempt, it.body, inbox))
        })
        .collect()
}

fn hook(store: &RedbStore) -> Arc<Grant> {
    let grants = store.list_grants(&grants_everywhere());
    let mut hooks = grants.into_iter().map(|it| it.grant);
    hooks.find(|grant| grant.sender() == "github").unwrap()
}

fn at(mut arrival: Arrival, now: Timestamp) -> Arrival {
    arrival.received_at = now;
    arrival
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_format_1_opens_and_means_what_it_meant() {
    let dir = tempfile::tempdir().unwrap();
    let disk = disk(dir.path());
    let store = try_open(dir.path(), &disk).unwrap();
    let before = picture(&store).await;
    assert_eq!(before.len(), 10);
    for (name, state, attempt, body) in [
        ("settled", State::Settled, 1, &b"settled"[..]),
        ("nacked", State::Pending, 1, b"nacked \xff\0binary"),
        ("dead", State::Dead, 5, b"dead"),
        ("pending", State::Pending, 0, b"pending"),
        ("observed", State::Observed, 0, b"observed"),
        ("said", State::Pending, 0, b"hello"),
        ("later", State::Pending, 0, b"after the backup"),
    ] {
        let (was, tried, bytes, _) = &before[&id_of(name)];
        assert_eq!((*was, *tried, &bytes[..]), (state, attempt, body), "{name}");
    }
    assert_eq!(before[&id_of("large")].2.len(), 70_000);
    // Sessions are those that bore their ids, wherever they are named.
    let build = store.session(&"build".parse().unwrap()).unwrap();
    let to_build = format!("{:?}", Inbox::Session(build.reference()));
    for name in ["to_session", "said"] {
        assert_eq!(before[&id_of(name)].3, to_build, "{name}");
    }
    let rules: Vec<_> = store.routes().iter().cloned().collect();
    assert_eq!(rules.len(), 2);
    for rule in &rules {
        let expected = matches!(rule.target, Target::Session(_)).then_some(build.created_at);
        assert_eq!(rule.session_made, expected);
    }
    let channel = |key: &str| {
        let parts = facts()[key].clone();
        let [claims, mac] = [&parts[0], &parts[1]].map(|part| part.as_str().unwrap().to_owned());
        let ring = store.signing_keys();
        let claims = ring.verify(&format!("dbc_{claims}.{mac}")).unwrap();
        let grant = store.channel_grant(claims.grant).unwrap();
        assert!(grant.agrees_with(&claims, now()));
        grant
    };
    let (open, ended) = (channel("channel"), channel("ended_channel"));
    assert_eq!(store.session_of(&open.session), Some(build.clone()));
    let over = store.session_of(&ended.session).unwrap();
    assert!(over.ended_at.is_some());
    // A retry of what came then is known by what it held, which nobody hashed then.
    let grant = hook(&store);
    let retry = |body: &'static [u8], id| at(with_id(arrival(&grant, body), id), now());
    let again = store.put(retry(b"settled", "1")).await;
    assert_eq!(again, Ok(Put::Duplicate(id_of("settled"))));
    let other = put(&store, retry(b"something else", "1")).await;
    let found = store.get(other, everywhere(), 0, now()).await.unwrap();
    assert_eq!(found.unwrap().message.repeat_of, Some(id_of("settled")));
    let said = |text: &'static str| Arrival {
        via: open.clone().into(),
        to: Destination {
            inbox: Inbox::Session(open.session.clone()),
            folder: build.folder.clone(),
        },
        kind: Kind::Channel,
        head: Head {
            from: Some("cron".into()),
            ..Head::default()
        },
        dedupe: Some(DedupeId::new("idempotency_key", b"k")),
        ..at(arrival(&grant, text), now())
    };
    let first = id_of("said");
    assert_eq!(store.put(said("hello")).await, Ok(Put::Duplicate(first)));
    assert_eq!(store.put(said("other")).await, Ok(Put::Conflict(first)));
    // A dead one that is sent again is pending again, though its file is never written any more.
    let again = store.put(retry(b"dead", "3")).await;
    assert_eq!(again, Ok(Put::Duplicate(id_of("dead"))));
    let after = picture(&store).await;
    assert_eq!(after[&id_of("dead")].0, State::Pending);
    store.close().unwrap();
    let store = try_open(dir.path(), &disk).unwrap();
    assert_eq!(picture(&store).await, after, "and once more");
    assert_eq!(after.len(), before.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_is_cut_short_anywhere_goes_on_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let whole = picture(&try_open(dir.path(), &disk(dir.path())).unwrap()).await;
    let mut cuts = 0;
    // From the first write that fails on, none succeeds: a kill, or a power cut, in that moment.
    for moment in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let disk = disk(dir.path());
        disk.fail_after(moment);
        let opened = try_open(dir.path(), &disk).map(drop);
        let mut coin = moment;
        let left = disk.after_a_power_cut(&mut |sides| {
            coin = coin.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (coin >> 33) % sides
        });
        let store = try_open(dir.path(), &left).unwrap();
        assert_eq!(picture(&store).await, whole, "moment {moment}");
        put(&store, at(arrival(&hook(&store), "new"), now())).await;
        if opened.is_ok() {
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 10, "it was cut short {cuts} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_its_first_commit_on_an_older_program_refuses_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let disk = disk(dir.path());
    // The control file is what an older program reads first.
    for moment in 0.. {
        let disk = self::disk(dir.path());
        disk.fail_after(moment);
        let opened = try_open(dir.path(), &disk).is_ok();
        let logs = disk.list(dir.path()).unwrap().len();
        disk.repair();
        if opened || logs > 2 {
            assert_eq!(format_of_control(&disk, dir.path()), FORMAT);
        }
        if opened {
            break;
        }
    }
    drop(try_open(dir.path(), &disk).unwrap());
    // What was written stays as it was, but for being closed.
    let first = log_path(dir.path(), 1);
    let db = Builder::new()
        .create_with_backend(Opened(disk.open(&first).unwrap()))
        .unwrap();
    let txn = db.begin_read().unwrap();
    let format = txn.open_table(META).unwrap().get(META_FORMAT).unwrap();
    assert_eq!(format.unwrap().value(), 1_u64.to_le_bytes());
}

fn format_of_control(disk: &Ram, dir: &Path) -> u64 {
    let backend = Opened(disk.open(&dir.join("doorbell.redb")).unwrap());
    let db = Builder::new().create_with_backend(backend).unwrap();
    let txn = db.begin_read().unwrap();
    let table = txn.open_table(CONTROL_META).unwrap();
    let row = table.get(&b"format"[..]).unwrap().unwrap();
    u64::from_le_bytes(row.value().try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_format_1_that_was_made_ready_or_was_never_written_to_is_taken_up() {
    for ready in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let disk = Ram::default();
        drop(try_open(dir.path(), &disk).unwrap());
        let name = if ready {
            NEXT_FILE
        } else {
            "log-00000000000000000001.redb"
        };
        let path = dir.path().join(name);
        if !disk.list(dir.path()).unwrap().contains(&path) {
            // It is made ready behind the open; whether it was done in time does not matter.
            continue;
        }
        let db = Builder::new()
            .create_with_backend(Opened(disk.open(&path).unwrap()))
            .unwrap();
        let txn = db.begin_write().unwrap();
        {
            let mut meta = txn.open_table(META).unwrap();
            meta.insert(META_FORMAT, &1_u64.to_le_bytes()[..]).unwrap();
            assert!(
                meta.get(META_FIRST).unwrap().is_none(),
                "nothing was written to it"
            );
        }
        txn.commit().unwrap();
        db.close().unwrap();
        let store = try_open(dir.path(), &disk).unwrap();
        let grant = super::rig::mint(&store, "acme", "github").await;
        let id = put(&store, with_id(arrival(&grant, "first"), "1")).await;
        store.close().unwrap();
        let store = try_open(dir.path(), &disk).unwrap();
        let again = with_id(arrival(&grant, "first"), "1");
        assert_eq!(store.put(again).await, Ok(Put::Duplicate(id)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_version_1_restores_and_one_of_now_is_of_version_2() {
    let copy = fs::read(fixture().join("backup")).unwrap();
    assert_eq!(copy[16..20], 1_u32.to_le_bytes());
    let dir = tempfile::tempdir().unwrap();
    restore(&mut Bytes::new(&copy), dir.path()).unwrap();
    let clock = clock();
    let store = RedbStore::open(dir.path(), options(&clock)).unwrap();
    let there = picture(&store).await;
    assert_eq!(there.len(), 9);
    assert_eq!(there[&id_of("dead")].0, State::Dead);
    assert_eq!(clock.now(), now());
    let mut again = Vec::new();
    store
        .backup(|bytes| {
            again.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
    assert_eq!(again[16..20], 2_u32.to_le_bytes());
    let place = tempfile::tempdir().unwrap();
    restore(&mut Bytes::new(&again), place.path()).unwrap();
    let restored = RedbStore::open(place.path(), options(&clock)).unwrap();
    assert_eq!(picture(&restored).await, there);
}
