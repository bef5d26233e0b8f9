//! Whom a token lets in, and how far.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use e2e::{
    api::Caller,
    http,
    issuer::Issuer,
    pace::assert_within,
    server::{Home, wait_for},
};
use serde_json::json;

use super::{ask, refused, serve};

#[test]
fn a_token_is_an_agent_of_its_folder_or_an_operator() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let server = serve(&home, &issuer);
    let operator = Caller::new(&server, issuer.token("*"));
    let agent = Caller::new(&server, issuer.token("acme/eng"));
    let other = Caller::new(&server, issuer.token("acme/engineering"));
    let hook = agent.mint(json!({"source_label": "github"}));
    assert_eq!(hook.jid, "hook:acme/eng/github");
    let id = hook.deliver(b"private");
    assert_eq!(agent.log().len(), 1);
    assert_eq!(other.log().len(), 0);
    assert_eq!(operator.log().len(), 1);
    // What was leased on a token is settled on a later one of the same subject.
    let leased = agent.receive(json!({}));
    assert_eq!(leased[0]["id"], id.as_str());
    let renewed = Caller::new(&server, issuer.token("acme/eng"));
    assert_ne!(renewed.key(), agent.key());
    assert_eq!(renewed.ack(&leased), ["acked"]);
    // Keys are the operator's business alone.
    operator.get("/v1/keys");
    agent.call("GET", "/v1/keys", None).expect(403);
    let wanted = json!({"folder": "acme/eng"});
    agent.call("POST", "/v1/keys", Some(&wanted)).expect(403);
    agent.call("GET", "/v1/backup", None).expect(403);
    // API keys go on as ever.
    server.operator().get("/v1/keys");
    server.agent("acme").get("/v1/messages");
}

#[test]
fn doorbell_folder_narrows_a_token_and_never_widens_it() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let server = serve(&home, &issuer);
    let operator = Caller::new(&server, issuer.token("*"));
    let agent = Caller::new(&server, issuer.token("acme"));
    operator.hook("acme/eng", "x").deliver(b"");
    let narrowed = operator.clone().narrowed_to("acme");
    narrowed.call("GET", "/v1/keys", None).expect(403);
    assert_eq!(narrowed.log().len(), 1);
    assert_eq!(agent.clone().narrowed_to("acme/eng").log().len(), 1);
    for outside in ["acmecorp", "other"] {
        let widened = agent.clone().narrowed_to(outside);
        widened.call("GET", "/v1/messages", None).expect(403);
    }
}

#[test]
fn every_asymmetric_signature_is_checked() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let server = serve(&home, &issuer);
    for alg in [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
    ] {
        let how = json!({"alg": alg, "claims": {"doorbell_folder": "acme"}});
        let token = issuer.issue(how);
        ask(&server, &token).expect(200);
        refused(&server, &tampered(&token), 401, alg);
    }
}

/// The token with one character of its claims changed.
fn tampered(token: &str) -> String {
    let middle = token.find('.').expect("three parts") + 20;
    let other = if token.as_bytes()[middle] == b'A' {
        "B"
    } else {
        "A"
    };
    let mut token = token.to_owned();
    token.replace_range(middle..=middle, other);
    token
}

#[test]
fn a_token_that_is_not_the_issuers_own_is_refused() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let mut another = Issuer::start(&home);
    let server = serve(&home, &issuer);
    ask(&server, &issuer.forge(json!({}))).expect(200);
    let long = "x".repeat(9_000);
    let url = issuer.url.clone();
    for (what, how) in [
        ("alg none", json!({"key": "none"})),
        ("HMAC with the public key", json!({"key": "public"})),
        ("another's key", json!({"key": "stranger"})),
        ("another issuer", json!({"claims": {"iss": another.url}})),
        (
            "an issuer like it",
            json!({"claims": {"iss": format!("{url}/")}}),
        ),
        ("several issuers", json!({"claims": {"iss": [url]}})),
        ("no issuer", json!({"claims": {"iss": null}})),
        ("another audience", json!({"claims": {"aud": "somebody"}})),
        ("other audiences", json!({"claims": {"aud": ["a", "b"]}})),
        ("no audience", json!({"claims": {"aud": null}})),
        ("no subject", json!({"claims": {"sub": null}})),
        ("no end", json!({"claims": {"exp": null}})),
        (
            "an end that is a text",
            json!({"claims": {"exp": "4102444800"}}),
        ),
        ("another kind", json!({"header": {"typ": "logout+jwt"}})),
        ("too long", json!({"claims": {"x": long}})),
        ("an unknown key", json!({"header": {"kid": "nobody's"}})),
    ] {
        refused(&server, &issuer.forge(how), 401, what);
    }
    for good in [
        json!({"claims": {"aud": ["a", "doorbell"]}}),
        json!({"header": {"typ": "JWT"}}),
        json!({"header": {"typ": null, "kid": null}}),
    ] {
        ask(&server, &issuer.forge(good)).expect(200);
    }
    refused(&server, &another.token("*"), 401, "another issuer's");
    for garbage in ["a.b.c", "..", "eyJ", "dbk_", &server.operator().key()[..40]] {
        refused(&server, garbage, 401, garbage);
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is after 1970").as_secs()
}

