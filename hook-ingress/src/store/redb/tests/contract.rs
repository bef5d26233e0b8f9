//! The laws that every store obeys.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use doorbell_core::contract;

use super::{
    disk::Ram,
    rig::{Hands, options},
};
use crate::store::redb::RedbStore;

#[tokio::test]
async fn it_obeys_every_law() {
    let dirs: Mutex<Vec<tempfile::TempDir>> = Mutex::default();
    contract::every_law_holds(async |ring| {
        let dir = tempfile::tempdir().unwrap();
        let path: PathBuf = dir.path().into();
        dirs.lock().unwrap().push(dir);
        let mut options = options(&Hands::new());
        options.ring = ring;
        // Nothing is crashed here, so no disk need be waited for.
        options.disk = Arc::new(Ram::default());
        Arc::new(RedbStore::open(&path, options).unwrap())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_behaves_like_the_model() {
    for seed in 0..12 {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(&Hands::new());
        options.disk = Arc::new(Ram::default());
        // So small that its messages and their events are spread over many files.
        options.segment_bytes = 8 << 10;
        let store = Arc::new(RedbStore::open(dir.path(), options).unwrap());
        contract::store_behaves_like_the_model(store, seed, 600).await;
    }
}
