//! Receives that wait, over HTTP.

use reqwest::RequestBuilder;
use serde_json::json;

use super::{
    Fixture, attached,
    over_http::Http,
    requests::{BOTH, Revision},
};

#[tokio::test]
async fn a_waiting_receive_is_rung() {
    let fixture = Fixture::new().await;
    let http = Http::new(&fixture).await;
    let grant = fixture.grant("acme/eng").await;
    let waiting = http.call(
        Revision::New,
        "receive_messages",
        json!({"wait_seconds": 50}),
    );
    let posting = async {
        attached(&fixture, 1).await;
        fixture.post(&grant, "ring").await
    };
    let (got, id) = tokio::join!(waiting, posting);
    assert_eq!(got["structuredContent"]["messages"][0]["id"], json!(id));
}

#[tokio::test]
async fn a_receive_whose_client_has_gone_leases_nothing() {
    for revision in BOTH {
        let fixture = Fixture::new().await;
        let http = Http::new(&fixture).await;
        let grant = fixture.grant("acme/eng").await;
        let body = revision.call("receive_messages", json!({"wait_seconds": 50}));
        let gone = tokio::spawn(http.post(revision, &body).send_whole());
        attached(&fixture, 1).await;
        gone.abort();
        attached(&fixture, 0).await;
        fixture.post(&grant, "later").await;
        let got = http.call(revision, "receive_messages", json!({})).await;
        assert_eq!(
            got["structuredContent"]["messages"][0]["attempt"], 1,
            "{revision:?}"
        );
    }
}

#[tokio::test]
async fn a_wait_ends_when_the_server_is_told_to_stop() {
    let fixture = Fixture::new().await;
    let http = Http::new(&fixture).await;
    let waiting = http.call(
        Revision::Old,
        "receive_messages",
        json!({"wait_seconds": 50}),
    );
    let stopping = async {
        attached(&fixture, 1).await;
        fixture.house.draining.send_replace(true);
    };
    let (got, ()) = tokio::join!(waiting, stopping);
    assert_eq!(got["structuredContent"]["messages"], json!([]));
}

#[tokio::test]
async fn a_wait_ends_when_its_key_is_revoked_and_leases_nothing_more() {
    let fixture = Fixture::new().await;
    let http = Http::new(&fixture).await;
    let grant = fixture.grant("acme/eng").await;
    let waiting = http.call(
        Revision::New,
        "receive_messages",
        json!({"wait_seconds": 50}),
    );
    let revoking = async {
        attached(&fixture, 1).await;
        fixture.revoke_key().await;
    };
    let (got, ()) = tokio::join!(waiting, revoking);
    assert_eq!(got["isError"], true, "{got}");
    let id = fixture.post(&grant, "later").await;
    let message = fixture.detail(&id).await;
    assert_eq!(message.message.attempt, 0, "nobody has leased it");
}

/// Sends and reads to the end, so that aborting it closes the connection.
trait SendWhole {
    fn send_whole(self) -> impl Future<Output = ()> + Send + 'static;
}

impl SendWhole for RequestBuilder {
    async fn send_whole(self) {
        if let Ok(response) = self.send().await {
            let _ = response.bytes().await;
        }
    }
}
