//! Calls over HTTP, answered and refused.

use doorbell_core::{
    acl::{UseSession, authorize},
    principal::Principal,
    registry::NewSession,
};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::{
    Fixture, PATIENCE, Served,
    requests::{BOTH, Revision, text},
};

pub(super) struct Http<'a> {
    client: Client,
    fixture: &'a Fixture,
    served: Served,
}

impl<'a> Http<'a> {
    pub(super) async fn new(fixture: &'a Fixture) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(PATIENCE);
        Self {
            client: client.build().expect("a client"),
            fixture,
            served: fixture.serve().await,
        }
    }

    pub(super) fn post(&self, revision: Revision, body: &Value) -> RequestBuilder {
        let mut request = self
            .client
            .post(format!("http://{}/mcp", self.served.addr))
            .bearer_auth(self.fixture.key.expose())
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("mcp-protocol-version", revision.version())
            .body(body.to_string());
        if revision == Revision::New {
            request = request.header("mcp-method", body["method"].as_str().expect("a method"));
            if let Some(name) = body["params"]["name"].as_str() {
                request = request.header("mcp-name", name);
            }
        }
        request
    }

    /// The JSON-RPC response, from JSON or from the one event of a stream that is a message.
    async fn ask(&self, revision: Revision, body: &Value) -> Value {
        let response = self.post(revision, body).send().await.expect("a response");
        assert!(response.headers().get("mcp-session-id").is_none());
        let text = response.text().await.expect("a body");
        let json = text
            .lines()
            .find_map(|line| line.strip_prefix("data:").filter(|data| data.contains('{')))
            .unwrap_or(&text);
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub(super) async fn call(&self, revision: Revision, tool: &str, arguments: Value) -> Value {
        let reply = self.ask(revision, &revision.call(tool, arguments)).await;
        assert!(reply["error"].is_null(), "{reply}");
        reply["result"].clone()
    }
}

#[tokio::test]
async fn a_client_of_either_revision_mints_receives_reads_and_acks() {
    for revision in BOTH {
        let fixture = Fixture::new().await;
        let http = Http::new(&fixture).await;
        let hello = http.ask(revision, &revision.hello()).await;
        let hello = hello["result"].to_string();
        for told in [
            "\"doorbell\"",
            "Doorbell",
            "untrusted data",
            "issue_webhook",
        ] {
            assert!(hello.contains(told), "{told}: {hello}");
        }

        let issued = http
            .call(revision, "issue_webhook", json!({"source_label": "GitHub"}))
            .await;
        let minted = &issued["structuredContent"];
        let url = minted["url"].as_str().expect("a url");
        assert_eq!(
            url,
            format!(
                "https://bell.example/hook/{}",
                minted["token"].as_str().unwrap()
            )
        );
        assert_eq!(minted["jid"], "hook:acme/eng/GitHub");
        for told in [
            url,
            "Settings, Webhooks",
            "shown once",
            "whoever has it can post",
        ] {
            assert!(text(&issued).contains(told), "{told}: {}", text(&issued));
        }

        let listed = http.call(revision, "list_route_tokens", json!({})).await;
        assert!(!listed.to_string().contains("dbh_"), "a token was listed");

        let grant = fixture.grant("acme/eng").await;
        let id = fixture.post(&grant, "{\"ref\":\"main\"}").await;
        let got = http.call(revision, "receive_messages", json!({})).await;
        let message = &got["structuredContent"]["messages"][0];
        assert_eq!(
            (&message["id"], &message["body"]),
            (&json!(id), &json!("{\"ref\":\"main\"}"))
        );
        assert!(text(&got).contains("<untrusted-"), "{}", text(&got));
        assert!(
            text(&got).contains("come back after 60 s"),
            "{}",
            text(&got)
        );

        let again = http
            .call(revision, "receive_messages", json!({"max": 5}))
            .await;
        assert_eq!(again["structuredContent"]["messages"], json!([]));
        let nacked = http
            .call(revision, "nack_messages", json!({"ids": [id]}))
            .await;
        assert_eq!(
            nacked["structuredContent"]["results"][0]["status"],
            "nacked"
        );
        let acked = http
            .call(revision, "ack_messages", json!({"ids": [id, "x"]}))
            .await;
        assert_eq!(
            acked["structuredContent"]["results"],
            json!([{"id": id, "status": "acked"}, {"id": "x", "status": "not_found"}])
        );

        let page = http
            .call(revision, "read_messages", json!({"match": "hook:**"}))
            .await;
        assert_eq!(page["structuredContent"]["messages"][0]["id"], json!(id));
        let cursor = page["structuredContent"]["cursor"].clone();
        let page = http
            .call(revision, "read_messages", json!({"cursor": cursor}))
            .await;
        assert_eq!(page["structuredContent"]["messages"], json!([]));
        assert!(page["structuredContent"]["cursor"].is_string());

        let gone = http
            .call(
                revision,
                "revoke_route_token",
                json!({"jid": "hook:acme/eng/GitHub"}),
            )
            .await;
        assert_eq!(gone["structuredContent"]["revoked"], 1);
    }
}

#[tokio::test]
async fn bad_arguments_are_tool_errors_that_name_the_field_and_the_rule() {
    let fixture = Fixture::new().await;
    let http = Http::new(&fixture).await;
    for revision in BOTH {
        for (tool, arguments, field, rule) in [
            ("issue_webhook", json!({}), "source_label", "is required"),
            (
                "issue_webhook",
                json!({"source_label": "a/b"}),
                "source_label",
                "'/'",
            ),
            (
                "issue_webhook",
                json!({"source_label": ["a"]}),
                "source_label",
                "string",
            ),
            (
                "issue_webhook",
                json!({"source_label": "a", "ttl_seconds": -1}),
                "ttl_seconds",
                "0 to",
            ),
            ("receive_messages", json!({"max": 101}), "max", "1 to 100"),
            (
                "receive_messages",
                json!({"wait_seconds": 51}),
                "wait_seconds",
                "0 to 50",
            ),
            ("receive_messages", json!({"match": "a"}), "match", ""),
            ("revoke_route_token", json!({"jid": "acme"}), "jid", ""),
            ("ack_messages", json!({"ids": []}), "ids", "1 to"),
            ("ack_messages", json!({"ids": {"a": 1}}), "ids", ""),
            (
                "read_messages",
                json!({"cursor": "7"}),
                "cursor",
                "as it was returned",
            ),
            (
                "read_messages",
                json!({"with_state": "acme"}),
                "with_state",
                "not known",
            ),
        ] {
            let result = http.call(revision, tool, arguments.clone()).await;
            let told = text(&result);
            assert_eq!(result["isError"], true, "{tool} {arguments}: {told}");
            assert!(
                result.get("structuredContent").is_none(),
                "{tool} {arguments}"
            );
            let said = told
                .strip_prefix(field)
                .and_then(|told| told.strip_prefix(": "));
            assert!(
                said.is_some_and(|said| said.contains(rule)),
                "{tool} {arguments}: {told}"
            );
        }
        for arguments in [json!([]), json!("x"), json!(7)] {
            let result = http.call(revision, "ack_messages", arguments).await;
            assert_eq!(result["isError"], true);
            assert_eq!(text(&result), "arguments: must be an object");
            assert_eq!(
                result.get("resultType").is_some(),
                revision == Revision::New
            );
        }
    }
}

#[tokio::test]
async fn every_tool_that_is_listed_can_be_called() {
    let fixture = Fixture::new().await;
    let http = Http::new(&fixture).await;
    for revision in BOTH {
        let listed = http
            .ask(revision, &revision.request("tools/list", json!({})))
            .await;
        let tools = listed["result"]["tools"].as_array().expect("tools").clone();
        assert_eq!(tools.len(), super::super::table::published().len());
        for tool in tools {
            let name = tool["name"].as_str().expect("a name");
            let result = http.call(revision, name, json!({"no_such": 1})).await;
            assert!(
                text(&result).starts_with("no_such: "),
                "{name}: {}",
                text(&result)
            );
        }
        let unknown = http.ask(revision, &revision.call("ring", json!({}))).await;
        assert_eq!(unknown["error"]["code"], -32602);
    }
}

#[tokio::test]
async fn another_folder_is_a_tool_error_that_says_what_to_do() {
    let fixture = Fixture::new().await;
    let http = Http::new(&fixture).await;
    let grant = fixture.grant("other").await;
    let id = fixture.post(&grant, "secret").await;
    for (tool, arguments, told) in [
        (
            "issue_webhook",
            json!({"source_label": "a", "target_folder": "acme"}),
            "at or below",
        ),
        (
            "receive_messages",
            json!({"folder": "other"}),
            "at or below",
        ),
        (
            "revoke_route_token",
            json!({"jid": "hook:other/github"}),
            "within your reach",
        ),
        ("read_messages", json!({"id": id}), "within your reach"),
    ] {
        let result = http.call(Revision::Old, tool, arguments).await;
        assert_eq!(result["isError"], true, "{tool}");
        assert!(text(&result).contains(told), "{tool}: {}", text(&result));
    }
    let acked = http
        .call(Revision::Old, "ack_messages", json!({"ids": [id]}))
        .await;
    assert_eq!(
        acked["structuredContent"]["results"][0]["status"],
        "not_found"
    );
    for (tool, held) in [
        ("list_route_tokens", "tokens"),
        ("read_messages", "messages"),
    ] {
        let result = http.call(Revision::Old, tool, json!({})).await;
        assert_eq!(result["structuredContent"][held], json!([]), "{tool}");
    }
}

#[tokio::test]
async fn a_stranger_is_401_and_a_get_is_405() {
    let fixture = Fixture::new().await;
    let http = Http::new(&fixture).await;
    let url = format!("http://{}/mcp", http.served.addr);
    for revision in BOTH {
        let body = revision.call("list_route_tokens", json!({})).to_string();
        let stranger = http
            .client
            .post(&url)
            .body(body)
            .send()
            .await
            .expect("a response");
        assert_eq!(stranger.status(), 401);
        assert_eq!(stranger.headers()["www-authenticate"], "Bearer");
    }
    let get = http.client.get(&url).bearer_auth(fixture.key.expose());
    let get = get
        .header("accept", "text/event-stream")
        .send()
        .await
        .expect("a response");
    assert_eq!(get.status(), 405);
}

#[tokio::test]
async fn over_http_a_channel_needs_its_session_named_and_is_shown_once_with_how_to_use_it() {
    let fixture = Fixture::new().await;
    let http = Http::new(&fixture).await;
    for revision in BOTH {
        let refused = http.call(revision, "expose_channel", json!({})).await;
        assert_eq!(refused["isError"], true);
        assert!(
            text(&refused).starts_with("session_id: "),
            "{}",
            text(&refused)
        );
    }
    let agent = Principal::Agent("acme/eng".parse().expect("a folder"));
    let folder = "acme/eng".parse().expect("a folder");
    let permit = authorize(&agent, UseSession { folder }).expect("its own folder");
    let id = Some("build".parse().expect("an id"));
    let made = fixture
        .house
        .registry
        .open_session(&permit, NewSession { id, probe: false });
    made.await.expect("made");
    let ask = json!({"session_id": "build", "label": "ci", "ttl_seconds": 60});
    let exposed = http.call(Revision::Old, "expose_channel", ask).await;
    let reply = &exposed["structuredContent"];
    assert_eq!(reply["channel"], "doorbell:/sessions/build");
    let url = reply["url"].as_str().expect("a url");
    let told = text(&exposed);
    for part in [url, "shown once", "curl -X POST", "revoke_channel_grant"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let listed = http
        .call(Revision::New, "list_channel_grants", json!({}))
        .await;
    let token = reply["token"].as_str().expect("a token");
    assert!(!listed.to_string().contains(token));
    assert_eq!(listed["structuredContent"]["grants"][0]["label"], "ci");
    for wrong in [
        json!({"session_id": "build", "verb": "shout"}),
        json!({"session_id": "build", "label": "a\nb"}),
    ] {
        let field = if wrong.get("verb").is_some() {
            "verb: "
        } else {
            "label: "
        };
        let refused = http.call(Revision::Old, "expose_channel", wrong).await;
        assert!(text(&refused).starts_with(field), "{}", text(&refused));
    }
}
