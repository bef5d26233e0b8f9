//! Laws about channel grants, sessions and signing keys.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Subject, list_laws,
    subject::{agent, at, grants_of, just_before, session},
};
use crate::{
    address::{Address, Inbox, SessionRef},
    capability::{SigningKey, SigningKeyId, Verb},
    channel::ChannelGrant,
    contract::T0,
    grant::GrantId,
    message::{
        Arrival, DedupeId, Destination, Head, IDEMPOTENCY_WINDOW, Kind, MessageId, Mode, Via,
    },
    ports::{MakeSession, Put},
    principal::Principal,
    session::Session,
    time::Timestamp,
};

list_laws![
    a_channel_grant_is_found_by_its_id_and_listed_within_its_owner_folder,
    a_session_is_made_once_and_stands_afterwards,
    sessions_and_channel_grants_are_counted_until_they_are_over,
    an_ended_session_takes_nothing_and_stays_ended,
    a_session_made_anew_has_nothing_of_the_one_that_ended,
    a_message_for_a_session_nobody_made_is_not_stored,
    what_comes_through_a_channel_reads_as_the_channel_s,
    nothing_comes_through_a_channel_grant_once_it_is_revoked_or_expired,
    an_idempotency_key_is_remembered_for_a_day_and_per_grant,
    an_idempotency_key_with_another_text_or_name_is_a_conflict,
    the_newest_signing_key_signs_and_the_older_ones_hold_until_one_stands_alone,
];

fn a_session(id: &str, folder: &str) -> Session {
    Session {
        id: id.parse().expect("a legal session id"),
        folder: folder.parse().expect("a legal folder"),
        named: true,
        probe: false,
        created_at: T0,
        ended_at: None,
    }
}

fn a_channel(n: u128, to: &str, owner: &str) -> ChannelGrant {
    ChannelGrant {
        id: GrantId::new(T0, n),
        session: SessionRef {
            id: to.parse().expect("a legal session id"),
            made: T0,
        },
        verb: Verb::SendInput,
        label: None,
        owner_folder: owner.parse().expect("a legal folder"),
        probe: false,
        created_at: T0,
        expires_at: at(1_000_000),
        revoked_at: None,
    }
}

fn knock(grant: &Arc<ChannelGrant>, key: Option<&str>, received_at: Timestamp) -> Arrival {
    Arrival {
        via: Via::Channel(grant.clone()),
        to: Destination {
            inbox: Inbox::Session(grant.session.clone()),
            folder: grant.owner_folder.clone(),
        },
        rule: None,
        kind: Kind::Channel,
        mode: Mode::Trigger,
        received_at,
        head: Head {
            from: Some("cron".to_owned()),
            ..Head::default()
        },
        body: Bytes::from_static(b"deploy"),
        dedupe: key.map(|key| DedupeId::new("idempotency_key", key.as_bytes())),
        test: false,
        repeat_of: None,
    }
}

/// A session and a grant for it.
async fn a_door(s: &Subject, n: u128) -> Arc<ChannelGrant> {
    let made = s.store.make_session(a_session("build", "acme")).await;
    made.expect("made, or stands");
    s.store
        .insert_channel_grant(a_channel(n, "build", "acme"))
        .await
        .expect("kept")
}

async fn knocked(s: &Subject, arrival: Arrival) -> Put {
    s.store.put(arrival).await.expect("the store takes it")
}

fn stored(put: Put) -> MessageId {
    match put {
        Put::Stored(id) => id,
        other => panic!("expected it to be stored, but: {other:?}"),
    }
}

async fn sessions_and_channel_grants_are_counted_until_they_are_over(s: Subject) {
    let folder = |text: &str| text.parse().expect("a legal folder");
    let counts = |beside| {
        let beside = folder(beside);
        let (sessions, grants) = (
            s.store.count_sessions(&beside),
            s.store.count_channel_grants(&beside),
        );
        [sessions.all, sessions.within, grants.all, grants.within]
    };
    let grant = a_door(&s, 1).await;
    a_door(&s, 2).await;
    let made = s.store.make_session(a_session("test", "other/eng")).await;
    made.expect("made");
    assert_eq!(counts("acme/eng"), [2, 1, 2, 2]);
    assert_eq!(counts("other"), [2, 1, 2, 0]);
    for _ in 0..2 {
        let ended = s
            .store
            .end_session("test".parse().expect("legal"), T0)
            .await;
        ended.expect("ended, or had");
        let revoked = s.store.revoke_channel_grant(grant.id, T0).await;
        revoked.expect("revoked, or was");
        assert_eq!(counts("acme"), [1, 1, 1, 1]);
    }
    let anew = s.store.make_session(a_session("test", "other/eng")).await;
    anew.expect("made anew");
    assert_eq!(counts("other"), [2, 1, 1, 0]);
}

