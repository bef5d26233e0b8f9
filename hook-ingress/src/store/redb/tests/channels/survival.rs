//! What a reopened store, a copy, and an older file know of channels.

use super::*;

/// Two sessions of which one has ended, three grants of which one is revoked and one was used, and
/// two signing keys, the later with the lower id, that took the place of three.
async fn furnish(store: &RedbStore) {
    made(store, "named").await;
    let over = made(store, "over").await;
    for n in 1..=3 {
        let to = if n == 3 { "over" } else { "named" };
        store.insert_channel_grant(channel(n, to)).await.unwrap();
    }
    for id in [9, 7, 6] {
        store.add_signing_key(signing_key(id), false).await.unwrap();
    }
    store.add_signing_key(signing_key(8), true).await.unwrap();
    store.add_signing_key(signing_key(5), false).await.unwrap();
    let used = store.channel_grant(GrantId::new(T0, 1)).unwrap();
    put(store, knock(&used, T0)).await;
    let revoked = GrantId::new(T0, 2);
    assert!(store.revoke_channel_grant(revoked, T0).await.unwrap());
    assert!(store.end_session(over.id.clone(), T0).await.unwrap());
}

/// Nothing that was over is let in again.
async fn is_as_it_was(store: &RedbStore, before: &Told, token: &str) {
    assert_eq!(told(store), *before);
    let grant = |n| store.channel_grant(GrantId::new(T0, n)).unwrap();
    assert_eq!(
        store.signing_keys().verify(token),
        Ok(grant(1).claims()),
        "what was signed still holds"
    );
    assert_eq!(store.put(knock(&grant(2), T0)).await, Ok(Put::Revoked));
    assert_eq!(store.put(knock(&grant(3), T0)).await, Ok(Put::Ended));
    let over = store.session_of(&this("over")).unwrap();
    assert_eq!(over.ended_at, Some(T0));
    let again = store.make_session(session("over")).await.unwrap();
    let MakeSession::Made(again) = again else {
        panic!("{again:?}");
    };
    assert_eq!(store.put(knock(&grant(3), T0)).await, Ok(Put::Ended));
    assert_eq!(store.session_of(&this("over")), Some(over));
    assert_eq!(store.session(&again.id), Some(again));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_channel_grants_and_signing_keys_survive_a_reopening_and_a_power_cut() {
    for seed in 0..8_u64 {
        let dir = tempfile::tempdir().unwrap();
        let mut disk = Ram::default();
        let store = on(&disk, dir.path());
        furnish(&store).await;
        let before = told(&store);
        assert_eq!((before.sessions.len(), before.grants.len()), (2, 3));
        assert_eq!(before.grants[0].last_used_at, Some(T0));
        assert_eq!(before.keys, [8, 5]);
        let claims = before.grants[0].grant.claims();
        let token = store.signing_keys().sign(&claims).unwrap();
        if seed == 0 {
            store.close().unwrap();
        } else {
            let mut falls = seed;
            let left = disk.after_a_power_cut(&mut |sides| {
                falls = falls.wrapping_mul(6_364_136_223_846_793_005) + 1;
                (falls >> 33) % sides
            });
            drop(store);
            disk = left;
        }
        is_as_it_was(&on(&disk, dir.path()), &before, token.expose()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_carries_sessions_channel_grants_and_signing_keys() {
    let dir = tempfile::tempdir().unwrap();
    let store = rig::open(dir.path());
    furnish(&store).await;
    let before = told(&store);
    let claims = before.grants[0].grant.claims();
    let token = store.signing_keys().sign(&claims).unwrap();
    let mut copy = Vec::new();
    let keep = |bytes: &[u8]| {
        copy.extend_from_slice(bytes);
        Ok(())
    };
    store.backup(keep).unwrap();
    let place = tempfile::tempdir().unwrap();
    restore(&mut &copy[..], place.path()).unwrap();
    let restored = rig::open(place.path());
    is_as_it_was(&restored, &before, token.expose()).await;
    #[cfg(unix)]
    for place in [dir.path(), place.path()] {
        files_are_their_owners_alone(place);
    }
}

/// Lock, control file, log and the file that is made ready.
#[cfg(unix)]
fn files_are_their_owners_alone(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;

    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    for name in ["doorbell.pid", "doorbell.redb"] {
        assert!(names.iter().any(|there| there == name), "{names:?}");
    }
    assert!(names.iter().any(|name| name.starts_with("log-")));
}

#[tokio::test]
async fn a_file_from_before_channels_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Ram::default();
    drop(on(&disk, dir.path()));
    let file = disk.open(&dir.path().join("doorbell.redb")).unwrap();
    let db = Builder::new().create_with_backend(Opened(file)).unwrap();
    let txn = db.begin_write().unwrap();
    for table in LATER_CONTROL_TABLES {
        assert!(txn.delete_table(table).unwrap());
    }
    txn.commit().unwrap();
    db.close().unwrap();
    let store = on(&disk, dir.path());
    made(&store, "named").await;
    drop(store);
    assert_eq!(told(&on(&disk, dir.path())).sessions.len(), 1);
}

#[tokio::test]
async fn a_control_file_without_its_grants_is_damaged_and_not_made_anew() {
    use crate::store::redb::schema::GRANTS;

    let dir = tempfile::tempdir().unwrap();
    let disk = Ram::default();
    drop(on(&disk, dir.path()));
    let file = disk.open(&dir.path().join("doorbell.redb")).unwrap();
    let db = Builder::new().create_with_backend(Opened(file)).unwrap();
    let txn = db.begin_write().unwrap();
    txn.delete_table(GRANTS).unwrap();
    txn.commit().unwrap();
    db.close().unwrap();
    let mut options = options(&Hands::new());
    options.disk = Arc::new(disk);
    let opened = RedbStore::open(dir.path(), options).map(drop);
    assert!(matches!(opened, Err(OpenError::Damaged(_))), "{opened:?}");
}
