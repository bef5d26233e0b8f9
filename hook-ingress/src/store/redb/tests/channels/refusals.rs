//! What is over lets nothing in, from the very next command on.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_after_a_revocation_or_an_end_is_refused_in_the_same_turn_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = on(&Ram::default(), dir.path());
    for round in 0..20 {
        let id = format!("s{round}");
        // All of it is on its way before anything is waited for.
        let make = store.make_session(session(&id));
        let grants = [1, 2].map(|n| Arc::new(channel(round * 10 + n, &id)));
        let inserts = grants
            .clone()
            .map(|grant| store.insert_channel_grant((*grant).clone()));
        let puts = |grant| [0; 5].map(|_| store.put(knock(grant, T0)));
        let before = puts(&grants[0]);
        let revoke = store.revoke_channel_grant(grants[0].id, T0);
        let revoked = puts(&grants[0]);
        let between = puts(&grants[1]);
        let end = store.end_session(id.parse().unwrap(), T0);
        let ended = puts(&grants[1]);
        let anew = store.make_session(session(&id));
        let stale = puts(&grants[1]);

        assert!(matches!(make.await, Ok(MakeSession::Made(_))));
        for insert in inserts {
            insert.await.unwrap();
        }
        assert_eq!((revoke.await, end.await), (Ok(true), Ok(true)));
        for put in before.into_iter().chain(between) {
            assert!(matches!(put.await, Ok(Put::Stored(_))));
        }
        for put in revoked {
            assert_eq!(put.await, Ok(Put::Revoked));
        }
        for put in ended.into_iter().chain(stale) {
            assert_eq!(put.await, Ok(Put::Ended));
        }
        let Ok(MakeSession::Made(anew)) = anew.await else {
            panic!("the one of that id has ended");
        };
        assert!(anew.created_at > T0, "in the same turn it is another");
    }
}

#[tokio::test]
async fn a_route_that_leads_to_a_session_that_ended_stores_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = on(&Ram::default(), dir.path());
    let grant = mint(&store, "acme", "github").await;
    let mut routed = arrival(&grant, "push");
    routed.to = to_session("named");
    assert_eq!(store.put(routed.clone()).await, Ok(Put::Ended), "no such");
    let session = made(&store, "named").await;
    put(&store, routed.clone()).await;
    store.end_session(session.id.clone(), T0).await.unwrap();
    assert_eq!(store.put(routed).await, Ok(Put::Ended));
    put(&store, arrival(&grant, "the folder's own inbox")).await;
}
