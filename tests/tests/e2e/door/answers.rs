//! Tokens and methods: who is let in, and how the others are told.

use e2e::{
    secrets::forge,
    server::{Home, wait_for},
};
use serde_json::json;

use super::refused;

#[test]
fn an_accepted_post_is_an_empty_200_that_names_the_message() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme/eng", "github");
    for method in ["POST", "PUT", "PATCH"] {
        let reply = server.front(method, &hook.path(), &[], b"{}").expect(200);
        assert_eq!(reply.body, b"");
        assert_eq!(reply.header("content-type"), None);
        assert_eq!(reply.header("content-length"), Some("0"));
        assert_eq!(reply.header("x-duplicate-of"), None);
        let id = reply.header("x-message-id").expect("an id");
        let message = server.operator().get(&format!("/v1/messages/{id}"));
        assert_eq!(message["method"], method);
        assert_eq!(message["body"], "{}");
    }
}

#[test]
fn the_token_rides_in_the_path_or_in_the_header_and_the_path_goes_first() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let path = operator.hook("acme", "path");
    let header = operator.hook("acme", "header");
    let bearer = format!("Bearer {}", header.token);
    let jid_of = |reply: e2e::http::Reply| {
        let reply = reply.expect(200);
        let id = reply.header("x-message-id").expect("an id").to_owned();
        operator.get(&format!("/v1/messages/{id}"))["jid"].clone()
    };
    let both = [("Authorization", bearer.as_str())];
    assert_eq!(
        jid_of(server.front("POST", "/hook", &both, b"")),
        header.jid.as_str()
    );
    assert_eq!(
        jid_of(server.front("POST", "/hook/", &both, b"")),
        header.jid.as_str()
    );
    assert_eq!(
        jid_of(server.front("POST", &path.path(), &both, b"")),
        path.jid.as_str()
    );
    let lower = [("Authorization", &*bearer.replace("Bearer", "bearer"))];
    assert_eq!(
        jid_of(server.front("POST", "/hook", &lower, b"")),
        header.jid.as_str()
    );
    let escaped = path.path().replace('_', "%5F");
    assert_eq!(
        jid_of(server.front("POST", &escaped, &[], b"")),
        path.jid.as_str()
    );
    // A bad token in the path is not mended by a good one in the header.
    refused(
        server.front("POST", "/hook/dbh_no", &both, b""),
        401,
        "invalid_token",
    );
}

#[test]
fn unknown_revoked_and_expired_tokens_read_alike_and_an_absent_one_is_said_to_be() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let revoked = operator.hook("acme", "revoked");
    let path = format!("/v1/route_tokens/{}", revoked.jid);
    operator.call("DELETE", &path, None).expect(200);
    let ask = json!({"target_folder": "acme", "source_label": "brief", "ttl_seconds": 1});
    let expired = operator.mint(ask);
    wait_for("a token of one second to expire", || {
        (expired.post(&[], b"").status == 401).then_some(())
    });
    let unknown = format!("/hook/{}", forge("dbh_", &"0".repeat(43)));
    let bent = format!("{}x", revoked.path());
    let key = format!("/hook/{}", operator.key());
    let strangers = ["/hook/dbh_", "/hook/%ff", &unknown, &bent, &key];
    let first = refused(revoked.post(&[], b"a"), 401, "invalid_token");
    assert_eq!(first.header("www-authenticate"), Some("Bearer"));
    assert_eq!(
        without_date(refused(expired.post(&[], b"a"), 401, "invalid_token")),
        without_date(first.clone())
    );
    for path in strangers {
        let reply = refused(server.front("POST", path, &[], b"a"), 401, "invalid_token");
        assert_eq!(without_date(reply), without_date(first.clone()), "{path}");
    }
    for path in ["/hook", "/hook/", "//hook/%20/"] {
        for authorization in ["", "Bearer", "Bearer ", "Digest x"] {
            let headers = [("Authorization", authorization)];
            let reply = refused(
                server.front("POST", path, &headers, b"a"),
                401,
                "invalid_token",
            );
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            let message = reply.json()["error"]["message"].to_string();
            assert!(message.contains("No token was sent"), "{path}: {message}");
        }
    }
    assert_eq!(
        operator
            .log()
            .iter()
            .filter(|message| message["body"] == "a")
            .count(),
        0
    );
}

