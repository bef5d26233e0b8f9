//! Host, Origin, narrowing, paths that are not there.

use e2e::{http, server::Home};
use serde_json::json;

#[test]
fn a_host_or_an_origin_that_is_not_ours_is_refused_before_the_credential_is_looked_at() {
    let home = Home::new();
    let server = home.serve_with(&["--allowed-host", "bell.example"]);
    let bearer = format!("Bearer {}", home.operator_key());
    let own = server.control.to_string();
    let get = |path: &str, more: &[(&str, &str)]| {
        let headers = [&[("Authorization", bearer.as_str())], more].concat();
        http::send(server.control, "GET", path, &headers, b"")
            .expect("an answer")
            .status
    };
    for host in [
        own.as_str(),
        "localhost:1",
        "[::1]:1",
        "bell.example",
        "BELL.example:443",
    ] {
        assert_eq!(get("/v1/keys", &[("Host", host)]), 200, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.example",
        "",
    ] {
        assert_eq!(get("/v1/keys", &[("Host", host)]), 403, "{host:?}");
        assert_eq!(get("/mcp", &[("Host", host)]), 403, "{host:?}");
    }
    assert_eq!(
        get(
            "/v1/keys",
            &[("Host", "bell.example"), ("Host", "evil.example")]
        ),
        403
    );
    let same = format!("http://{own}");
    assert_eq!(get("/v1/keys", &[("Host", &own), ("Origin", &same)]), 200);
    for origin in ["http://evil.example", "null", "http://localhost:3000", ""] {
        assert_eq!(
            get("/v1/keys", &[("Host", &own), ("Origin", origin)]),
            403,
            "{origin:?}"
        );
        assert_eq!(
            get("/mcp", &[("Host", &own), ("Origin", origin)]),
            403,
            "{origin:?}"
        );
    }
}

#[test]
fn doorbell_folder_narrows_and_never_widens() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let agent = server.agent("acme");
    operator.hook("acme", "x").deliver(b"acme's");
    operator.hook("acme/eng", "x").deliver(b"eng's");
    let status = |caller: &e2e::api::Caller, folder: &str| {
        caller
            .clone()
            .narrowed_to(folder)
            .call("GET", "/v1/messages", None)
            .status
    };
    assert_eq!(agent.clone().narrowed_to("acme/eng").log().len(), 1);
    assert_eq!(agent.clone().narrowed_to("acme").log().len(), 2);
    assert_eq!(operator.clone().narrowed_to("acme/eng").log().len(), 1);
    for outside in ["other", "ac", "acmecorp", "acme-eng"] {
        assert_eq!(status(&agent, outside), 403, "{outside}");
    }
    for illegal in [
        "",
        "acme/",
        "/acme",
        "acme//eng",
        "*",
        "acme/../other",
        "a/b/c/d/e/f/g/h/i",
    ] {
        let code = status(&operator, illegal);
        assert_eq!(code, 400, "{illegal:?}");
    }
    // Of two, a proxy may have set either to narrow.
    let twice = [
        ("Authorization", format!("Bearer {}", agent.key())),
        ("Doorbell-Folder", "acme".to_owned()),
        ("Doorbell-Folder", "acme/eng".to_owned()),
    ];
    let twice: Vec<_> = twice
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    let get = |headers: &[(&str, &str)]| {
        http::send(server.control, "GET", "/v1/messages", headers, b"").expect("an answer")
    };
    get(&twice).expect(400);
    get(&[twice[0], twice[0]]).expect(401);
    get(&twice[..1]).expect(200);
    // An operator that was narrowed is an agent: keys are not its business.
    operator
        .clone()
        .narrowed_to("acme")
        .call("GET", "/v1/keys", None)
        .expect(403);
    let outside = json!({"source_label": "x", "target_folder": "other"});
    operator
        .narrowed_to("acme")
        .call("POST", "/v1/route_tokens/hook", Some(&outside))
        .expect(403);
}

#[test]
fn paths_and_methods_that_are_not_there_are_404_and_405_for_those_let_in() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    for path in [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v2/keys",
        "/hook",
        "/v1/messages/",
        "/v1/keys/a/b",
    ] {
        let reply = operator.call("GET", path, None).expect(404);
        assert_eq!(reply.json()["code"], "not_found", "{path}");
        let stranger = http::send(server.control, "GET", path, &[], b"").expect("an answer");
        assert_eq!(
            stranger.status, 401,
            "{path}: a stranger does not learn what is there"
        );
    }
    let reply = operator.call("PUT", "/v1/keys", None).expect(405);
    assert_eq!(
        reply.header("allow").map(|allow| allow.contains("POST")),
        Some(true)
    );
    for id in ["nonsense", "01K0000000000000000000000A"] {
        operator
            .call("GET", &format!("/v1/messages/{id}"), None)
            .expect(404);
        operator
            .call("DELETE", &format!("/v1/keys/{id}"), None)
            .expect(404);
    }
}

