//! Links that sign a browser in.

use e2e::{
    http::{self, Reply},
    server::{Doorbell, Home},
};
use serde_json::json;

use super::{Session, cookie_of};

/// A new link's path and query.
#[track_caller]
fn link(server: &Doorbell<'_>) -> String {
    let made = server
        .operator()
        .call("POST", "/v1/sign_in_links", None)
        .expect(201)
        .json();
    assert!(made["expires_at"].is_string(), "{made}");
    let url = made["url"].as_str().expect("a URL");
    url.strip_prefix("http://127.0.0.1")
        .expect("the address that was asked")
        .to_owned()
}

fn visit(server: &Doorbell<'_>, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
    http::send(server.control, method, target, headers, b"").expect("the control listener answers")
}

/// What the dashboard says to a cookie.
fn front_page(server: &Doorbell<'_>, cookie: &str) -> u16 {
    visit(server, "GET", "/", &[("Cookie", cookie)]).status
}

#[test]
fn a_link_signs_in_once_and_leads_to_the_dashboard() {
    let home = Home::new();
    let server = home.serve();
    let link = link(&server);
    let typed = [("Sec-Fetch-Site", "none")];
    let reply = visit(&server, "GET", &link, &typed).expect(303);
    assert_eq!(reply.header("location"), Some("./"));
    let set = reply.header("set-cookie").expect("a cookie");
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Strict"),
        "{set}"
    );
    let cookie = cookie_of(&reply);
    assert_eq!(front_page(&server, &cookie), 200);

    let again = visit(&server, "GET", &link, &typed).expect(401);
    assert!(again.header("set-cookie").is_none());
    assert!(again.text().contains("doorbell open"), "{}", again.text());
    for wrong in ["/sign-in?link=", "/sign-in?link=AAAA", "/sign-in?link=%ff"] {
        let reply = visit(&server, "GET", wrong, &typed).expect(401);
        assert!(reply.header("set-cookie").is_none(), "{wrong}");
    }
}

#[test]
fn what_looks_at_a_link_beforehand_does_not_spend_it() {
    let home = Home::new();
    let server = home.serve();
    let link = link(&server);
    let none: &[(&str, &str)] = &[];
    for (method, headers) in [
        ("HEAD", none),
        ("GET", &[("Sec-Purpose", "prefetch;prerender")]),
        ("GET", &[("Purpose", "prefetch")]),
    ] {
        let reply = visit(&server, method, &link, headers).expect(401);
        assert!(reply.header("set-cookie").is_none(), "{method} {headers:?}");
    }
    visit(&server, "GET", &link, &[]).expect(303);
}

#[test]
fn where_another_site_led_to_a_link_the_person_is_asked_first() {
    let home = Home::new();
    let server = home.serve();
    let link = link(&server);
    let reply = visit(&server, "GET", &link, &[("Sec-Fetch-Site", "cross-site")]).expect(200);
    assert!(reply.header("set-cookie").is_none());
    assert!(reply.text().contains(&link[1..]), "{}", reply.text());
    let hostile = "/sign-in?link=%22%3E%3Cscript%3E";
    let reply = visit(&server, "GET", hostile, &[("Sec-Fetch-Site", "cross-site")]).expect(401);
    assert!(!reply.text().contains("<script"));
    visit(&server, "GET", &link, &[("Sec-Fetch-Site", "same-origin")]).expect(303);
}

#[test]
fn only_an_operator_with_a_key_makes_links_and_a_revoked_keys_link_is_dead() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    server
        .agent("acme")
        .call("POST", "/v1/sign_in_links", None)
        .expect(403);
    operator
        .clone()
        .narrowed_to("acme")
        .call("POST", "/v1/sign_in_links", None)
        .expect(403);
    // A cookie that made its own successor would never end.
    let session = Session::begin(&server, operator.key());
    session
        .send("POST", "/v1/sign_in_links", &session.own(), "")
        .expect(403);

    let link = link(&server);
    let keys = operator.get("/v1/keys");
    let own = keys["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .find(|key| key["folder"] == json!("*"))
        .expect("the operator's");
    let path = format!("/v1/keys/{}", own["key_id"].as_str().expect("an id"));
    operator.call("DELETE", &path, None).expect(200);
    visit(&server, "GET", &link, &[]).expect(401);
}

#[test]
fn behind_a_proxy_a_link_leads_to_where_clients_reach_the_server_and_its_cookie_stays_there() {
    let home = Home::new();
    let server = home.serve_with(&["--control-url", "https://bell.example.com/bell"]);
    let printed = home.cli(&["open"]).expect(0).stdout;
    let path = printed
        .trim()
        .strip_prefix("https://bell.example.com")
        .expect("the control URL");
    let host = [("Host", "bell.example.com")];
    let reply = visit(&server, "GET", path, &host).expect(303);
    assert_eq!(reply.header("location"), Some("./"));
    let set = reply.header("set-cookie").expect("a cookie");
    for part in [
        "__Secure-doorbell_session=",
        "Path=/bell",
        "Secure",
        "HttpOnly",
    ] {
        assert!(set.contains(part), "{set}");
    }
}
