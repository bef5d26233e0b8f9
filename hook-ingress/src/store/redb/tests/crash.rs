//! What was acknowledged is there after a crash, once, under its id; what was not is not half
//! there.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use doorbell_core::{
    grant::Grant,
    message::{MessageId, State},
    ports::{Health, Log, Order, Put, ReadRequest},
};

use super::{
    disk::Ram,
    rig::{Hands, T0, ack, arrival, everywhere, lease, mint, options, put, with_id},
};
use crate::store::redb::{Disk, Files, OpenError, RedbStore, schema::NEXT_FILE, segment::Handle};

fn try_open(dir: &Path, disk: &Ram) -> Result<RedbStore, OpenError> {
    let mut options = options(&Hands::new());
    options.disk = Arc::new(disk.clone());
    options.segment_bytes = 96 << 10;
    RedbStore::open(dir, options)
}

async fn everything(store: &RedbStore) -> BTreeMap<MessageId, (bytes::Bytes, State)> {
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
    let page = store.read(request).await.unwrap();
    let count = page.messages.len();
    let all: BTreeMap<_, _> = page
        .messages
        .into_iter()
        .map(|it| (it.id, (it.body, it.state)))
        .collect();
    assert_eq!(all.len(), count, "a message is there twice");
    all
}

/// A small generator, so that a seed tells the whole story.
fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |sides| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) % sides
    }
}