#[test]
fn a_revoked_key_is_refused_at_once_and_others_are_not() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let ask = json!({"folder": "acme", "name": "laptop"});
    let made = operator
        .call("POST", "/v1/keys", Some(&ask))
        .expect(201)
        .json();
    assert_eq!(
        (&made["folder"], &made["name"]),
        (&json!("acme"), &json!("laptop"))
    );
    let agent = e2e::api::Caller::new(&server, made["key"].as_str().expect("a key").to_owned());
    let other = server.agent("acme");
    agent.get("/v1/messages");
    let path = format!("/v1/keys/{}", made["key_id"].as_str().expect("an id"));
    assert_eq!(
        operator.call("DELETE", &path, None).expect(200).json()["revoked"],
        true
    );
    agent.call("GET", "/v1/messages", None).expect(401);
    other.get("/v1/messages");
    operator.call("DELETE", &path, None).expect(404);
    let listed = operator.get("/v1/keys");
    let listed = listed["keys"].as_array().expect("keys");
    assert_eq!(
        listed.len(),
        3,
        "the operator's, the revoked one, the other"
    );
    assert_eq!(
        listed
            .iter()
            .filter(|key| key.get("revoked_at").is_some())
            .count(),
        1
    );
    assert!(listed.iter().all(|key| key.get("key").is_none()));
}

#[test]
fn a_jid_may_be_revoked_with_its_slashes_plain_or_escaped_and_only_by_its_owners_folder() {
    let home = Home::new();
    let server = home.serve();
    let above = server.agent("acme");
    let below = server.agent("acme/eng");
    let delete = |caller: &e2e::api::Caller, jid: &str| {
        caller.call("DELETE", &format!("/v1/route_tokens/{jid}"), None)
    };
    // Minted above for the folder below: it is not the folder's below to revoke or to see.
    let hook = above.mint(json!({"source_label": "github", "target_folder": "acme/eng"}));
    let hook2 = above.mint(json!({"source_label": "github", "target_folder": "acme/eng"}));
    assert_eq!(below.get("/v1/route_tokens")["tokens"], json!([]));
    delete(&below, &hook.jid).expect(404);
    let listed = above.get("/v1/route_tokens?folder=acme/eng");
    assert_eq!(listed["tokens"].as_array().map(Vec::len), Some(2));
    assert_eq!(listed["tokens"][0]["owner_folder"], "acme");
    let done = delete(&above, &hook.jid.replace('/', "%2F"))
        .expect(200)
        .json();
    assert_eq!(done, json!({"jid": hook.jid, "revoked": 2}));
    hook.post(&[], b"").expect(401);
    hook2.post(&[], b"").expect(401);
    delete(&above, &hook.jid).expect(404);
    let own = below.mint(json!({"source_label": "github"}));
    assert_eq!(delete(&above, &own.jid).expect(200).json()["revoked"], 1);
}

#[test]
fn one_url_is_revoked_alone_by_its_grant_and_only_by_its_owners_folder() {
    let home = Home::new();
    let server = home.serve();
    let above = server.agent("acme");
    let below = server.agent("acme/eng");
    let delete = |caller: &e2e::api::Caller, id: &str| {
        caller.call("DELETE", &format!("/v1/grants/{id}"), None)
    };
    let ask = json!({"source_label": "github", "target_folder": "acme/eng"});
    let (one, twin) = (above.mint(ask.clone()), above.mint(ask));
    for stranger in [&below, &server.agent("acmecorp")] {
        delete(stranger, &one.grant_id).expect(404);
    }
    one.post(&[], b"").expect(200);
    let done = delete(&above, &one.grant_id).expect(200).json();
    assert_eq!(done, json!({"jid": one.jid, "revoked": 1}));
    one.post(&[], b"").expect(401);
    twin.post(&[], b"").expect(200);
    // DELETE twice is DELETE once.
    let again = delete(&above, &one.grant_id).expect(200).json();
    assert_eq!(again, json!({"jid": one.jid, "revoked": 0}));
    for unknown in ["nonsense", "01K0000000000000000000000A", &one.token] {
        delete(&above, unknown).expect(404);
    }
    // A channel's grant has an endpoint of its own.
    above.make("/v1/sessions", json!({"id": "build"}));
    let channel = above.make("/v1/channels", json!({"session_id": "build"}));
    let channel = channel["grant_id"].as_str().expect("an id");
    delete(&above, channel).expect(404);
    let listed = above.get("/v1/route_tokens");
    let listed = listed["tokens"].as_array().expect("tokens");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["grant_id"], json!(twin.grant_id));
}
