//! Signing in and out, and what a cookie may do.

use e2e::{
    http::{self, Reply},
    secrets::forge,
    server::Home,
};
use serde_json::json;

use super::{Session, cookie_of, sign_in};

const HOOK: &str = r#"{"target_folder":"acme/eng","source_label":"github"}"#;

/// The headers without which no answer of the dashboard may go out.
#[track_caller]
fn is_dressed(reply: &Reply) {
    let has = |name: &str, value: &str| {
        assert_eq!(reply.header(name), Some(value), "{:?}", reply.headers);
    };
    has("x-content-type-options", "nosniff");
    has("x-frame-options", "DENY");
    has("cross-origin-opener-policy", "same-origin");
    has("cross-origin-resource-policy", "same-origin");
    let policy = reply.header("content-security-policy").expect("a policy");
    for rule in [
        "default-src 'none'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ] {
        assert!(policy.split("; ").any(|have| have == rule), "{policy}");
    }
    for never in ["unsafe", "*", "http:", "https:", "blob:"] {
        assert!(!policy.contains(never), "{policy}");
    }
    assert!(reply.header("permissions-policy").is_some());
    assert!(reply.header("access-control-allow-origin").is_none());
}

#[test]
fn a_stranger_is_shown_the_form_and_nothing_else() {
    let home = Home::new();
    let server = home.serve();
    for target in [
        "/",
        "/assets/app.js",
        "/assets/base.css",
        "/assets/none",
        "/sign-in",
    ] {
        for cookie in [
            "",
            "doorbell_session=",
            "doorbell_session=AAAA",
            "__Host-doorbell_session=AAAA",
        ] {
            let reply = http::send(server.control, "GET", target, &[("Cookie", cookie)], b"")
                .expect("the control listener answers")
                .expect(401);
            is_dressed(&reply);
            assert_eq!(
                reply.header("content-type"),
                Some("text/html; charset=utf-8")
            );
            assert_eq!(reply.header("cache-control"), Some("no-store"));
            assert!(reply.header("www-authenticate").is_none());
            let policy = reply.header("content-security-policy").expect("a policy");
            assert!(
                !policy.contains("script-src") && !policy.contains("connect-src"),
                "{policy}"
            );
            let page = reply.text();
            assert!(page.contains("<form method=\"post\"") && !page.contains("<script"));
            // What is allowed to have style is this page's own sheet, under a nonce of its own.
            let nonce = page.split("nonce=\"").nth(1).expect("a nonce");
            let nonce = nonce.split('"').next().expect("a value");
            assert!(
                policy.contains(&format!("style-src 'nonce-{nonce}'")),
                "{policy}"
            );
        }
    }
}