fn without_date(mut reply: e2e::http::Reply) -> e2e::http::Reply {
    reply.headers.retain(|(name, _)| name != "date");
    reply
}

#[test]
fn nothing_is_accepted_once_revoke_has_returned() {
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "0"]);
    let operator = server.operator();
    let hook = operator.hook("acme", "busy");
    let gone = std::sync::atomic::AtomicBool::new(false);
    let accepted_after = std::thread::scope(|scope| {
        let posters: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut late = 0;
                    loop {
                        let over = gone.load(std::sync::atomic::Ordering::SeqCst);
                        let status = hook.post(&[], b"{}").status;
                        assert!(status == 200 || status == 401, "{status}");
                        late += u32::from(over && status == 200);
                        if over {
                            return late;
                        }
                    }
                })
            })
            .collect();
        wait_for("some traffic", || (operator.log().len() > 20).then_some(()));
        let path = format!("/v1/route_tokens/{}", hook.jid);
        operator.call("DELETE", &path, None).expect(200);
        let stored = operator.log().len();
        gone.store(true, std::sync::atomic::Ordering::SeqCst);
        let late = posters
            .into_iter()
            .map(|poster| poster.join().expect("no panic"))
            .sum::<u32>();
        assert_eq!(
            operator.log().len(),
            stored,
            "something was stored after the revocation"
        );
        late
    });
    assert_eq!(accepted_after, 0);
}

#[test]
fn a_chats_token_is_404_and_a_bad_channel_token_403() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let ask = json!({"target_folder": "acme"});
    let chat = operator
        .call("POST", "/v1/route_tokens/chat", Some(&ask))
        .expect(201)
        .json();
    assert_eq!(chat.get("url"), None, "no url until chat is served");
    assert_eq!(chat["jid"], "web:acme");
    let token = chat["token"].as_str().expect("a token");
    assert!(token.starts_with("dbw_"));
    refused(
        server.front("POST", &format!("/hook/{token}"), &[], b""),
        404,
        "not_a_webhook",
    );
    for bad in [
        "dbc_",
        "dbc_fixture",
        "dbc_eyJmaXh0dXJlIjoxfQaaaa.AAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let reply = server.front("POST", &format!("/hook/{bad}"), &[], b"{}");
        refused(reply, 403, "invalid_channel_token");
    }
    assert_eq!(operator.log().len(), 0);
}

#[test]
fn another_method_is_405_with_allow_once_the_token_is_good() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "github");
    for method in ["DELETE", "TRACE", "PROPFIND"] {
        let reply = refused(
            server.front(method, &hook.path(), &[], b""),
            405,
            "method_not_allowed",
        );
        let allow = reply.header("allow").expect("Allow");
        for taken in ["POST", "PUT", "PATCH"] {
            assert!(allow.split(", ").any(|one| one == taken), "{allow}");
        }
        // The token goes first: a stranger does not learn which methods there are.
        refused(
            server.front(method, "/hook/dbh_no", &[], b""),
            401,
            "invalid_token",
        );
    }
    assert_eq!(server.operator().log().len(), 0);
}

#[test]
fn nothing_but_hook_and_healthz_is_served_at_the_front_door() {
    let home = Home::new();
    let server = home.serve();
    let bearer = format!("Bearer {}", home.operator_key());
    let headers = [("Authorization", bearer.as_str())];
    for path in [
        "/",
        "/v1/messages",
        "/mcp",
        "/readyz",
        "/metrics",
        "/hook/a/b",
        "/HOOK",
        "/hooks",
        "/openapi.json",
        "/hook/a/%20b",
        "/healthz/",
        "*",
        "/hook/../v1/keys",
    ] {
        refused(server.front("GET", path, &headers, b""), 404, "not_found");
    }
    assert_eq!(
        server.front("GET", "/healthz", &[], b"").expect(200).text(),
        "ok"
    );
    let wrong = refused(
        server.front("POST", "/healthz", &[], b""),
        405,
        "method_not_allowed",
    );
    assert_eq!(wrong.header("allow"), Some("GET, HEAD"));
}
