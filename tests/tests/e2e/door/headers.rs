//! What is kept of a request: the body verbatim, the headers by their rules, no token of ours.

use base64::{Engine, prelude::BASE64_STANDARD};
use e2e::{
    http::{Wire, request},
    server::Home,
};
use serde_json::json;

#[test]
fn the_body_is_kept_byte_for_byte_whatever_it_is() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "bytes");
    let every: Vec<u8> = (0..=255).collect();
    let gzip_like = [b"\x1f\x8b\x08\0".as_slice(), &every].concat();
    let bodies: [&[u8]; 6] = [
        b"",
        b"{\"a\": 1.0e2 ,\r\n}\0",
        "Grüße \u{202e}世界".as_bytes(),
        &every,
        &gzip_like,
        b"\xff",
    ];
    for body in bodies {
        let encoded = [
            ("Content-Encoding", "gzip"),
            ("Content-Type", "application/json"),
        ];
        let id = hook
            .post(&encoded, body)
            .expect(200)
            .header("x-message-id")
            .expect("an id")
            .to_owned();
        let message = operator.get(&format!("/v1/messages/{id}"));
        let text = message["body"].as_str().expect("a body");
        match std::str::from_utf8(body) {
            Ok(plain) => assert_eq!((text, &message["body_encoding"]), (plain, &json!("utf-8"))),
            Err(_) => {
                assert_eq!(message["body_encoding"], "base64");
                assert_eq!(BASE64_STANDARD.decode(text).expect("base64"), body);
            }
        }
        assert_eq!(message["headers"]["content-encoding"], "gzip");
        assert_eq!(message.get("body_truncated"), None);
    }
}

#[test]
fn a_message_reads_as_the_contract_shows_it() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.mint(json!({
        "target_folder": "acme/eng", "source_label": "linear", "jid_suffix": "comments",
        "context": "push events; summarise daily",
    }));
    assert_eq!(hook.jid, "hook:acme/eng/linear/comments");
    let target = format!("{}?a=1&b=%20x", hook.path());
    let reply = server
        .front("PUT", &target, &[("X-GitHub-Event", "push")], b"{}")
        .expect(200);
    let received = operator.post("/v1/messages/receive", json!({"folder": "acme/eng"}));
    assert_eq!(received["observed"], json!([]));
    let message = &received["messages"][0];
    let members: Vec<&str> = message
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let mut wanted = vec![
        "id",
        "jid",
        "sender",
        "kind",
        "body",
        "body_encoding",
        "headers",
        "method",
        "query",
        "received_at",
        "context",
        "mode",
        "attempt",
        "state",
    ];
    wanted.sort_unstable();
    let mut have = members;
    have.sort_unstable();
    assert_eq!(have, wanted);
    assert_eq!(message["id"], reply.header("x-message-id").expect("an id"));
    assert_eq!(message["jid"], hook.jid.as_str());
    assert_eq!(message["sender"], "linear");
    assert_eq!(message["kind"], "hook");
    assert_eq!(message["mode"], "trigger");
    assert_eq!(message["attempt"], 1);
    assert_eq!(message["state"], "leased");
    assert_eq!(message["query"], "a=1&b=%20x");
    assert_eq!(message["context"], "push events; summarise daily");
    let at = message["received_at"].as_str().expect("a time");
    assert!(
        at.len() == 24 && at.ends_with('Z') && at.as_bytes()[19] == b'.',
        "{at}"
    );
    let id = message["id"].as_str().expect("an id");
    assert!(
        id.len() == 26 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{id}"
    );
    let detail = operator.get(&format!("/v1/messages/{id}"));
    assert_eq!(detail["peer"], "127.0.0.1");
    assert_eq!(detail["folder"], "acme/eng");
    assert_eq!(detail["grant_id"], hook.grant_id.as_str());
}

