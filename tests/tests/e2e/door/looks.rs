//! GET and HEAD: what is a message, what is a handshake, and what is nobody's business.

use e2e::server::Home;
use serde_json::json;

#[test]
fn a_get_with_a_query_or_a_body_rings() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "healthchecks");
    let target = format!("{}?name=db&status=down", hook.path());
    let reply = server.front("GET", &target, &[], b"").expect(200);
    assert_eq!((reply.body.len(), reply.header("content-type")), (0, None));
    let id = reply.header("x-message-id").expect("an id").to_owned();
    server
        .front("GET", &hook.path(), &[], b"a body")
        .expect(200);
    let received = operator.receive(json!({"folder": "acme"}));
    let seen: Vec<_> = received
        .iter()
        .map(|m| {
            (
                m["kind"].as_str(),
                m["method"].as_str(),
                m["query"].as_str(),
                m["body"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (
                Some("hook"),
                Some("GET"),
                Some("name=db&status=down"),
                Some("")
            ),
            (Some("hook"), Some("GET"), Some(""), Some("a body")),
        ]
    );
    assert_eq!(received[0]["id"], id.as_str());
}

#[test]
fn monitors_and_link_previews_leave_no_trace_and_are_no_use() {
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "1", "--hook-burst", "4"]);
    let operator = server.operator();
    let hook = operator.hook("acme", "watched");
    let with_query = format!("{}?challenge=x", hook.path());
    let html = [("Accept", "text/html,*/*;q=0.8")];
    for (method, target) in [
        ("GET", &hook.path()),
        ("HEAD", &hook.path()),
        ("HEAD", &with_query),
    ] {
        let reply = server.front(method, target, &[], b"").expect(200);
        assert_eq!((reply.body.len(), reply.header("x-message-id")), (0, None));
    }
    let page = server.front("GET", &hook.path(), &html, b"").expect(200);
    assert_eq!(
        page.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert!(page.text().contains("Doorbell"), "{}", page.text());
    // Each counted against the rate.
    assert_eq!(hook.post(&[], b"{}").status, 429);
    let received = operator.post("/v1/messages/receive", json!({"folder": "acme"}));
    assert_eq!(received["messages"], json!([]));
    assert_eq!(received["observed"], json!([]));
    assert_eq!(operator.log().len(), 0);
    let tokens = operator.get("/v1/route_tokens");
    assert_eq!(tokens["tokens"][0].get("last_used_at"), None, "{tokens}");
}
