//! Who sees what, page by page and as it grows.

use e2e::server::Home;
use serde_json::{Value, json};

use super::bodies;

#[test]
fn a_folder_is_not_the_one_whose_name_begins_alike() {
    let home = Home::new();
    let server = home.serve();
    let (a, ab, below) = (server.agent("a"), server.agent("ab"), server.agent("a/b"));
    server.operator().hook("a", "x").deliver(b"to a");
    server.operator().hook("ab", "x").deliver(b"to ab");
    server.operator().hook("a/b", "x").deliver(b"to a/b");
    let seen = |messages: Vec<Value>| bodies(&messages).join(",");
    assert_eq!(
        seen(a.log()),
        "to a,to a/b",
        "the log is the whole subtree's"
    );
    assert_eq!(seen(ab.log()), "to ab");
    assert_eq!(seen(below.log()), "to a/b");
    assert_eq!(
        seen(a.receive(json!({}))),
        "to a",
        "the inbox is exactly the folder's"
    );
    assert_eq!(seen(a.receive(json!({"folder": "a/b"}))), "to a/b");
    assert_eq!(seen(ab.receive(json!({}))), "to ab");
    let wide = json!({"match": "hook:**"});
    assert_eq!(ab.receive(wide).len(), 0, "a wide pattern only filters");
    assert_eq!(seen(ab.log()), "to ab");
}

#[test]
fn a_folder_above_whose_label_reads_like_ours_is_not_in_reach() {
    let home = Home::new();
    let server = home.serve();
    let below = server.agent("acme/eng");
    // hook:acme/eng/github, as folder acme with label eng and suffix github.
    let ask = json!({"target_folder": "acme", "source_label": "eng", "jid_suffix": "github"});
    let hook = server.operator().mint(ask);
    assert_eq!(hook.jid, "hook:acme/eng/github");
    let id = hook.deliver(b"acme's");
    assert_eq!(below.log().len(), 0);
    assert_eq!(below.receive(json!({"match": "hook:acme/eng/**"})).len(), 0);
    below
        .call("GET", &format!("/v1/messages/{id}"), None)
        .expect(404);
    let path = format!("/v1/route_tokens/{}", hook.jid);
    below.call("DELETE", &path, None).expect(404);
    let clash = json!({"source_label": "github"});
    let refusal = below
        .call("POST", "/v1/route_tokens/hook", Some(&clash))
        .expect(409)
        .json();
    assert_eq!(refusal["code"], "conflict");
}

#[test]
fn a_pattern_picks_by_segments() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    for (label, suffix) in [
        ("github", None),
        ("linear", Some("issues")),
        ("linear", Some("comments")),
    ] {
        let hook = agent.mint(json!({"source_label": label, "jid_suffix": suffix}));
        hook.deliver(hook.jid.as_bytes());
    }
    let matching = |pattern: &str| {
        let page = agent.get(&format!("/v1/messages?match={pattern}"));
        page["messages"].as_array().expect("messages").len()
    };
    assert_eq!(matching("hook:acme/*"), 1);
    assert_eq!(matching("hook:acme/linear/*"), 2);
    assert_eq!(matching("hook:acme/**"), 3);
    assert_eq!(matching("hook:acme/linear/comments"), 1);
    assert_eq!(matching("hook:other/**"), 0);
    let leased = agent.receive(json!({"match": "hook:acme/linear/*", "max": 1}));
    assert_eq!(bodies(&leased), ["hook:acme/linear/issues"]);
    assert_eq!(agent.receive(json!({"match": "hook:acme/*"})).len(), 1);
}

#[test]
fn the_cursor_is_always_returned_and_stays_good_at_the_end() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    let empty = agent.get("/v1/messages");
    assert_eq!(empty["messages"], json!([]));
    let hook = agent.mint(json!({"source_label": "github"}));
    let mut cursor = empty["cursor"].as_str().expect("a cursor").to_owned();
    let mut seen = Vec::new();
    for n in 0..7 {
        hook.deliver(n.to_string().as_bytes());
        if n % 3 == 2 {
            let page = agent.get(&format!("/v1/messages?limit=2&cursor={cursor}"));
            seen.extend(
                bodies(page["messages"].as_array().expect("messages"))
                    .iter()
                    .map(|b| (*b).to_owned()),
            );
            cursor = page["cursor"].as_str().expect("a cursor").to_owned();
        }
    }
    for _ in 0..4 {
        let page = agent.get(&format!("/v1/messages?limit=2&cursor={cursor}"));
        seen.extend(
            bodies(page["messages"].as_array().expect("messages"))
                .iter()
                .map(|b| (*b).to_owned()),
        );
        cursor = page["cursor"].as_str().expect("a cursor").to_owned();
    }
    assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!(
        agent.receive(json!({})).len(),
        7,
        "reading consumed nothing"
    );
    agent
        .call("GET", "/v1/messages?cursor=nonsense", None)
        .expect(400);
}

