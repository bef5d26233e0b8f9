//! Senders that look before they trust a URL, with their own libraries on the other side.

use e2e::{
    api::Hook,
    foreign::{self, Dialogue, node},
    http::{Reply, Wire, request},
    server::{Doorbell, Home},
};
use serde_json::{Value, json};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Fails unless a browser can make nothing of the answer, and no cache keeps it.
#[track_caller]
fn guarded(reply: &Reply) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("content-security-policy", "sandbox"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{reply:?}");
    }
}

/// A request to the hook without a body.
#[track_caller]
fn look(server: &Doorbell<'_>, hook: &Hook, method: &str, query: &str) -> Reply {
    let target = format!("{}{query}", hook.path());
    server.front(method, &target, &[], b"").expect(200)
}

#[test]
fn slack_would_read_from_us_what_it_reads_from_bolt_and_signed_what_we_kept() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "slack");
    let mut slack = Dialogue::begin(&home, &mut node(&home, "handshakes.mjs"));
    for challenge in [
        "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",
        "a\"\\</b> ~",
    ] {
        let body = json!({"token": "t", "challenge": challenge, "type": "url_verification"});
        let said = slack.ask(&json!({
            "ask": "slack", "url": hook.url, "body": body.to_string(),
        }));
        assert_eq!(said["doorbell"]["status"], 200, "{said}");
        assert_eq!(said["doorbell"], said["bolt"]);
        let message = server.operator().log().pop().expect("it is kept");
        assert_eq!(
            (&message["kind"], &message["mode"]),
            (&json!("handshake"), &json!("observe"))
        );
        assert_eq!(message["body"], body.to_string());
        let line = json!({"message": message, "secret": "fixture secret of a Slack app"});
        let (code, verified) =
            foreign::talk(&home, node(&home, "verifiers.mjs").arg("slack"), &[line]);
        assert_eq!(
            (code, &verified[0]["ok"]),
            (0, &json!(true)),
            "{verified:?}"
        );
    }
    assert_eq!(slack.end(), 0);
}

#[test]
fn a_cloudevents_sender_is_let_in_and_its_sdk_reads_back_what_it_sent() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    let hook = agent.mint(json!({"source_label": "events"}));
    let mut sender = Dialogue::begin(&home, &mut node(&home, "handshakes.mjs"));
    let origin = "eventemitter.example.com";
    let said = sender.ask(&json!({
        "ask": "permission", "url": hook.url,
        "headers": {
            "WebHook-Request-Origin": origin, "WebHook-Request-Rate": "120",
            // Nobody listens there, and nobody asks.
            "WebHook-Request-Callback": "https://127.0.0.1:9/confirm?id=1",
        },
    }));
    assert_eq!(said["status"], 200, "{said}");
    let headers = &said["headers"];
    assert_eq!(headers["webhook-allowed-origin"], origin);
    assert_eq!(headers["webhook-allowed-rate"], "120");
    assert_eq!(headers["allow"], "POST");

    let event = json!({
        "id": "A234-1234-1234", "source": "/mycontext", "type": "com.example.someevent",
        "subject": "larger", "time": "2026-11-21T16:14:00.000Z",
        "datacontenttype": "application/json", "data": {"challenge": "of the data's own", "more": 1},
    });
    let emit = json!({"ask": "emit", "url": hook.url, "origin": origin, "event": event});
    let first = sender.ask(&emit);
    let id = &first["headers"]["x-message-id"];
    assert!(id.is_string(), "{first}");
    let again = sender.ask(&emit);
    assert_eq!(
        &again["headers"]["x-duplicate-of"], id,
        "known by source and id"
    );

    let reply = agent.post("/v1/messages/receive", json!({}));
    let observed = &reply["observed"][0];
    assert_eq!(
        (&observed["kind"], &observed["method"]),
        (&json!("handshake"), &json!("OPTIONS"))
    );
    assert_eq!(observed["headers"]["webhook-request-origin"], origin);
    let message = &reply["messages"][0];
    assert_eq!((&message["id"], &message["kind"]), (id, &json!("hook")));
    let read = sender.ask(&json!({"ask": "read", "message": message}));
    assert_eq!(read["event"], first["event"]);
    assert_eq!(read["event"]["data"], event["data"]);
    assert_eq!(sender.end(), 0);
}