#[test]
fn headers_come_through_in_lower_case_joined_and_readable() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "headers");
    let mut wire = Wire::open(server.front).expect("connected");
    let head = format!("POST {} HTTP/1.1\r\nHost: bell.example\r\n", hook.path());
    wire.write(head.as_bytes()).expect("written");
    wire.write(b"X-Repeat: one\r\nX-Latin: caf\xe9\r\nX-REPEAT:two\r\nX-Utf: caf\xc3\xa9\r\n")
        .expect("written");
    wire.write(b"X-Empty:\r\nx-repeat: \r\nAuthorization: Basic dTpw\r\nCookie: a=1; doorbell_session=s; b=2\r\n").expect("written");
    wire.write(b"Connection: x-hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\n{}")
        .expect("written");
    wire.reply(false).expect("an answer").expect(200);
    let message = operator.receive(json!({"folder": "acme"})).remove(0);
    assert_eq!(message["latin1_headers"], json!(["x-latin"]));
    assert_eq!(
        message["headers"],
        json!({
            "host": "bell.example", "x-repeat": "one, two, ", "x-latin": "café", "x-utf": "café",
            "x-empty": "", "authorization": "Basic dTpw", "cookie": "a=1; b=2",
            "connection": "x-hop", "x-hop": "1", "content-length": "2",
        })
    );
}

#[test]
fn no_token_of_ours_is_kept_in_a_header_or_in_the_query() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "proxied");
    let token = &hook.token;
    let key = operator.key();
    let escaped = token.replace('_', "%5f");
    let headers = [
        ("X-Original-URI", format!("/hook/{token}?x=1")),
        ("Referer", format!("https://bell.example/hook/{escaped}")),
        ("X-Both", format!("{token},{key};")),
        ("Authorization", format!("Bearer {key}")),
        ("Cookie", "doorbell_session=fixture".to_owned()),
        ("Link", format!("</hook/{token}>; rel=self")),
    ];
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let target = format!(
        "{}?u=%2Fhook%2F{token}&k={key}&e={escaped}&kept=dbh_no",
        hook.path()
    );
    server.front("POST", &target, &headers, b"{}").expect(200);
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("x:{token}")));
    hook.post(&[("Authorization", &basic)], b"{}").expect(200);
    let by_tab = basic.replace(' ', "\t");
    let headers = [
        ("Authorization", by_tab.as_str()),
        ("Proxy-Authorization", &basic),
        ("X-Forwarded-Authorization", "Basic dTpw"),
    ];
    hook.post(&headers, b"{}").expect(200);
    let messages = operator.receive(json!({"folder": "acme"}));
    let kept = &messages[0]["headers"];
    assert_eq!(kept["x-original-uri"], "/hook/[token]?x=1");
    assert_eq!(kept["referer"], "https://bell.example/hook/[token]");
    assert_eq!(kept["x-both"], "[token],[token];");
    assert_eq!(kept["link"], "</hook/[token]>; rel=self");
    assert_eq!(kept.get("authorization"), None);
    assert_eq!(kept.get("cookie"), None);
    assert_eq!(
        messages[0]["query"],
        "u=%2Fhook%2F[token]&k=[token]&e=[token]&kept=dbh_no"
    );
    assert_eq!(messages[1]["headers"].get("authorization"), None);
    let copied = &messages[2]["headers"];
    assert_eq!(copied.get("authorization"), None);
    assert_eq!(copied["proxy-authorization"], "[token]");
    assert_eq!(copied["x-forwarded-authorization"], "Basic dTpw");
}

#[test]
fn a_chunked_body_is_kept_as_it_was_meant_and_a_broken_one_not_at_all() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "chunked");
    let chunked = [("Transfer-Encoding", "chunked")];
    let whole = b"3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n";
    hook.post(&chunked, whole).expect(200);
    let message = operator.receive(json!({"folder": "acme"})).remove(0);
    assert_eq!(message["body"], "abcde");
    assert_eq!(message["headers"].get("x-trailer"), None);
    for broken in [
        b"3\r\nabcd\r\n0\r\n\r\n".as_slice(),
        b"zz\r\nabc\r\n0\r\n\r\n",
    ] {
        hook.post(&chunked, broken).expect(400);
    }
    // A sender that goes away half-way has sent nothing.
    let mut wire = Wire::open(server.front).expect("connected");
    let headers = [("Content-Length", "10")];
    wire.write(&request("POST", &hook.path(), &headers, b"half"))
        .expect("written");
    wire.finish().expect("half-closed");
    wire.reply(false).expect("an answer").expect(400);
    // Two lengths that differ, or a length and chunks, are how requests are smuggled.
    let twice = [("Content-Length", "1"), ("Content-Length", "2")];
    hook.post(&twice, b"ab").expect(400);
    assert_eq!(operator.log().len(), 1);
}