#[test]
fn a_long_body_is_cut_and_says_so_and_the_whole_is_one_call_away() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    let hook = agent.mint(json!({"source_label": "github"}));
    let long = "é".repeat(50_000);
    let id = hook.deliver(long.as_bytes());
    let leased = agent.receive(json!({}));
    assert_eq!(leased[0]["body_truncated"], true);
    assert_eq!(leased[0]["body_bytes"], 100_000);
    assert_eq!(leased[0]["body_encoding"], "utf-8");
    assert_eq!(leased[0]["body"].as_str().map(str::len), Some(64 * 1024));
    let cut = agent.get("/v1/messages?max_body_bytes=5");
    assert_eq!(cut["messages"][0]["body"], "éé", "no half characters");
    let whole = agent.get(&format!("/v1/messages?id={id}"));
    assert_eq!(whole["messages"][0]["body"], long);
    assert_eq!(whole["messages"][0].get("body_truncated"), None);
}

#[test]
fn bad_arguments_name_the_field_and_the_rule() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    for (path, ask, field) in [
        ("/v1/messages/receive", json!({"max": 101}), "max"),
        ("/v1/messages/receive", json!({"max": 0}), "max"),
        (
            "/v1/messages/receive",
            json!({"wait_seconds": 51}),
            "wait_seconds",
        ),
        (
            "/v1/messages/receive",
            json!({"match": "hook:[x]"}),
            "match",
        ),
        ("/v1/messages/receive", json!({"wait": 1}), "wait"),
        (
            "/v1/messages/receive",
            json!({"folder": "acme/../x"}),
            "folder",
        ),
        ("/v1/messages/ack", json!({}), "ids"),
        ("/v1/messages/ack", json!({"ids": []}), "ids"),
        (
            "/v1/messages/nack",
            json!({"ids": ["x"], "delay_seconds": -1}),
            "delay_seconds",
        ),
        ("/v1/route_tokens/hook", json!({}), "source_label"),
        (
            "/v1/route_tokens/hook",
            json!({"source_label": "a/b"}),
            "source_label",
        ),
        (
            "/v1/route_tokens/hook",
            json!({"source_label": "a", "jid_suffix": "*"}),
            "jid_suffix",
        ),
        (
            "/v1/route_tokens/hook",
            json!({"source_label": "é"}),
            "source_label",
        ),
        (
            "/v1/route_tokens/hook",
            json!({"source_label": "a", "target_folder": ""}),
            "target_folder",
        ),
    ] {
        let reply = agent.call("POST", path, Some(&ask)).expect(400);
        assert_eq!(
            reply.header("content-type"),
            Some("application/problem+json")
        );
        let problem = reply.json();
        assert_eq!(problem["field"], field, "{problem}");
        assert_eq!(problem["status"], 400);
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|text| text.starts_with(field)),
            "{problem}"
        );
    }
}

#[test]
fn a_stream_shows_the_log_as_it_grows_and_goes_on_where_it_left_off() {
    use e2e::http::{Wire, request};
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    let hook = agent.mint(json!({"source_label": "github"}));
    let bearer = format!("Bearer {}", agent.key());
    let open = |last: Option<&str>| {
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend(last.map(|last| ("Last-Event-ID", last)));
        let mut wire = Wire::open(server.control).expect("connected");
        wire.write(&request("GET", "/v1/stream", &headers, b""))
            .expect("written");
        let head = wire.stream().expect("a head");
        assert_eq!(
            (head.status, head.header("content-type")),
            (200, Some("text/event-stream"))
        );
        wire
    };
    // The next event that brings a message: its id, and the message.
    let event = |wire: &mut Wire| -> (String, Value) {
        let mut text = String::new();
        loop {
            let chunk = wire.chunk().expect("readable").expect("not over");
            text.push_str(&String::from_utf8_lossy(&chunk));
            while let Some((event, rest)) = text.split_once("\n\n") {
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::trim)
                };
                if let Some(data) = field("data:") {
                    let id = field("id:").expect("an id").to_owned();
                    return (id, serde_json::from_str(data).expect("JSON"));
                }
                text = rest.to_owned();
            }
        }
    };
    let mut wire = open(None);
    hook.deliver(b"one");
    let (id, message) = event(&mut wire);
    assert_eq!(
        (&message["body"], &message["attempt"]),
        (&json!("one"), &json!(0))
    );
    drop(wire);
    hook.deliver(b"two");
    let (_, message) = event(&mut open(Some(&id)));
    assert_eq!(message["body"], "two");
    assert_eq!(agent.receive(json!({})).len(), 2, "looking leases nothing");
}
