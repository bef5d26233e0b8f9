//! URLs that were printed before the public URL changed.

use e2e::server::Home;
use serde_json::json;

#[test]
fn every_face_says_how_many_live_urls_were_printed_with_another_address() {
    let home = Home::new();
    let server = home.serve_with(&["--public-url", "https://old.example"]);
    let ours = server.operator().hook("acme", "a");
    server.operator().hook("acme", "b");
    server.operator().hook("other", "c");
    server.stop();

    let server = home.serve_with(&["--public-url", "https://new.example"]);
    let (operator, agent) = (server.operator(), server.agent("acme"));
    let who = agent.get("/v1/whoami");
    let said = who["older_urls"].as_str().expect("a warning");
    assert!(
        said.contains("2 live URLs were printed with another address than https://new.example"),
        "{said}"
    );
    let minted = agent.make("/v1/route_tokens/hook", json!({"source_label": "d"}));
    assert_eq!(minted["warning"], said);
    assert_eq!(
        operator.get("/v1/whoami")["older_urls"],
        said.replace('2', "3")
    );
    assert_eq!(
        operator.get("/v1/folders")["warning"],
        said.replace('2', "3")
    );
    let ran = home.cli(&["token", "ls"]).expect(0);
    assert!(ran.stderr.contains("3 live URLs"), "{}", ran.stderr);
    assert!(!ran.stdout.contains("live URLs"), "{}", ran.stdout);
    let ran = home.cli(&["doctor"]).expect(0);
    assert!(ran.stdout.contains("3 live URLs"), "{}", ran.stdout);

    // One that is gone does not count, and where there is none nothing is said.
    for jid in [&ours.jid, "hook:acme/b"] {
        operator
            .call("DELETE", &format!("/v1/route_tokens/{jid}"), None)
            .expect(200);
    }
    assert_eq!(agent.get("/v1/whoami").get("older_urls"), None);
    let last = operator.get("/v1/whoami");
    let last = last["older_urls"].as_str().expect("a warning");
    assert!(last.starts_with("1 live URL was printed"), "{last}");
    operator
        .call("DELETE", "/v1/route_tokens/hook:other/c", None)
        .expect(200);
    assert_eq!(operator.get("/v1/whoami").get("older_urls"), None);
}
