//! Pages of other origins that post.

use e2e::server::Home;

use super::refused;

const PAGE: (&str, &str) = ("Origin", "https://page.example");

#[test]
fn a_page_may_ask_post_and_read_its_answer_whatever_that_is() {
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "1", "--hook-burst", "3"]);
    let operator = server.operator();
    let hook = operator.hook("acme", "page");
    let asks = [
        PAGE,
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type"),
    ];
    let asked = server
        .front("OPTIONS", &hook.path(), &asks, b"")
        .expect(204);
    assert_eq!(asked.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        asked.header("access-control-allow-headers"),
        Some("content-type")
    );
    assert_eq!(asked.header("access-control-max-age"), Some("600"));
    let methods = asked
        .header("access-control-allow-methods")
        .expect("methods");
    assert!(methods.contains("POST"), "{methods}");

    let posted = hook.post(&[PAGE], b"{}").expect(200);
    let plain = refused(
        server.front("OPTIONS", &hook.path(), &[PAGE], b""),
        405,
        "method_not_allowed",
    );
    let stranger = refused(
        server.front("OPTIONS", "/hook/dbh_no", &asks, b""),
        401,
        "invalid_token",
    );
    hook.post(&[PAGE], b"{}").expect(200);
    let busy = refused(
        server.front("OPTIONS", &hook.path(), &asks, b""),
        429,
        "rate_limited",
    );
    for reply in [posted, plain, stranger, busy] {
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        let exposed = reply
            .header("access-control-expose-headers")
            .expect("exposed");
        assert_eq!(exposed, "X-Message-Id, X-Duplicate-Of, Retry-After");
    }
    assert_eq!(operator.log().len(), 2, "a preflight leaves no trace");
}