#[test]
fn every_file_of_the_page_is_sent_under_its_own_type_and_asked_after_again() {
    let home = Home::new();
    let server = home.serve();
    let session = Session::begin(&server, server.operator().key());
    let page = session.send("GET", "/", &[], "").expect(200);
    is_dressed(&page);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    for (name, kind) in [
        ("app.js", "text/javascript; charset=utf-8"),
        ("base.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let target = format!("/assets/{name}");
        let file = session.send("GET", &target, &[], "").expect(200);
        is_dressed(&file);
        assert_eq!(file.header("content-type"), Some(kind));
        let tag = file.header("etag").expect("a tag");
        let again = session
            .send("GET", &target, &[("If-None-Match", tag)], "")
            .expect(304);
        assert!(again.body.is_empty());
    }
    is_dressed(
        &session
            .send("GET", "/assets/sign_in.html", &[], "")
            .expect(404),
    );
    is_dressed(&session.send("PUT", "/", &[], "").expect(405));
}

#[test]
fn signing_in_sets_a_cookie_that_no_script_and_no_other_site_can_use() {
    let home = Home::new();
    let server = home.serve();
    let key = server.operator().key().to_owned();
    let reply = sign_in(&server, &key, &[]).expect(303);
    is_dressed(&reply);
    assert_eq!(reply.header("location"), Some("./"));
    let set = reply.header("set-cookie").expect("a cookie");
    let mut parts: Vec<_> = set.split("; ").skip(1).collect();
    parts.sort_unstable();
    assert_eq!(parts, ["HttpOnly", "Path=/", "SameSite=Strict"]);
    let value = cookie_of(&reply);
    let value = value.strip_prefix("doorbell_session=").expect("its name");
    assert_eq!(value.len(), 43, "256 bits in base64");
    assert!(!reply.text().contains(&key));

    // Over https, as the browser itself says, nobody but this very origin can have set it.
    let secure = sign_in(&server, &key, &[("Origin", "https://127.0.0.1")]).expect(303);
    let set = secure.header("set-cookie").expect("a cookie");
    assert!(
        set.starts_with("__Host-doorbell_session=") && set.contains("; Secure"),
        "{set}"
    );
    assert!(!set.to_lowercase().contains("domain"));
    // What a proxy claims is not believed.
    let claimed = sign_in(&server, &key, &[("X-Forwarded-Proto", "https")]).expect(303);
    assert!(
        !claimed
            .header("set-cookie")
            .expect("a cookie")
            .contains("Secure")
    );
}

#[test]
fn what_is_no_key_signs_nobody_in() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme/eng", "github");
    let dead = operator.make("/v1/keys", json!({"folder": "acme"}));
    let path = format!("/v1/keys/{}", dead["key_id"].as_str().expect("an id"));
    operator.call("DELETE", &path, None).expect(200);
    for bad in [
        "",
        "nonsense",
        "a%0d%0aSet-Cookie:%20x=1",
        &forge("dbk_", &"0".repeat(43)),
        dead["key"].as_str().expect("a key"),
        &hook.token,
    ] {
        let reply = sign_in(&server, bad, &[]).expect(401);
        is_dressed(&reply);
        assert!(reply.header("set-cookie").is_none());
        assert!(
            reply.text().contains("role=\"alert\"")
                && reply.text().contains("<form method=\"post\"")
        );
        assert!(bad.is_empty() || !reply.text().contains(bad));
    }
    for body in ["", "key=x", "credential", &"a".repeat(20_000)] {
        http::send(server.control, "POST", "/sign-in", &[], body.as_bytes())
            .expect("the control listener answers")
            .expect(401);
    }
}