#[test]
fn a_token_is_good_in_its_time_alone() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let server = serve(&home, &issuer);
    for (claims, status) in [
        (json!({"exp": now() - 60}), 401),
        (json!({"exp": 0}), 401),
        (json!({"exp": -1}), 401),
        (json!({"exp": 1e300}), 200),
        (json!({"nbf": now() + 300}), 401),
        (json!({"nbf": "soon"}), 401),
        // Clocks differ a little.
        (json!({"nbf": now() + 20}), 200),
        (json!({"nbf": now() - 20}), 200),
    ] {
        let token = issuer.forge(json!({ "claims": claims }));
        assert_eq!(ask(&server, &token).status, status, "{claims}");
    }
}

#[test]
fn a_folder_claim_that_names_no_folder_is_403() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let server = serve(&home, &issuer);
    let missing = issuer.issue(json!({}));
    refused(&server, &missing, 403, "missing");
    for claim in [
        json!(""),
        json!("/"),
        json!("acme/"),
        json!("acme//eng"),
        json!("../x"),
        json!("**"),
        json!("acme/*"),
        json!(" acme"),
        json!("a/b/c/d/e/f/g/h/i"),
        json!(7),
        json!(true),
        json!(null),
        json!(["acme"]),
        json!(["*"]),
        json!({"folder": "acme"}),
    ] {
        let token = issuer.issue(json!({"claims": {"doorbell_folder": claim}}));
        refused(&server, &token, 403, &claim.to_string());
    }
}

#[test]
fn the_folder_claim_may_have_another_name() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let claim = "https://bell.example/folder";
    let (url, flags) = (issuer.url.clone(), issuer.flags().map(str::to_owned));
    let mut flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    flags.extend(["--oidc-folder-claim", claim]);
    let server = home.serve_with(&flags);
    super::has_keys(&home);
    let token = issuer.issue(json!({"claims": {claim: "acme"}}));
    ask(&server, &token).expect(200);
    refused(&server, &issuer.token("acme"), 403, &url);
}

#[test]
fn a_stream_ends_with_its_token_and_with_its_key() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let server = serve(&home, &issuer);
    // Ten seconds are given for clocks that differ; these are almost over.
    let claims = json!({"exp": now() - 7, "doorbell_folder": "acme"});
    let token = issuer.forge(json!({ "claims": claims }));
    let streaming = Caller::new(&server, token.clone());
    streaming.call("GET", "/v1/stream", None).expect(200);
    refused(&server, &token, 401, "after its end");
    // A revoked key's does not wait for the next message either.
    let operator = server.operator();
    let ask = json!({"folder": "acme"});
    let made = operator.call("POST", "/v1/keys", Some(&ask)).expect(201);
    let made = made.json();
    let bearer = format!("Bearer {}", made["key"].as_str().expect("a key"));
    let mut wire = http::Wire::open(server.control).expect("it listens");
    let request = http::request("GET", "/v1/stream", &[("Authorization", &bearer)], b"");
    wire.write(&request).expect("it reads");
    assert_eq!(wire.stream().expect("it streams").status, 200);
    assert!(wire.chunk().expect("where it begins").is_some());
    let path = format!("/v1/keys/{}", made["key_id"].as_str().expect("an id"));
    operator.call("DELETE", &path, None).expect(200);
    let began = Instant::now();
    while wire.chunk().expect("it ends in order").is_some() {}
    assert_within(Duration::from_secs(10), began.elapsed());
}

#[test]
fn the_log_says_who_did_it_and_holds_no_token() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let server = serve(&home, &issuer);
    let hostile = "eve\u{1b}[2J\r\nINFO by=operator";
    let claims = json!({"sub": hostile, "doorbell_folder": "acme"});
    let token = issuer.forge(json!({ "claims": claims }));
    let hook = Caller::new(&server, token.clone()).mint(json!({"source_label": "x"}));
    // The log is written behind what it tells of.
    let line = wait_for("the line of the minting", || {
        let log = home.read("server.err");
        let mut lines = log.lines();
        lines
            .find(|line| line.contains(&hook.grant_id))
            .map(str::to_owned)
    });
    let log = home.read("server.err");
    assert!(line.contains("agent of acme (token of eve"), "{line}");
    assert!(!log.contains("\u{1b}[2J"), "{line}");
    server.stop();
    let log = home.read("server.err") + &home.read("server.out");
    for part in token.split('.').skip(1) {
        assert!(!log.contains(part));
    }
}
