//! How a client that was refused finds the issuer (RFC 9728, RFC 6750).

use e2e::{
    foreign::{self, Sdk, mcp_client},
    http::{self, Reply},
    issuer::Issuer,
    server::{Doorbell, Home},
};
use serde_json::json;

use super::serve;

const WHOLE: &str = "/.well-known/oauth-protected-resource";

fn get(server: &Doorbell<'_>, path: &str, headers: &[(&str, &str)]) -> Reply {
    http::send(server.control, "GET", path, headers, b"").expect("the control listener answers")
}

#[test]
fn a_refusal_says_where_to_read_who_issues_tokens() {
    let home = Home::new();
    let issuer = Issuer::start(&home);
    let server = serve(&home, &issuer);
    let host = server.control.to_string();
    for (path, suffix) in [("/mcp", "/mcp"), ("/v1/messages", ""), ("/nowhere", "")] {
        let metadata = format!("http://{host}{WHOLE}{suffix}");
        let reply = get(&server, path, &[("Host", &host)]).expect(401);
        assert_eq!(
            reply.header("www-authenticate"),
            Some(format!("Bearer resource_metadata=\"{metadata}\"").as_str())
        );
        let shown = ("Authorization", "Bearer a.b.c");
        let reply = get(&server, path, &[("Host", &host), shown]).expect(401);
        let wanted = format!("Bearer resource_metadata=\"{metadata}\", error=\"invalid_token\"");
        assert_eq!(reply.header("www-authenticate"), Some(wanted.as_str()));
        assert_eq!(
            reply.header("content-type"),
            Some("application/problem+json")
        );
    }
}

#[test]
fn the_description_is_public_and_names_the_issuer() {
    let home = Home::new();
    let issuer = Issuer::start(&home);
    let server = serve(&home, &issuer);
    let host = server.control.to_string();
    for (path, resource) in [(WHOLE.to_owned(), ""), (format!("{WHOLE}/mcp"), "/mcp")] {
        let reply = get(&server, &path, &[("Host", &host)]).expect(200);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("access-control-allow-origin"), None);
        assert_eq!(
            reply.json(),
            json!({
                "resource": format!("http://{host}{resource}"),
                "authorization_servers": [issuer.url],
                "bearer_methods_supported": ["header"],
                "resource_name": "Doorbell",
            })
        );
        // Host and Origin are checked there too, and a Host is given back cleanly.
        for bad in ["evil.example", "x@evil.example", ""] {
            get(&server, &path, &[("Host", bad)]).expect(403);
        }
        let other = [("Host", host.as_str()), ("Origin", "https://evil.example")];
        get(&server, &path, &other).expect(403);
    }
    get(&server, "/.well-known/other", &[]).expect(404);
    let posted = http::send(server.control, "POST", WHOLE, &[], b"").expect("an answer");
    assert_eq!(posted.status, 405);
}

#[test]
fn without_an_issuer_there_is_nothing_to_find() {
    let home = Home::new();
    let server = home.serve();
    for path in [
        WHOLE,
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    ] {
        let reply = get(&server, path, &[]).expect(404);
        assert_eq!(reply.header("www-authenticate"), None);
    }
    let reply = get(&server, "/mcp", &[]).expect(401);
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
}

#[test]
fn behind_a_proxy_control_url_is_what_the_description_begins_with() {
    let home = Home::new();
    let issuer = Issuer::start(&home);
    let flags = ["--control-url", "https://bell.example/"];
    let server = home.serve_with(&[&issuer.flags()[..], &flags].concat());
    let reply = get(&server, &format!("{WHOLE}/mcp"), &[]).expect(200);
    assert_eq!(reply.json()["resource"], "https://bell.example/mcp");
    let reply = get(&server, "/mcp", &[]).expect(401);
    assert_eq!(
        reply.header("www-authenticate"),
        Some(
            "Bearer resource_metadata=\"https://bell.example/.well-known/oauth-protected-resource/mcp\""
        )
    );
}

#[test]
fn an_audience_that_is_a_url_of_ours_is_the_resource() {
    let home = Home::new();
    let issuer = Issuer::start(&home);
    let server = home.serve_with(&[
        "--oidc-issuer",
        &issuer.url,
        "--oidc-audience",
        "https://bell.example/mcp",
        "--control-url",
        "https://bell.example",
    ]);
    for path in [WHOLE.to_owned(), format!("{WHOLE}/mcp")] {
        let resource = get(&server, &path, &[]).expect(200).json()["resource"].clone();
        assert_eq!(resource, "https://bell.example/mcp", "{path}");
    }
}

#[test]
fn the_official_sdks_find_the_issuer_by_themselves_and_are_let_in() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let server = serve(&home, &issuer);
    issuer.tell(&json!({"serve": {"claims": {"doorbell_folder": "acme/eng"}}}));
    let (id, secret) = issuer.client.clone();
    let oauth = format!("{id}:{secret}");
    for (sdk, protocol) in [
        (Sdk::TypeScript, "2025-11-25"),
        (Sdk::TypeScript, "2026-07-28"),
        (Sdk::TypeScript1, "2025-11-25"),
    ] {
        let mut client = mcp_client(&home, sdk, protocol);
        let url = format!("http://{}/mcp", server.control);
        client.args(["--oauth", &oauth, "http", &url]);
        let step = json!({"call": "issue_webhook", "arguments": {"source_label": "github"}});
        let (code, said) = foreign::talk(&home, &mut client, &[step]);
        assert_eq!(code, 0, "{sdk:?} {protocol}: {said:?}");
        let jid = &said[1]["structuredContent"]["jid"];
        assert_eq!(jid, "hook:acme/eng/github", "{sdk:?} {protocol}: {said:?}");
    }
    // One that the issuer lets in and gives no folder is told so.
    issuer.tell(&json!({"serve": {"claims": {}}}));
    let mut client = mcp_client(&home, Sdk::TypeScript, "2025-11-25");
    let url = format!("http://{}/mcp", server.control);
    client.args(["--oauth", &oauth, "http", &url]);
    let (code, said) = foreign::talk(&home, &mut client, &[]);
    assert_eq!(code, 1, "{said:?}");
    let said = said[0]["error"]["message"].as_str().expect("a message");
    assert!(said.contains("doorbell_folder"), "{said}");
}