#[test]
fn another_sites_form_signs_nobody_in() {
    let home = Home::new();
    let server = home.serve();
    let key = server.operator().key().to_owned();
    for headers in [
        [("Origin", "http://127.0.0.1:3000")],
        [("Origin", "https://evil.example")],
        [("Origin", "null")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site")],
    ] {
        let reply = sign_in(&server, &key, &headers).expect(403);
        is_dressed(&reply);
        assert!(reply.header("set-cookie").is_none(), "{headers:?}");
    }
}

#[test]
fn attempts_to_sign_in_are_counted_by_address() {
    let home = Home::new();
    let server = home.serve();
    let last = (0..200)
        .map(|_| sign_in(&server, "nonsense", &[]))
        .find(|reply| reply.status != 401)
        .expect("some attempt is one too many")
        .expect(429);
    is_dressed(&last);
    let wait: u64 = last
        .header("retry-after")
        .expect("when")
        .parse()
        .expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    // Whoever is signed in with a bearer credential does not mind.
    server.operator().get("/v1/whoami");
}

#[test]
fn whoever_tries_to_sign_in_without_end_writes_a_line_a_second_into_the_log() {
    let home = Home::new();
    let server = home.serve();
    let began = std::time::Instant::now();
    let refused = (0..300)
        .filter(|_| sign_in(&server, "nonsense", &[]).status == 429)
        .count();
    let seconds = began.elapsed().as_secs() as usize;
    assert!(refused > 100, "{refused}");
    // The log is written by a thread of its own.
    e2e::server::wait_for("a line", || {
        home.read("server.err")
            .contains("too many attempts")
            .then_some(())
    });
    server.stop();
    let log = home.read("server.err");
    let lines = log.matches("too many attempts to sign in").count();
    assert!((1..=seconds + 2).contains(&lines), "{lines} in {seconds} s");
}

#[test]
fn each_sign_in_is_a_session_of_its_own_and_takes_over_nothing() {
    let home = Home::new();
    let server = home.serve();
    let key = server.operator().key().to_owned();
    let planted = "doorbell_session=c2Vzc2lvbiBmaXhhdGlvbiBieSBhIG5laWdoYm91cg";
    let reply = sign_in(&server, &key, &[("Cookie", planted)]).expect(303);
    let first = cookie_of(&reply);
    assert_ne!(first, planted);
    let ask = |cookie: &str| {
        http::send(
            server.control,
            "GET",
            "/v1/whoami",
            &[("Cookie", cookie)],
            b"",
        )
        .expect("the control listener answers")
        .status
    };
    assert_eq!((ask(planted), ask(&first)), (401, 200));
    // Signing in again ends what the browser had before.
    let second = cookie_of(&sign_in(&server, &key, &[("Cookie", &first)]).expect(303));
    assert_ne!(first, second);
    assert_eq!((ask(&first), ask(&second)), (401, 200));
}

#[test]
fn a_restart_signs_nobody_out_whose_key_is_still_good() {
    let home = Home::new();
    let mut server = home.serve();
    let operator = server.operator();
    let issue = |folder: &str| {
        let key = operator.make("/v1/keys", json!({"folder": folder}));
        e2e::run::register(&key.to_string());
        let text = |name: &str| key[name].as_str().expect("a text").to_owned();
        (text("key"), text("key_id"))
    };
    let ((kept, _), (lost, lost_id)) = (issue("acme"), issue("acme"));
    let stays = cookie_of(&sign_in(&server, &kept, &[]).expect(303));
    let secure = [("Origin", "https://127.0.0.1")];
    let safe = cookie_of(&sign_in(&server, &kept, &secure).expect(303));
    let ends = cookie_of(&sign_in(&server, &lost, &[]).expect(303));
    let left = Session::begin(&server, &kept);
    left.send("POST", "/sign-out", &left.own(), "").expect(204);
    let left = left.cookie.clone();
    let csrf = |control, cookie: &str| {
        let page = http::send(control, "GET", "/", &[("Cookie", cookie)], b"");
        let page = page.expect("an answer").expect(200).text();
        let (_, rest) = page
            .split_once("doorbell-csrf\" content=\"")
            .expect("a token");
        rest.split('"').next().expect("a value").to_owned()
    };
    let before = csrf(server.control, &stays);
    let ask = |control, cookie: &str| {
        let reply = http::send(control, "GET", "/v1/whoami", &[("Cookie", cookie)], b"");
        reply.expect("an answer")
    };
    for crash in [false, true] {
        if crash {
            server.crash_and_restart();
        } else {
            server.stop_and_restart();
        }
        for cookie in [&stays, &safe] {
            let who = ask(server.control, cookie).expect(200).json();
            assert_eq!(who["folder"], "acme", "with the key's own rights");
        }
        // The page that was open before goes on as it was.
        assert_eq!(csrf(server.control, &stays), before);
        ask(server.control, &left).expect(401);
        // Under another name it is nobody's.
        let renamed = safe.replace("__Host-", "");
        ask(server.control, &renamed).expect(401);
    }
    ask(server.control, &ends).expect(200);
    let path = format!("/v1/keys/{lost_id}");
    server.operator().call("DELETE", &path, None).expect(200);
    ask(server.control, &ends).expect(401);
    server.stop_and_restart();
    ask(server.control, &ends).expect(401);
    ask(server.control, &stays).expect(200);
}

#[test]
fn a_cookie_changes_nothing_without_the_pages_token_and_origin() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let session = Session::begin(&server, operator.key());
    let other = Session::begin(&server, operator.key());
    let csrf = ("Doorbell-Csrf", session.csrf.as_str());
    let own = ("Origin", "http://127.0.0.1");
    for headers in [
        vec![],
        vec![own],
        vec![csrf],
        vec![own, ("Doorbell-Csrf", "")],
        vec![own, ("Doorbell-Csrf", &session.csrf[1..])],
        vec![own, ("Doorbell-Csrf", &other.csrf)],
        vec![("Origin", "http://127.0.0.1:3000"), csrf],
        vec![("Origin", "null"), csrf],
        vec![own, csrf, ("Sec-Fetch-Site", "cross-site")],
        vec![own, csrf, ("Sec-Fetch-Site", "same-site")],
    ] {
        for (method, target, body) in [
            ("POST", "/v1/route_tokens/hook", HOOK),
            ("POST", "/v1/keys", r#"{"folder":"acme"}"#),
            ("DELETE", "/v1/sessions/build", ""),
            ("POST", "/sign-out", ""),
        ] {
            let reply = session.send(method, target, &headers, body);
            assert_eq!(reply.status, 403, "{target} {headers:?}: {}", reply.text());
        }
    }
    assert_eq!(operator.get("/v1/route_tokens")["tokens"], json!([]));
    let made = session
        .send("POST", "/v1/route_tokens/hook", &session.own(), HOOK)
        .expect(201);
    e2e::run::register(&made.text());
    // A browser that does not say Sec-Fetch-Site says its Origin.
    let listed = session.send(
        "DELETE",
        "/v1/route_tokens/hook:acme/eng/github",
        &[own, csrf],
        "",
    );
    assert_eq!(listed.expect(200).json()["revoked"], 1);
}

#[test]
fn a_cookie_reads_nothing_for_another_sites_page() {
    let home = Home::new();
    let server = home.serve();
    let session = Session::begin(&server, server.operator().key());
    for (site, status) in [
        ("same-origin", 200),
        ("none", 200),
        ("same-site", 403),
        ("cross-site", 403),
    ] {
        for target in ["/v1/messages", "/v1/whoami", "/v1/stream?timeout_seconds=0"] {
            let reply = session.send("GET", target, &[("Sec-Fetch-Site", site)], "");
            assert_eq!(reply.status, status, "{target} {site}");
        }
    }
    session.send("GET", "/v1/messages", &[], "").expect(200);
}

#[test]
fn a_cookie_is_for_v1_alone_and_a_bearer_goes_before_it() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let session = Session::begin(&server, operator.key());
    let initialize =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}).to_string();
    let json = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
    ];
    let headers = [session.own(), json.to_vec()].concat();
    session
        .send("POST", "/mcp", &headers, &initialize)
        .expect(401);
    session.send("GET", "/metrics", &[], "").expect(401);
    // Judged by the bearer alone: a bad one is not made good by the cookie,
    let bad = format!("Bearer {}", forge("dbk_", &"0".repeat(43)));
    session
        .send("GET", "/v1/whoami", &[("Authorization", &bad)], "")
        .expect(401);
    session
        .send("GET", "/", &[("Authorization", &bad)], "")
        .expect(401);
    // and a good one needs no token of the page's and is not widened by it.
    let agent = format!("Bearer {}", operator.issue_key("acme/eng"));
    let bearer = [("Authorization", agent.as_str())];
    let who = session
        .send("GET", "/v1/whoami", &bearer, "")
        .expect(200)
        .json();
    assert_eq!(
        (&who["principal"], &who["folder"]),
        (&json!("agent"), &json!("acme/eng"))
    );
    let made = session
        .send("POST", "/v1/route_tokens/hook", &bearer, HOOK)
        .expect(201);
    e2e::run::register(&made.text());
    // The cookie may be narrowed like any credential.
    let narrowed = session
        .send("GET", "/v1/whoami", &[("Doorbell-Folder", "acme")], "")
        .expect(200);
    assert_eq!(narrowed.json()["folder"], "acme");
}

