//! The dashboard under a path of a proxy's.

use e2e::{
    http,
    proxy::{Host, Path, Proxy},
    server::Home,
};
use serde_json::json;

use super::browser;

/// Every way a proxy may mount us: who takes the path away, and which `Host` it names.
const WAYS: [(Path, Host); 4] = [
    (Path::Cut, Host::Kept),
    (Path::Cut, Host::Own),
    (Path::Whole, Host::Kept),
    (Path::Whole, Host::Own),
];

#[test]
fn a_browser_signs_in_reads_and_writes_through_a_proxy_under_its_path() {
    for (path, host) in WAYS {
        let home = Home::new();
        let proxy = Proxy::at("/bell");
        let (url, at) = (proxy.url(), proxy.addr());
        let server = home.serve_with(&["--control-url", &url]);
        proxy.serve(server.control, path, host);
        let (authority, origin) = (at.to_string(), format!("http://{at}"));
        let own = [("Host", authority.as_str()), ("Origin", origin.as_str())];
        let what = format!("{path:?} {host:?}");
        let page = http::send(at, "GET", "/bell/", &own[..1], b"").expect("an answer");
        assert_eq!(page.status, 401, "{what}");
        let page = page.text();
        for absolute in ["href=\"/", "src=\"/", "action=\"/", "url=/"] {
            assert!(!page.contains(absolute), "{what}: {absolute}");
        }
        let form = format!("credential={}", server.operator().key());
        let reply = http::send(at, "POST", "/bell/sign-in", &own, form.as_bytes());
        let reply = reply.expect("an answer").expect(303);
        // Relative: whatever it is under, the browser stays there.
        assert_eq!(reply.header("location"), Some("./"), "{what}");
        let set = reply.header("set-cookie").expect("a cookie").to_owned();
        assert!(set.contains("; Path=/bell;"), "{what}: {set}");
        let cookie = set.split(';').next().expect("a pair");
        let mine = [own[0], ("Cookie", cookie)];
        let page = http::send(at, "GET", "/bell/", &mine, b"").expect("an answer");
        let page = page.expect(200).text();
        for absolute in ["href=\"/", "src=\"/"] {
            assert!(!page.contains(absolute), "{what}: {absolute}");
        }
        let (_, csrf) = page
            .split_once("name=\"doorbell-csrf\" content=\"")
            .expect("the page has its token");
        let csrf = csrf.split('"').next().expect("a value");
        let asset = http::send(at, "GET", "/bell/assets/app.js", &mine, b"");
        asset.expect("an answer").expect(200);
        let write = [&own[..], &[("Cookie", cookie), ("Doorbell-Csrf", csrf)]].concat();
        let session = br#"{"folder":"acme"}"#;
        let made = http::send(at, "POST", "/bell/v1/sessions", &write, session);
        made.expect("an answer").expect(201);
        let out = http::send(at, "POST", "/bell/sign-out", &write, b"");
        let out = out.expect("an answer").expect(204);
        let gone = out.header("set-cookie").expect("its end");
        assert!(
            gone.contains("; Path=/bell;") && gone.contains("Max-Age=0"),
            "{what}: {gone}"
        );
        // Whoever comes past the proxy is at the root.
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        let key = format!("credential={}", server.operator().key());
        let direct = http::send(server.control, "POST", "/sign-in", &[form], key.as_bytes());
        let direct = direct.expect("an answer").expect(303);
        assert!(
            direct
                .header("set-cookie")
                .expect("a cookie")
                .contains("; Path=/;")
        );
    }
}

#[test]
fn over_tls_below_a_path_a_cookie_is_secure_and_bound_to_the_path() {
    let home = Home::new();
    let server = home.serve_with(&["--control-url", "https://bell.example.com/bell"]);
    let headers = [
        ("Host", "bell.example.com:443"),
        ("Origin", "https://bell.example.com"),
    ];
    let reply = super::sign_in(&server, server.operator().key(), &headers).expect(303);
    let set = reply.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("__Secure-doorbell_session="), "{set}");
    for part in ["; Path=/bell;", "HttpOnly", "SameSite=Strict", "; Secure"] {
        assert!(set.contains(part), "{set}");
    }
    let cookie = super::cookie_of(&reply);
    let read = [("Host", "bell.example.com"), ("Cookie", cookie.as_str())];
    let who = http::send(server.control, "GET", "/v1/whoami", &read, b"");
    who.expect("an answer").expect(200);
    // The front door keeps none of its names.
    let hook = server.operator().hook("acme", "github");
    hook.post(&[("Cookie", cookie.as_str())], b"{}").expect(200);
    let kept = server.operator().log().remove(0);
    assert_eq!(kept["headers"].get("cookie"), None, "{kept}");
}

#[test]
fn the_path_alone_leads_to_what_lies_below_it() {
    let home = Home::new();
    let proxy = Proxy::at("/bell");
    let at = proxy.addr();
    let server = home.serve_with(&["--control-url", &proxy.url()]);
    proxy.serve(server.control, Path::Whole, Host::Kept);
    let reply = http::send(at, "GET", "/bell", &[], b"").expect("an answer");
    assert_eq!(reply.expect(308).header("location"), Some("/bell/"));
}

#[test]
fn a_person_does_everything_through_a_proxy_under_its_path() {
    for (path, host) in [(Path::Cut, Host::Own), (Path::Whole, Host::Kept)] {
        let home = Home::new();
        let proxy = Proxy::at("/bell");
        let control = format!("{}/", proxy.url());
        let server = home.serve_with(&["--control-url", &control]);
        proxy.serve(server.control, path, host);
        let key = server.operator().key().to_owned();
        browser::run(&server, &key, "walk", json!({"control": control}));
    }
}
