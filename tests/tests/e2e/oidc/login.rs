//! People sign in to the dashboard at the issuer.

use std::{collections::BTreeMap, net::SocketAddr};

use e2e::{
    http::{self, Reply},
    issuer::Issuer,
    server::{Doorbell, Home},
};
use serde_json::json;

use super::has_keys;

/// A browser, as far as signing in needs one: it keeps cookies, each host's apart.
#[derive(Default)]
struct Browser(BTreeMap<(SocketAddr, String), String>);

impl Browser {
    fn get(&mut self, url: &str) -> Reply {
        let rest = url.strip_prefix("http://").expect("plain");
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let addr: SocketAddr = host.parse().expect("an address");
        let own = self.0.iter().filter(|((of, _), _)| *of == addr);
        let cookies: Vec<_> = own
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        let cookies = cookies.join("; ");
        let headers = [
            ("Host", host),
            ("Cookie", &cookies),
            ("Accept", "text/html"),
        ];
        let reply = http::send(addr, "GET", path, &headers, b"").expect("an answer");
        for (name, value) in &reply.headers {
            if name == "set-cookie" {
                let pair = value.split(';').next().unwrap_or_default();
                let (name, value) = pair.split_once('=').expect("a cookie");
                let of = (addr, name.to_owned());
                if value.is_empty() {
                    self.0.remove(&of);
                } else {
                    self.0.insert(of, value.to_owned());
                }
            }
        }
        reply
    }

    /// Follows redirects until it is back, and says where that is.
    fn visit_the_issuer(&mut self, server: &Doorbell<'_>) -> String {
        let mut url = format!("http://{}/oidc/login", server.control);
        loop {
            let reply = self.get(&url);
            assert!(reply.status / 100 == 3, "{url}: {}", reply.text());
            let there = reply.header("location").expect("a redirect");
            url = match there.strip_prefix('/') {
                None => there.to_owned(),
                Some(_) => {
                    let host = url.split('/').nth(2).expect("a host");
                    format!("http://{host}{there}")
                }
            };
            if url.contains("/oidc/callback") {
                return url;
            }
        }
    }
}

fn serve<'a>(home: &'a Home, issuer: &mut Issuer, folder: &str) -> Doorbell<'a> {
    let client = ["--oidc-client-id", "e2e-public"];
    let server = home.serve_with(&[&issuer.flags()[..], &client].concat());
    has_keys(home);
    let callback = format!("http://{}/oidc/callback", server.control);
    issuer.tell(&json!({"serve": {"claims": {"doorbell_folder": folder}}}));
    issuer.tell(&json!({"redirects": [callback]}));
    server
}

#[test]
fn a_person_signs_in_at_the_issuer_and_sees_their_folder_alone() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let server = serve(&home, &mut issuer, "acme/eng");
    let own = server.operator().hook("acme/eng", "x");
    own.deliver(b"");
    server.operator().hook("other", "x").deliver(b"");
    let base = format!("http://{}", server.control);
    let mut browser = Browser::default();
    let page = browser.get(&format!("{base}/"));
    assert_eq!(page.status, 401);
    assert!(page.text().contains("href=\"oidc/login\""));
    let back = browser.visit_the_issuer(&server);
    let reply = browser.get(&back).expect(200);
    let set: Vec<_> = reply
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .collect();
    assert!(
        set.iter()
            .any(|(_, value)| value.starts_with("doorbell_session=")
                && value.contains("HttpOnly")
                && value.contains("SameSite=Strict")),
        "{set:?}"
    );
    // The page is another one's request no more once it has led on.
    assert!(reply.text().contains("http-equiv=\"refresh\""));
    browser.get(&format!("{base}/")).expect(200);
    let seen = browser
        .get(&format!("{base}/v1/messages"))
        .expect(200)
        .json();
    assert_eq!(seen["messages"].as_array().map(Vec::len), Some(1));
    browser.get(&format!("{base}/v1/keys")).expect(403);
    // Nobody comes back twice.
    browser.get(&back).expect(401);
}

#[test]
fn who_did_not_leave_does_not_come_back() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let server = serve(&home, &mut issuer, "*");
    let mut victim = Browser::default();
    let mut attacker = Browser::default();
    let back = attacker.visit_the_issuer(&server);
    // Another's code in a browser that has gone nowhere, and in one that has gone itself.
    victim.get(&back).expect(401);
    let back = attacker.visit_the_issuer(&server);
    let own = victim.visit_the_issuer(&server);
    victim.get(&back).expect(401);
    assert!(!victim.0.keys().any(|(_, name)| name == "doorbell_session"));
    // A state of one's own with another's code: PKCE and the nonce are in between.
    let mixed = format!("{}code={}", &own[..own.find("code=").expect("a code")], {
        let rest = &back[back.find("code=").expect("a code") + 5..];
        rest.split('&').next().expect("a code")
    });
    let state = own[own.find("state=").expect("a state")..]
        .split('&')
        .next();
    let iss = own[own.find("iss=").expect("an issuer")..]
        .split('&')
        .next();
    let mixed = format!("{mixed}&{}&{}", state.expect("one"), iss.expect("one"));
    victim.get(&mixed).expect(401);
    // And what came back from elsewhere says so.
    let own = victim.visit_the_issuer(&server);
    let foreign = own.replace("iss=http", "iss=https");
    victim.get(&foreign).expect(401);
    for garbage in [
        "",
        "?state=x",
        "?code=x",
        "?state=x&code=x",
        "?error=access_denied",
    ] {
        let url = format!("http://{}/oidc/callback{garbage}", server.control);
        assert_eq!(victim.get(&url).status, 401, "{garbage}");
    }
    assert!(!victim.0.keys().any(|(_, name)| name == "doorbell_session"));
}

#[test]
fn the_issuer_decides_who_has_a_folder() {
    let home = Home::new();
    let mut issuer = Issuer::start(&home);
    let server = serve(&home, &mut issuer, "not a folder");
    let mut browser = Browser::default();
    let back = browser.visit_the_issuer(&server);
    let reply = browser.get(&back).expect(403);
    assert!(reply.text().contains("gives you no folder"));
    assert!(!browser.0.keys().any(|(_, name)| name == "doorbell_session"));
    // Without a client nobody is sent anywhere.
    let home = Home::new();
    let server = super::serve(&home, &issuer);
    let url = format!("http://{}", server.control);
    let page = browser.get(&format!("{url}/")).expect(401);
    assert!(!page.text().contains("oidc/login"));
    browser.get(&format!("{url}/oidc/login")).expect(401);
}