#[test]
fn a_secret_that_is_handed_over_reaches_the_agent() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    let hook = agent.mint(json!({"source_label": "asana", "context": "tasks"}));
    let secret = (
        "X-Hook-Secret",
        "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5",
    );
    let reply = hook.post(&[secret, JSON], b"{}").expect(200);
    guarded(&reply);
    assert_eq!(
        (reply.header("x-hook-secret"), reply.body.len()),
        (Some(secret.1), 0)
    );
    let notion = br#"{"verification_token":"secret_fixture-of-notion"}"#;
    let reply = hook.post(&[JSON], notion).expect(200);
    guarded(&reply);
    assert_eq!(reply.body, b"");

    // Notion's rings nobody and comes along; Asana's is a message like any.
    let received = agent.post("/v1/messages/receive", json!({}));
    let [asana] = received["messages"]
        .as_array()
        .expect("messages")
        .as_slice()
    else {
        panic!("one is pending: {received}");
    };
    assert_eq!(asana["headers"]["x-hook-secret"], secret.1);
    assert_eq!(
        (&asana["kind"], &asana["mode"]),
        (&json!("handshake"), &json!("trigger"))
    );
    assert_eq!(asana["context"], "tasks");
    let [observed] = received["observed"]
        .as_array()
        .expect("observed")
        .as_slice()
    else {
        panic!("one is observed: {received}");
    };
    assert_eq!(
        observed["body"].as_str().map(str::as_bytes),
        Some(&notion[..])
    );
    assert_eq!(
        (&observed["kind"], &observed["mode"]),
        (&json!("handshake"), &json!("observe"))
    );
    assert_eq!(agent.ack(std::slice::from_ref(asana)), ["acked"]);
    let again = agent.post("/v1/messages/receive", json!({}));
    assert_eq!(again, json!({"messages": [], "observed": []}));

    // And stays in the log, for whoever looks.
    let id = observed["id"].as_str().expect("an id");
    let listed = home.cli(&["messages", "ls", "--json"]).expect(0).json();
    assert!(
        listed.iter().any(|message| message["id"] == id),
        "{listed:?}"
    );
    let shown = home.cli(&["messages", "show", id, "--json"]).expect(0);
    assert_eq!(shown.json()[0]["kind"], "handshake");
    let shown = home.cli(&["messages", "show", id]).expect(0);
    assert!(
        shown.stdout.contains("secret_fixture-of-notion"),
        "{}",
        shown.stdout
    );
}

