//! A store is looked at without being changed, and what is whole of it opens elsewhere.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use doorbell_core::ports::GrantStore;

use super::{
    damage::{control, filled, log, page, turn},
    rig::{arrival, grants_everywhere, open, put},
};
use crate::store::redb::{CheckError, Checked, OpenError, Watch, check};

#[derive(Default)]
struct Told {
    damaged: Vec<String>,
    bytes: u64,
}

impl Watch for Told {
    fn damaged(&mut self, file: &str, what: &str) {
        self.damaged.push(format!("{file}: {what}"));
    }
    fn went_on(&mut self, bytes: u64) {
        self.bytes += bytes;
    }
}

fn looked(dir: &Path, to: Option<&Path>) -> (Checked, Told) {
    let mut told = Told::default();
    let checked = check(dir, to, &mut told).unwrap();
    assert_eq!(checked.damaged, told.damaged.len() as u64);
    (checked, told)
}

fn bytes(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(dir).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|it| it == "redb"))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_store_is_found_whole_and_left_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let before = bytes(dir.path());
    let (checked, told) = looked(dir.path(), None);
    assert_eq!(told.damaged, Vec::<String>::new());
    assert_eq!((checked.messages, checked.unchecked), (4, 0));
    let size: usize = before.values().map(Vec::len).sum();
    assert_eq!(told.bytes, size as u64);
    assert_eq!(bytes(dir.path()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_store_is_looked_at_without_being_repaired() {
    let dir = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let store = open(dir.path());
    let grant = store.list_grants(&grants_everywhere()).remove(0).grant;
    put(&store, arrival(&grant, "just now")).await;
    // As a crash leaves it: the files as they are while it is open.
    for (path, bytes) in bytes(dir.path()) {
        fs::write(copy.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    let before = bytes(copy.path());
    let (checked, told) = looked(copy.path(), None);
    assert_eq!(told.damaged, Vec::<String>::new());
    assert_eq!(checked.messages, 5);
    assert_eq!(bytes(copy.path()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_named_and_what_is_whole_opens_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path()).await;
    turn(&log(dir.path()), b"second body", 3);
    turn(&control(dir.path()), b"victim", 2);
    let before = bytes(dir.path());
    let to = dir.path().join("salvaged");
    let (checked, told) = looked(dir.path(), Some(&to));
    let all = told.damaged.join("\n");
    let message = format!(
        "log-00000000000000000001.redb: message {}: its checksum",
        ids[1]
    );
    assert!(all.contains(&message), "{all}");
    assert!(all.contains("doorbell.redb: grants 01"), "{all}");
    // Both files' pages have checksums of their own.
    assert_eq!(all.matches("not all of its pages").count(), 2, "{all}");
    assert_eq!(checked.messages, 3);
    assert_eq!(bytes(dir.path()), before);

    let (checked, told) = looked(&to, None);
    assert_eq!((told.damaged, checked.messages), (Vec::new(), 3));
    let store = open(&to);
    let left: Vec<_> = page(&store).await.into_iter().map(|it| it.id).collect();
    assert_eq!(left, [ids[0], ids[2], ids[3]]);
    let grants = store.list_grants(&grants_everywhere());
    assert_eq!(grants.len(), 1);
    let next = put(&store, arrival(&grants[0].grant, "goes on")).await;
    assert!(next > ids[3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_file_that_does_not_open_the_others_are_salvaged() {
    let dir = tempfile::tempdir().unwrap();
    let ids = filled(dir.path()).await;
    fs::write(control(dir.path()), vec![0; 40_000]).unwrap();
    let to = dir.path().join("salvaged");
    let (checked, told) = looked(dir.path(), Some(&to));
    let all = told.damaged.join("\n");
    assert!(all.contains("doorbell.redb: it does not open"), "{all}");
    assert_eq!(checked.messages, 4);
    let store = open(&to);
    assert_eq!(page(&store).await.len(), ids.len());
    assert_eq!(store.list_grants(&grants_everywhere()), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbled_pages_cost_no_more_than_what_hangs_on_them_and_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let whole = fs::read(log(dir.path())).unwrap();
    for page_at in (4096..whole.len()).step_by(4096) {
        let mut bytes = whole.clone();
        let end = (page_at + 4096).min(bytes.len());
        if bytes[page_at..end].iter().all(|byte| *byte == 0) {
            continue;
        }
        bytes[page_at..end]
            .iter_mut()
            .for_each(|byte| *byte ^= 0x5a);
        fs::write(log(dir.path()), bytes).unwrap();
        let to = tempfile::tempdir().unwrap();
        looked(dir.path(), Some(to.path()));
        let (_, told) = looked(to.path(), None);
        assert_eq!(told.damaged, Vec::<String>::new(), "page at {page_at}");
        drop(page(&open(to.path())).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_served_is_not_looked_at_and_what_is_there_is_not_mixed_with() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let served = check(dir.path(), None, &mut Told::default());
    assert!(
        matches!(served, Err(CheckError::Open(OpenError::Taken { .. }))),
        "{served:?}"
    );
    store.close().unwrap();
    let full = tempfile::tempdir().unwrap();
    fs::write(full.path().join("something"), "").unwrap();
    let mixed = check(dir.path(), Some(full.path()), &mut Told::default());
    assert!(matches!(mixed, Err(CheckError::NotEmpty(_))), "{mixed:?}");
    let none = check(&dir.path().join("none"), None, &mut Told::default());
    assert!(matches!(none, Err(CheckError::NoStore(_))), "{none:?}");
    assert!(!dir.path().join("none").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_the_first_release_is_salvaged_as_it_is_and_upgraded_when_it_opens() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/format-1");
    let dir = tempfile::tempdir().unwrap();
    for name in ["doorbell.redb", "log-00000000000000000001.redb"] {
        fs::copy(fixture.join(name), dir.path().join(name)).unwrap();
    }
    let to = dir.path().join("salvaged");
    let (checked, told) = looked(dir.path(), Some(&to));
    assert_eq!(told.damaged, Vec::<String>::new());
    assert!(checked.messages > 0);
    assert_eq!(checked.unchecked, checked.messages);
    let grants = |dir: &Path| open(dir).list_grants(&grants_everywhere());
    assert_eq!(grants(&to), grants(dir.path()));
}