/// Puts messages until the store refuses; what was acknowledged is added to `kept`.
async fn put_until_refused(
    store: &RedbStore,
    grant: &Arc<Grant>,
    kept: &mut BTreeMap<MessageId, Vec<u8>>,
    dice: &mut impl FnMut(u64) -> u64,
) {
    for round in 0..40 {
        let bodies: Vec<Vec<u8>> = (0..=dice(8))
            .map(|n| vec![(round * 8 + n) as u8; dice(20_000) as usize])
            .collect();
        let asked: Vec<_> = bodies
            .iter()
            .map(|body| store.put(arrival(grant, body.clone())))
            .collect();
        for (answer, body) in asked.into_iter().zip(bodies) {
            match answer.await {
                Ok(Put::Stored(id)) => assert!(kept.insert(id, body).is_none(), "an id twice"),
                Ok(other) => panic!("{other:?}"),
                Err(_) => return,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_nothing_that_was_acknowledged() {
    for seed in 0..24 {
        let dir = tempfile::tempdir().unwrap();
        let mut dice = dice(seed + 1);
        let mut disk = Ram::default();
        let mut kept: BTreeMap<MessageId, Vec<u8>> = BTreeMap::new();
        let mut settled = Vec::new();
        let mut grant = None;
        for cut in 0..4 {
            let store = try_open(dir.path(), &disk).unwrap();
            if grant.is_none() {
                grant = Some(mint(&store, "acme", "github").await);
            }
            let there = everything(&store).await;
            for (id, body) in &kept {
                let found = there.get(id).map(|(found, _)| &found[..]);
                assert_eq!(found, Some(&body[..]), "seed {seed}, cut {cut}, {id}");
            }
            for id in &settled {
                assert_eq!(there[id].1, State::Settled, "seed {seed}, cut {cut}, {id}");
            }
            let held = lease(&store, "acme", 20, T0).await.messages;
            let ids: Vec<_> = held.iter().map(|message| message.id).collect();
            ack(&store, ids[..ids.len() / 2].to_vec(), T0).await;
            settled.extend(&ids[..ids.len() / 2]);
            disk.fail_after(40 + dice(400));
            let grant = grant.as_ref().unwrap();
            put_until_refused(&store, grant, &mut kept, &mut dice).await;
            let left = disk.after_a_power_cut(&mut dice);
            drop(store);
            disk = left;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_fault_it_is_not_ready_and_then_ready_again_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Ram::default();
    let store = try_open(dir.path(), &disk).unwrap();
    let grant = mint(&store, "acme", "github").await;
    let first = put(&store, with_id(arrival(&grant, "first"), "1")).await;
    let held = lease(&store, "acme", 1, T0).await.messages[0].id;
    assert_eq!(held, first);
    disk.fail_after(0);
    assert!(store.put(arrival(&grant, "lost")).await.is_err());
    assert!(store.ready().is_err());
    assert!(store.put(arrival(&grant, "refused")).await.is_err());
    disk.repair();
    let again = loop {
        match store.put(arrival(&grant, "second")).await {
            Ok(Put::Stored(id)) => break id,
            Ok(other) => panic!("{other:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    store.ready().unwrap();
    assert!(again > first);
    let there = everything(&store).await;
    let bodies: Vec<_> = there.values().map(|(body, _)| &body[..]).collect();
    assert_eq!(bodies, [&b"first"[..], b"second"]);
    assert_eq!(there[&first].1, State::Leased);
    assert_eq!(
        store.put(with_id(arrival(&grant, "first"), "1")).await,
        Ok(Put::Duplicate(first))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_takes_again_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Ram::default();
    let store = try_open(dir.path(), &disk).unwrap();
    let grant = mint(&store, "acme", "github").await;
    let mut kept = vec![put(&store, arrival(&grant, "first")).await];
    disk.fill_up(100_000);
    loop {
        match store.put(arrival(&grant, vec![3; 50_000])).await {
            Ok(Put::Stored(id)) => kept.push(id),
            Ok(Put::Full) | Err(_) => break,
            Ok(other) => panic!("{other:?}"),
        }
        assert!(kept.len() < 100, "it never fills up");
    }
    disk.repair();
    while store.put(arrival(&grant, "there is room")).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let there = everything(&store).await;
    assert!(kept.iter().all(|id| there.contains_key(id)));
    assert_eq!(there.len(), kept.len() + 1);
}

#[tokio::test]
async fn beyond_its_limit_a_store_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let mut limited = options(&Hands::new());
    limited.max_disk = Some(100_000);
    let store = RedbStore::open(dir.path(), limited).unwrap();
    let grant = mint(&store, "acme", "github").await;
    put(&store, arrival(&grant, vec![0; 60_000])).await;
    assert_eq!(
        store.put(arrival(&grant, vec![0; 60_000])).await,
        Ok(Put::Full)
    );
    put(&store, arrival(&grant, vec![0; 1_000])).await;
}

#[tokio::test]
async fn a_newer_format_and_a_foreign_file_are_refused_by_name() {
    use ::redb::Builder;

    use crate::store::redb::{disk::Opened, schema::META};

    for newer in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let disk = Ram::default();
        drop(try_open(dir.path(), &disk).unwrap());
        let path = dir.path().join("log-00000000000000000001.redb");
        if newer {
            let backend = Opened(disk.open(&path).unwrap());
            let db = Builder::new().create_with_backend(backend).unwrap();
            let txn = db.begin_write().unwrap();
            txn.open_table(META)
                .unwrap()
                .insert(0, &7_u64.to_le_bytes()[..])
                .unwrap();
            txn.commit().unwrap();
        } else {
            let file = disk.open(&path).unwrap();
            file.set_len(8_192).unwrap();
            file.write(0, &[b'x'; 8_192]).unwrap();
        }
        match try_open(dir.path(), &disk).map(drop) {
            Err(OpenError::Newer {
                file,
                found: 7,
                known: 2,
            }) if newer => {
                assert_eq!(file, "log-00000000000000000001.redb");
            }
            Err(OpenError::Damaged(_)) if !newer => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The machine's disk, which makes no file ready before it is told to.
#[derive(Debug)]
struct Slow {
    begun: mpsc::Sender<()>,
    go_on: Mutex<mpsc::Receiver<()>>,
}

impl Disk for Slow {
    fn create(&self, path: &Path) -> io::Result<Box<dyn ::redb::StorageBackend>> {
        if path.to_string_lossy().contains(NEXT_FILE) {
            // Told by being let go of.
            let _ = self.begun.send(());
            let _ = self.go_on.lock().unwrap().recv();
        }
        Files.create(path)
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn ::redb::StorageBackend>> {
        Files.open(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        Files.list(dir)
    }
    fn len(&self, path: &Path) -> io::Result<u64> {
        Files.len(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Files.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        Files.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        Files.sync_dir(dir)
    }
}

#[test]
fn a_file_that_is_made_ready_while_the_store_closes_is_let_go_of() {
    let dir = tempfile::tempdir().unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (tell, go_on) = mpsc::channel();
    let mut slow = options(&Hands::new());
    slow.disk = Arc::new(Slow {
        begun,
        go_on: Mutex::new(go_on),
    });
    let store = RedbStore::open(dir.path(), slow).unwrap();
    has_begun.recv().unwrap();
    std::thread::scope(|scope| {
        let closing = scope.spawn(|| store.close());
        let newest = store.shared.chain()[0].clone();
        while !matches!(*newest.handle.read().unwrap(), Handle::Retired) {
            std::thread::yield_now();
        }
        drop(tell);
        closing.join().unwrap().unwrap();
    });
    // The closed store is still there, as in a server that waits for its last connections.
    let again = RedbStore::open(dir.path(), options(&Hands::new())).unwrap();
    again.ready().unwrap();
}