#[test]
fn an_agents_key_shows_that_agents_folder_and_no_more() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme/eng", "github");
    operator.hook("acmecorp", "github").deliver(b"private");
    let id = hook.deliver(b"{}");
    let session = Session::begin(&server, &operator.issue_key("acme"));
    let get = |target: &str| session.send("GET", target, &[], "");
    let log = get("/v1/messages").expect(200).json();
    assert_eq!(log["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(log["messages"][0]["state"], "pending");
    assert_eq!(
        get(&format!("/v1/messages/{id}")).expect(200).json()["state"],
        "pending"
    );
    let folders = get("/v1/folders").expect(200).json();
    let names: Vec<_> = folders["folders"]
        .as_array()
        .expect("folders")
        .iter()
        .map(|entry| (entry["folder"].clone(), entry["ready"].clone()))
        .collect();
    assert_eq!(
        names,
        [(json!("acme"), json!(0)), (json!("acme/eng"), json!(1))]
    );
    assert_eq!(folders["folders"][1]["tokens"][0]["jid"], hook.jid);
    let rates = get("/v1/rates").expect(200).json();
    let minutes = rates["minutes"].as_array().expect("minutes");
    assert_eq!(minutes.len(), 60);
    let sum: u64 = minutes
        .iter()
        .filter_map(|minute| minute["messages"].as_u64())
        .sum();
    assert_eq!(sum, 1);
    get("/v1/keys").expect(403);
}

#[test]
fn a_session_ends_with_its_key_and_with_signing_out_and_so_do_its_streams() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let key = operator.make("/v1/keys", json!({"folder": "acme"}));
    e2e::run::register(&key.to_string());
    let session = Session::begin(&server, key["key"].as_str().expect("a key"));
    let out = Session::begin(&server, operator.key());
    let follow = |session: &Session<'_>| {
        let mut wire = http::Wire::open(server.control).expect("it listens");
        let headers = [("Cookie", session.cookie.as_str())];
        wire.write(&http::request("GET", "/v1/stream", &headers, b""))
            .expect("written");
        assert_eq!(wire.stream().expect("a head").status, 200);
        assert!(wire.chunk().expect("where it begins").is_some());
        wire
    };
    let mut streams = [follow(&session), follow(&out)];
    let path = format!("/v1/keys/{}", key["key_id"].as_str().expect("an id"));
    operator.call("DELETE", &path, None).expect(200);
    session.send("GET", "/v1/whoami", &[], "").expect(401);
    session.send("GET", "/", &[], "").expect(401);
    let reply = out.send("POST", "/sign-out", &out.own(), "").expect(204);
    is_dressed(&reply);
    let set = reply.header("set-cookie").expect("the cookie's end");
    assert!(
        set.starts_with("doorbell_session=;") && set.contains("Max-Age=0"),
        "{set}"
    );
    out.send("GET", "/v1/whoami", &[], "").expect(401);
    // The streams look again when something comes; what comes is no longer theirs.
    operator.hook("acme", "github").deliver(b"private");
    for wire in &mut streams {
        while let Some(chunk) = wire.chunk().expect("an orderly end") {
            assert!(!String::from_utf8_lossy(&chunk).contains("private"));
        }
    }
}

