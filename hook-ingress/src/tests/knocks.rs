//! Knocks at a channel: what the holder of a channel token may say, and what it is answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use doorbell_core::{
    address::SessionRef,
    capability::{SigningKey, SigningKeyId},
    message::Kind,
    ports::{ChannelStore, Channels},
    time::{Clock, Timestamp},
};
use serde_json::{Value, json};

use super::house::{House, Reply};
use crate::{
    Presence,
    limits::{ConnectionLimits, Limits, Rate},
};

/// Says what it is told to say.
#[derive(Default)]
struct Attached(AtomicBool);

impl Presence for Attached {
    fn is_live(&self, _: &SessionRef) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

async fn open() -> (House, Arc<Attached>) {
    let attached = Arc::new(Attached::default());
    let presence = attached.clone();
    let house = House::open_as(ConnectionLimits::default(), |config| {
        config.presence = presence
    });
    (house.await, attached)
}

async fn knock(house: &House, token: &str, words: &Value) -> Reply {
    house
        .post(
            token,
            "content-type: text/plain\r\n",
            words.to_string().as_bytes(),
        )
        .await
}

fn said(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).expect("JSON")
}

#[tokio::test]
async fn a_knock_is_buffered_while_nothing_is_attached_and_delivered_once_something_is() {
    let (house, attached) = open().await;
    let (token, grant) = house.channel("build").await;
    let reply = knock(
        &house,
        &token,
        &json!({"message": "deploy\nnow", "from": "cron"}),
    )
    .await;
    assert_eq!(
        (reply.status, said(&reply)["status"].as_str()),
        (202, Some("buffered"))
    );
    assert_eq!(reply.header("content-type"), Some("application/json"));
    attached.0.store(true, Ordering::Relaxed);
    let reply = knock(&house, &token, &json!({"message": "again"})).await;
    assert_eq!(
        (reply.status, said(&reply)["status"].as_str()),
        (200, Some("delivered"))
    );
    let stored = house.stored().await;
    assert_eq!(
        stored[1].id.to_string(),
        said(&reply)["message_id"].as_str().expect("an id")
    );
    let first = &stored[0];
    assert_eq!(
        (first.kind, first.grant, &*first.sender),
        (Kind::Channel, grant, "channel")
    );
    assert_eq!(first.address.to_string(), "doorbell:/sessions/build");
    assert_eq!(
        (&first.body[..], first.head.from.as_deref()),
        (&b"deploy\nnow"[..], Some("cron"))
    );
}

#[tokio::test]
async fn what_is_no_message_is_400_and_another_method_405() {
    let (house, _) = open().await;
    let (token, _) = house.channel("build").await;
    for bad in [
        "",
        "hello",
        "[]",
        "{}",
        r#"{"message":""}"#,
        r#"{"message":"a","from":"a]"}"#,
    ] {
        let reply = house.post(&token, "", bad.as_bytes()).await;
        assert_eq!(reply.status, 400, "{bad}");
        assert_eq!(said(&reply)["error"]["code"], "invalid_message");
    }
    let request = format!("PUT /hook/{token} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
    let reply = house.send(request).await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    assert!(house.stored().await.is_empty());
}

#[tokio::test]
async fn forged_cut_re_signed_expired_and_revoked_tokens_read_alike() {
    let (house, _) = open().await;
    let (token, grant) = house.channel("build").await;
    let (_, other) = house.channel("other").await;
    let cut = &token[..token.len() - 1];
    let forged = format!("{}A.{}", &token[..20], "A".repeat(43));
    let words = json!({"message": "m"});
    let mut replies = Vec::new();
    for bad in [cut, &forged, "dbc_", "dbc_.", "dbc_a.b"] {
        replies.push(knock(&house, bad, &words).await);
    }
    // Signed by a key of ours, for a grant that says something else.
    let mut claims = house.store.signing_keys().verify(&token).expect("ours");
    claims.grant = other;
    let mixed = house
        .store
        .signing_keys()
        .sign(&claims)
        .expect("a key signs");
    replies.push(knock(&house, mixed.expose(), &words).await);
    // Good, but its key is gone.
    let alone = SigningKey::from_parts(SigningKeyId(9), Timestamp::from_millis(1), [9; 32]);
    assert_eq!(knock(&house, &token, &words).await.status, 202);
    house
        .store
        .revoke_channel_grant(grant, house.clock.now())
        .await
        .expect("revoked");
    replies.push(knock(&house, &token, &words).await);
    let (late, _) = house.channel("late").await;
    house.clock.advance(Duration::from_secs(3_600));
    replies.push(knock(&house, &late, &words).await);
    let (lost, _) = house.channel("lost").await;
    house
        .store
        .add_signing_key(alone, true)
        .await
        .expect("kept");
    replies.push(knock(&house, &lost, &words).await);
    for reply in &replies {
        assert_eq!((reply.status, &reply.body), (403, &replies[0].body));
    }
    assert_eq!(house.stored().await.len(), 1);
}

#[tokio::test]
async fn an_ended_session_is_410_and_comes_before_what_is_wrong_with_the_words() {
    let (house, _) = open().await;
    let (token, _) = house.channel("build").await;
    let id = "build".parse().expect("legal");
    house
        .store
        .end_session(id, house.clock.now())
        .await
        .expect("ended");
    assert_eq!(
        knock(&house, &token, &json!({"message": "m"})).await.status,
        410
    );
    assert_eq!(house.post(&token, "", b"no json").await.status, 410);
}

#[tokio::test]
async fn an_idempotency_key_delivers_once_and_refuses_another_message() {
    let (house, attached) = open().await;
    let (token, _) = house.channel("build").await;
    let words = json!({"message": "m", "idempotency_key": "k"});
    let first = knock(&house, &token, &words).await;
    let again = knock(&house, &token, &words).await;
    assert_eq!((first.status, again.status), (202, 200));
    assert_eq!(said(&again)["message_id"], said(&first)["message_id"]);
    assert_eq!(said(&again)["duplicate"], true);
    assert_eq!(said(&again)["status"], "buffered");
    attached.0.store(true, Ordering::Relaxed);
    assert_eq!(
        said(&knock(&house, &token, &words).await)["status"],
        "delivered"
    );
    let other = json!({"message": "n", "idempotency_key": "k"});
    assert_eq!(knock(&house, &token, &other).await.status, 409);
    assert_eq!(house.stored().await.len(), 1);
}

#[tokio::test]
async fn channels_are_rate_limited_as_hooks_are() {
    let limits = Limits {
        hook_rate: Rate {
            per_minute: 1,
            burst: 1,
        },
        ..Limits::default()
    };
    let house = House::open_with(limits, ConnectionLimits::default()).await;
    let (token, _) = house.channel("build").await;
    let words = json!({"message": "m"});
    assert_eq!(knock(&house, &token, &words).await.status, 202);
    let reply = knock(&house, &token, &words).await;
    assert_eq!(reply.status, 429);
    assert!(reply.header("retry-after").is_some());
}