async fn a_channel_grant_is_found_by_its_id_and_listed_within_its_owner_folder(s: Subject) {
    let mut later = a_channel(2, "build", "acme/eng");
    later.created_at = at(1);
    let later = s.store.insert_channel_grant(later).await.expect("kept");
    let first = s
        .store
        .insert_channel_grant(a_channel(1, "other", "ab"))
        .await
        .expect("kept");
    assert_eq!(s.store.channel_grant(first.id), Some(first.clone()));
    assert_eq!(s.store.channel_grant(GrantId::new(T0, 9)), None);
    let listed = |scope| {
        let list = s.store.list_channel_grants(&scope);
        list.into_iter()
            .map(|entry| entry.grant.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        listed(grants_of(&Principal::Operator)),
        [first.id, later.id]
    );
    assert_eq!(listed(grants_of(&agent("acme"))), [later.id]);
    assert_eq!(listed(grants_of(&agent("a"))), []);
}

async fn a_session_is_made_once_and_stands_afterwards(s: Subject) {
    let first = match s
        .store
        .make_session(a_session("build", "acme"))
        .await
        .expect("asked")
    {
        MakeSession::Made(session) => session,
        other => panic!("expected a new session, but: {other:?}"),
    };
    assert_eq!(s.store.session(&first.id), Some(first.clone()));
    assert_eq!(s.store.session_of(&first.reference()), Some(first.clone()));
    let again = s
        .store
        .make_session(a_session("build", "elsewhere"))
        .await
        .expect("asked");
    assert_eq!(
        again,
        MakeSession::Stands(first.clone()),
        "ids are an instance's, not a folder's"
    );
    assert_eq!(s.store.list_sessions(&grants_of(&agent("acme"))), [first]);
    assert_eq!(s.store.list_sessions(&grants_of(&agent("elsewhere"))), []);
}

async fn an_ended_session_takes_nothing_and_stays_ended(s: Subject) {
    let grant = a_door(&s, 1).await;
    stored(knocked(&s, knock(&grant, None, T0)).await);
    assert!(
        s.store
            .end_session(grant.session.id.clone(), at(1))
            .await
            .expect("ended")
    );
    assert!(
        !s.store
            .end_session(grant.session.id.clone(), at(2))
            .await
            .expect("asked")
    );
    assert_eq!(knocked(&s, knock(&grant, None, at(3))).await, Put::Ended);
    let session = s.store.session_of(&grant.session).expect("remembered");
    assert_eq!(session.ended_at, Some(at(1)));
    assert_eq!(s.store.session(&grant.session.id), Some(session));
    assert_eq!(s.log().await.len(), 1);
}

async fn a_session_made_anew_has_nothing_of_the_one_that_ended(s: Subject) {
    let grant = a_door(&s, 1).await;
    let old = s.store.session_of(&grant.session).expect("made");
    assert_eq!(
        s.store.end_session(grant.session.id.clone(), at(1)).await,
        Ok(true)
    );
    // In another folder, and by a clock that stood still or went back.
    let mut again = a_session("build", "elsewhere");
    again.created_at = old.created_at;
    let MakeSession::Made(new) = s.store.make_session(again).await.expect("asked") else {
        panic!("the one of that id has ended");
    };
    assert!(new.created_at > old.created_at);
    assert_ne!(new.reference(), old.reference());
    assert_eq!(s.store.session(&new.id), Some(new.clone()));
    assert_eq!(s.store.session_of(&new.reference()), Some(new.clone()));
    let ended = s.store.session_of(&old.reference()).expect("remembered");
    assert_eq!(ended.ended_at, Some(at(1)));
    // What was for the old one is not let into the new one.
    assert_eq!(knocked(&s, knock(&grant, None, at(2))).await, Put::Ended);
    let listed = s.store.list_sessions(&grants_of(&Principal::Operator));
    assert_eq!(listed, [ended, new.clone()]);
    // Ending by the id ends the one that stands.
    assert_eq!(s.store.end_session(new.id.clone(), at(3)).await, Ok(true));
    let kept = s.store.session_of(&old.reference()).expect("remembered");
    assert_eq!(kept.ended_at, Some(at(1)));
    assert_eq!(s.store.end_session(new.id.clone(), at(4)).await, Ok(false));
}

async fn a_message_for_a_session_nobody_made_is_not_stored(s: Subject) {
    let grant = s
        .store
        .insert_channel_grant(a_channel(1, "ghost", "acme"))
        .await
        .expect("kept");
    assert_eq!(knocked(&s, knock(&grant, None, T0)).await, Put::Ended);
    assert_eq!(s.log().await.len(), 0);
}

async fn what_comes_through_a_channel_reads_as_the_channel_s(s: Subject) {
    let grant = a_door(&s, 1).await;
    let id = stored(knocked(&s, knock(&grant, None, T0)).await);
    let message = s.detail(id, T0).await.message;
    assert_eq!(message.kind, Kind::Channel);
    assert_eq!(message.address, Address::Channel(grant.session.id.clone()));
    assert_eq!((&*message.sender, message.grant), ("channel", grant.id));
    assert_eq!(message.head.from.as_deref(), Some("cron"));
    assert_eq!(s.rings.take(), [(session("build"), id)]);
    let used = s
        .store
        .list_channel_grants(&grants_of(&Principal::Operator))
        .remove(0)
        .last_used_at;
    assert_eq!(used, Some(T0));
}

async fn nothing_comes_through_a_channel_grant_once_it_is_revoked_or_expired(s: Subject) {
    let grant = a_door(&s, 1).await;
    stored(knocked(&s, knock(&grant, None, just_before(grant.expires_at))).await);
    assert_eq!(
        knocked(&s, knock(&grant, None, grant.expires_at)).await,
        Put::Revoked
    );
    assert!(
        s.store
            .revoke_channel_grant(grant.id, at(5))
            .await
            .expect("revoked")
    );
    assert!(
        !s.store
            .revoke_channel_grant(grant.id, at(6))
            .await
            .expect("asked")
    );
    assert_eq!(knocked(&s, knock(&grant, None, T0)).await, Put::Revoked);
    let kept = s.store.channel_grant(grant.id).expect("remembered");
    assert_eq!(kept.revoked_at, Some(at(5)));
}

async fn an_idempotency_key_is_remembered_for_a_day_and_per_grant(s: Subject) {
    let (grant, other) = (a_door(&s, 1).await, a_door(&s, 2).await);
    let first = stored(knocked(&s, knock(&grant, Some("k"), T0)).await);
    let end = T0.plus(IDEMPOTENCY_WINDOW);
    let repeat = knock(&grant, Some("k"), just_before(end));
    assert_eq!(knocked(&s, repeat).await, Put::Duplicate(first));
    stored(knocked(&s, knock(&other, Some("k"), T0)).await);
    stored(knocked(&s, knock(&grant, Some("k"), end)).await);
}

async fn an_idempotency_key_with_another_text_or_name_is_a_conflict(s: Subject) {
    let grant = a_door(&s, 1).await;
    let first = stored(knocked(&s, knock(&grant, Some("k"), T0)).await);
    let mut text = knock(&grant, Some("k"), at(1));
    text.body = "roll back".into();
    let mut name = knock(&grant, Some("k"), at(1));
    name.head.from = None;
    for other in [text, name] {
        assert_eq!(knocked(&s, other).await, Put::Conflict(first));
    }
    let detail = s.detail(first, at(1)).await;
    assert_eq!(detail.repeats, None, "a conflict is no repeat");
    let again = knock(&grant, Some("k"), at(2));
    assert_eq!(knocked(&s, again).await, Put::Duplicate(first));
    assert_eq!(s.log().await, [first]);
    // A dead text is not typed once more because its caller did not hear the answer.
    let inbox = session("build");
    let mut now = at(3);
    for _ in 0..5 {
        let mut request = super::subject::from("acme", super::subject::ANN, now);
        request.inboxes = vec![inbox.clone()];
        assert_eq!(s.lease(request).await.messages.len(), 1);
        now = now.plus(crate::message::LEASE);
    }
    let again = knock(&grant, Some("k"), now);
    assert_eq!(knocked(&s, again).await, Put::Duplicate(first));
    assert_eq!(s.state(first, now).await.0, crate::message::State::Dead);
}

async fn the_newest_signing_key_signs_and_the_older_ones_hold_until_one_stands_alone(s: Subject) {
    assert!(s.store.signing_keys().current().is_none());
    let claims = a_channel(1, "build", "acme").claims();
    let mut tokens = Vec::new();
    for id in 1..=2 {
        let key = SigningKey::from_parts(SigningKeyId(id), at(id.into()), [id as u8; 32]);
        s.store.add_signing_key(key, false).await.expect("kept");
        let ring = s.store.signing_keys();
        assert_eq!(ring.current().map(SigningKey::id), Some(SigningKeyId(id)));
        tokens.push(ring.sign(&claims).expect("a key signs"));
    }
    for token in &tokens {
        assert_eq!(
            s.store.signing_keys().verify(token.expose()),
            Ok(claims.clone())
        );
    }
    let alone = SigningKey::from_parts(SigningKeyId(3), at(3), [3; 32]);
    s.store.add_signing_key(alone, true).await.expect("kept");
    for token in &tokens {
        assert!(s.store.signing_keys().verify(token.expose()).is_err());
    }
}