#[test]
fn a_default_port_counts_as_none_and_a_403_says_what_to_set() {
    let home = Home::new();
    let server = home.serve_with(&["--allowed-host", "bell.example.com"]);
    let key = server.operator().key().to_owned();
    for (host, origin, name) in [
        (
            "bell.example.com:443",
            "https://bell.example.com",
            "__Host-doorbell_session=",
        ),
        (
            "bell.example.com",
            "https://bell.example.com:443",
            "__Host-doorbell_session=",
        ),
        (
            "bell.example.com:80",
            "http://bell.example.com",
            "doorbell_session=",
        ),
        (
            "bell.example.com",
            "http://bell.example.com:80",
            "doorbell_session=",
        ),
    ] {
        let headers = [("Host", host), ("Origin", origin)];
        let reply = sign_in(&server, &key, &headers).expect(303);
        let cookie = cookie_of(&reply);
        assert!(cookie.starts_with(name), "{host} {origin}: {cookie}");
        // What the page itself then sends, from a browser that says no Sec-Fetch-Site.
        let get = [("Cookie", cookie.as_str()), ("Host", host)];
        let page = http::send(server.control, "GET", "/", &get, b"").expect("an answer");
        let page = page.expect(200).text();
        let (_, rest) = page
            .split_once("name=\"doorbell-csrf\" content=\"")
            .expect("a token");
        let csrf = rest.split('"').next().expect("a value");
        let post = [&get[..], &[("Origin", origin), ("Doorbell-Csrf", csrf)]].concat();
        let made = http::send(
            server.control,
            "POST",
            "/v1/sessions",
            &post,
            br#"{"folder":"a"}"#,
        );
        made.expect("an answer").expect(201);
    }
    for (host, origin, part) in [
        (
            "bell.example.com:443",
            "http://bell.example.com",
            "proxy_set_header Host",
        ),
        (
            "bell.example.com:8443",
            "https://bell.example.com",
            "--control-url https://bell.example.com",
        ),
        (
            "127.0.0.1:8788",
            "https://bell.example.com",
            "--control-url https://bell.example.com",
        ),
        (
            "other.example.com",
            "https://other.example.com",
            "--allowed-host other.example.com",
        ),
    ] {
        let headers = [("Host", host), ("Origin", origin)];
        let reply = sign_in(&server, &key, &headers).expect(403);
        let said = reply.json()["detail"].as_str().expect("a text").to_owned();
        assert!(said.contains(part), "{host} {origin}: {said}");
    }
}
