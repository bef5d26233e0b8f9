//! Files of the chain: what they weigh, and that large bodies do not make them heavier.

use std::{os::unix::fs::MetadataExt, path::Path, sync::Arc};

use doorbell_core::ports::Log;

use super::rig::{Hands, T0, arrival, lease, mint, options};
use crate::store::redb::RedbStore;

/// How long the sealed files are, and how much of the disk they take.
fn weigh(dir: &Path) -> (u64, u64) {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|file| file.file_name().to_string_lossy().starts_with("log-"))
        .collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    files.pop();
    let sizes = files.iter().map(|file| file.metadata().unwrap());
    sizes.fold((0, 0), |(len, taken), file| {
        (len + file.len(), taken + file.blocks() * 512)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_files_take_no_more_than_a_fifth_on_top_of_what_they_hold() {
    for (len, at_once) in [(2_700, 64), (1 << 20, 4), (300, 256), (70_000, 8)] {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(&Hands::new());
        options.segment_bytes = 16 << 20;
        let store = Arc::new(RedbStore::open(dir.path(), options).unwrap());
        let grant = mint(&store, "acme", "github").await;
        let files = || {
            let entries = std::fs::read_dir(dir.path())
                .unwrap()
                .map(|entry| entry.unwrap());
            entries
                .filter(|file| file.file_name().to_string_lossy().starts_with("log-"))
                .count()
        };
        let (mut held, mut put) = (0, 0_u64);
        while files() < 3 {
            let asked: Vec<_> = (0..at_once)
                .map(|_| store.put(arrival(&grant, vec![b'x'; len])))
                .collect();
            for answer in asked {
                answer.await.unwrap();
            }
            put += at_once;
        }
        // Once this is answered, the writer has handed the last full file over to be sealed.
        store.put(arrival(&grant, "x")).await.unwrap();
        store.sweep();
        // What the newest file holds is not weighed.
        let newest = std::fs::read_dir(dir.path())
            .unwrap()
            .filter_map(|entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                name.strip_prefix("log-")?
                    .strip_suffix(".redb")?
                    .parse::<u64>()
                    .ok()
            })
            .max()
            .unwrap();
        held += (newest - 1) * (len as u64 + 30);
        let (long, taken) = weigh(dir.path());
        assert!(put >= newest - 1);
        let ratio = |bytes: u64| bytes as f64 / held as f64;
        // A message of 300 bytes has an entry of 64.
        let most = if len < 1_000 { 1.5 } else { 1.2 };
        assert!(
            ratio(taken) < most,
            "{len}: {:.3} of the disk",
            ratio(taken)
        );
        assert!(ratio(long) < most, "{len}: {:.3} long", ratio(long));
        assert_eq!(
            lease(&store, "acme", 3, T0).await.messages[2].body.len(),
            len
        );
    }
}