#[test]
fn whoever_asks_with_get_is_answered_and_is_seen() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "dropbox");
    let script = "<script>alert(1)</script>";
    let escaped = "%3Cscript%3Ealert(1)%3C/script%3E";
    let asked = [
        ("?challenge=c4a11enge", "c4a11enge"),
        (&*format!("?challenge={escaped}"), script),
        (&*format!("?hub.mode=x&hub.challenge={escaped}"), script),
        (
            "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=t",
            "1158201444",
        ),
        ("?check=onfleet", "onfleet"),
    ];
    for (query, body) in asked {
        let reply = look(&server, &hook, "GET", query);
        guarded(&reply);
        assert_eq!(reply.text(), body, "{query}");
        let plain = Some("text/plain; charset=utf-8");
        assert_eq!(reply.header("content-type"), plain, "{query}");
        assert_eq!(reply.header("set-cookie"), None);
    }
    // HEAD on a connection that goes on, and a bare GET: answered, and not seen.
    let mut wire = Wire::open(server.front).expect("listening");
    for query in ["", "?challenge=x"] {
        let target = format!("{}{query}", hook.path());
        wire.write(&request("HEAD", &target, &[], b""))
            .expect("written");
        guarded(&wire.reply(true).expect("an answer").expect(200));
    }
    guarded(&look(&server, &hook, "GET", ""));
    let seen = server.operator().log();
    assert_eq!(seen.len(), asked.len());
    assert!(seen.iter().all(|message| message["kind"] == "handshake"));
    let observed = |message: &Value| message["mode"] == "observe";
    assert!(seen.iter().all(observed));
    let waiting = ["wait", "--folder", "acme", "--timeout", "0"];
    let waited = home.cli(&waiting);
    assert_eq!(waited.code, 0, "nobody was rung: {}", waited.stderr);
    // What may not be said back is a message.
    let reply = look(&server, &hook, "GET", "?challenge=%0d%0aset-cookie:a");
    assert_eq!((reply.header("set-cookie"), reply.body.len()), (None, 0));
    assert_eq!(home.cli(&waiting).code, 2, "a message rings");
    // Nor is anything said back by GET that is asked by POST alone.
    for name in ["validationToken", "validationtoken"] {
        let reply = look(&server, &hook, "GET", &format!("?{name}=x"));
        assert_eq!(reply.body.len(), 0, "{name}");
        let newest = server.operator().log().pop().expect("a message");
        assert_eq!(newest["kind"], "hook", "{name}");
    }
}

#[test]
fn what_senders_wrap_their_question_in_does_not_hide_it() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "strava");
    let ask = "?hub.mode=subscribe&hub.challenge=15f7d1a9&hub.verify_token=STRAVA";
    let reply = look(&server, &hook, "GET", ask);
    guarded(&reply);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.text(), r#"{"hub.challenge":"15f7d1a9"}"#);

    let sharepoint = look(&server, &hook, "POST", "?validationtoken=a%20b");
    guarded(&sharepoint);
    assert_eq!(sharepoint.text(), "a b");

    let marked = "\u{feff}{\"type\":\"url_verification\",\"challenge\":\"c\"}";
    let slack = hook.post(&[JSON], marked.as_bytes()).expect(200);
    assert_eq!(slack.text(), r#"{"challenge":"c"}"#);

    let events = [JSON, ("webhook-id", "w1"), ("webhook-signature", "v1,x")];
    for _ in 0..2 {
        let asks = br#"{"type":"verification","challenge":"n"}"#;
        let reply = hook.post(&events, asks).expect(200);
        guarded(&reply);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("x-duplicate-of"), None);
        assert_eq!(reply.text(), r#"{"challenge":"n"}"#);
    }
    let event = hook.post(&events, b"{}").expect(200);
    assert_eq!(
        event.header("x-duplicate-of"),
        None,
        "the question used no id up"
    );
    let kinds: Vec<_> = server
        .operator()
        .log()
        .iter()
        .map(|m| m["kind"].clone())
        .collect();
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "handshake").count(),
        5,
        "{kinds:?}"
    );
}

#[test]
fn a_handshake_that_was_answered_survives_a_crash() {
    let home = Home::new();
    let mut server = home.serve();
    let hook = server.operator().hook("acme", "twitch");
    let twitch = (
        "Twitch-Eventsub-Message-Type",
        "webhook_callback_verification",
    );
    let body = br#"{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{}}"#;
    let reply = hook.post(&[twitch, JSON], body).expect(200);
    assert_eq!(reply.body, b"pogchamp-kappa-360noscope-vohiyo");
    server.kill();
    let server = home.serve();
    let log = server.operator().log();
    assert_eq!(log.len(), 1);
    assert_eq!(log[0]["id"].as_str(), reply.header("x-message-id"));
    assert_eq!(
        (&log[0]["kind"], &log[0]["mode"]),
        (&json!("handshake"), &json!("observe"))
    );
    assert_eq!(log[0]["body"].as_str().map(str::as_bytes), Some(&body[..]));
}
