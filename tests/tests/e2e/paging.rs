//! Lists, a page at a time.

use e2e::server::Home;

#[test]
fn a_list_is_paged_without_a_gap_while_it_changes() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    for n in 0..5 {
        operator.hook("acme/eng", &format!("source-{n}"));
    }
    let jids = |page: &serde_json::Value| -> Vec<String> {
        let tokens = page["tokens"].as_array().expect("tokens").iter();
        tokens
            .map(|token| token["jid"].as_str().expect("a jid").to_owned())
            .collect()
    };
    let first = operator.get("/v1/route_tokens?limit=2");
    assert_eq!(
        jids(&first),
        ["hook:acme/eng/source-0", "hook:acme/eng/source-1"]
    );
    // What the cursor stands behind is revoked, and one more is made.
    operator
        .call("DELETE", "/v1/route_tokens/hook:acme/eng/source-1", None)
        .expect(200);
    operator.hook("acme/eng", "source-5");
    let cursor = first["cursor"].as_str().expect("there is more");
    let second = operator.get(&format!("/v1/route_tokens?limit=3&cursor={cursor}"));
    assert_eq!(
        jids(&second),
        [
            "hook:acme/eng/source-2",
            "hook:acme/eng/source-3",
            "hook:acme/eng/source-4"
        ]
    );
    let cursor = second["cursor"].as_str().expect("there is more");
    let last = operator.get(&format!("/v1/route_tokens?limit=3&cursor={cursor}"));
    assert_eq!(jids(&last), ["hook:acme/eng/source-5"]);
    assert_eq!(last.get("cursor"), None);
    let all = operator.get("/v1/route_tokens");
    assert_eq!((jids(&all).len(), all.get("cursor")), (5, None));
    operator
        .call("GET", "/v1/keys?cursor=elsewhere", None)
        .expect(400);
}
