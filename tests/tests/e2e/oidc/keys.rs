//! The issuer's keys: found late, rotated, and not asked for at a stranger's pleasure.

use e2e::{
    api::Caller,
    issuer::Issuer,
    server::{Home, wait_for},
};
use serde_json::json;

use super::{ask, has_keys, refused, serve};

#[test]
fn the_server_starts_without_its_issuer_says_so_and_believes_it_once_it_is_there() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let token = issuer.token("acme");
    issuer.tell(&json!({"stop": true}));
    let server = home.serve_with(&issuer.flags());
    let reply = ask(&server, &token).expect(503);
    assert!(reply.header("retry-after").is_some(), "{:?}", reply.headers);
    wait_for("a warning", || {
        home.read("server.err")
            .contains("keys cannot be fetched")
            .then_some(())
    });
    // API keys are not its business, and what is no token needs no issuer to be refused.
    server.agent("acme").get("/v1/messages");
    refused(&server, "nonsense", 401, "no token");
    issuer.tell(&json!({"start": true}));
    wait_for("the issuer to be believed", || {
        (ask(&server, &token).status == 200).then_some(())
    });
    // It may go again: its keys are known.
    issuer.tell(&json!({"stop": true}));
    ask(&server, &token).expect(200);
}

#[test]
fn rotated_keys_are_found_and_withdrawn_ones_are_forgotten() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let server = serve(&home, &issuer);
    let old = issuer.token("acme");
    ask(&server, &old).expect(200);
    issuer.tell(&json!({"rotate": true}));
    ask(&server, &issuer.token("acme")).expect(200);
    refused(&server, &old, 401, "signed with a key that is gone");
}

#[test]
fn tokens_of_unknown_keys_do_not_make_the_server_ask_the_issuer_each_time() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let server = serve(&home, &issuer);
    let before = issuer.asked("/jwks");
    let tokens: Vec<String> = (0..20)
        .map(|n| issuer.forge(json!({"header": {"kid": format!("k{n}")}})))
        .collect();
    std::thread::scope(|scope| {
        for token in &tokens {
            let server = &server;
            scope.spawn(move || ask(server, token).expect(401));
        }
    });
    // Ten seconds lie between two; on a slow machine this took longer than one.
    let asked = issuer.asked("/jwks") - before;
    assert!((1..=3).contains(&asked), "{asked}");
    ask(&server, &issuer.token("acme")).expect(200);
}

#[test]
fn another_issuers_description_is_not_taken_for_it() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    // The same place by another name: what it says of itself is not what was set.
    let url = issuer.url.replace("127.0.0.1", "localhost");
    let flags = ["--oidc-issuer", &url, "--oidc-audience", "doorbell"];
    let server = home.serve_with(&flags);
    let said = wait_for("a warning", || {
        let log = home.read("server.err");
        let mut lines = log.lines().map(str::to_owned);
        lines.find(|line| line.contains("keys cannot be fetched"))
    });
    assert!(said.contains("names another issuer"), "{said}");
    ask(&server, &issuer.token("*")).expect(503);
}

#[test]
fn a_restart_asks_again_and_a_subject_is_still_itself() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let mut server = serve(&home, &issuer);
    let agent = Caller::new(&server, issuer.token("acme"));
    agent.hook("acme", "x").deliver(b"");
    let leased = agent.receive(json!({}));
    server.stop_and_restart();
    has_keys(&home);
    let again = Caller::new(&server, issuer.token("acme"));
    wait_for("the keys", || {
        (again.call("GET", "/v1/messages", None).status == 200).then_some(())
    });
    let stranger = issuer.forge(json!({"claims": {"doorbell_folder": "acme"}}));
    assert_eq!(Caller::new(&server, stranger).ack(&leased), ["not_found"]);
    assert_eq!(again.ack(&leased), ["acked"]);
}
