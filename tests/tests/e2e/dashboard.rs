//! The dashboard: its cookies and headers by hand, its page in a real browser.

mod browser;
mod cookies;
mod links;
mod proxied;
mod test_messages;

use e2e::{
    http::{self, Reply},
    server::Doorbell,
};

/// A browser as far as it matters here: a cookie, a page's token, and what it says of its origin.
struct Session<'a> {
    server: &'a Doorbell<'a>,
    cookie: String,
    csrf: String,
}

impl<'a> Session<'a> {
    /// Signs in with this key.
    #[track_caller]
    fn begin(server: &'a Doorbell<'a>, key: &str) -> Self {
        let reply = sign_in(server, key, &[]).expect(303);
        let cookie = cookie_of(&reply);
        let page = http::send(server.control, "GET", "/", &[("Cookie", &cookie)], b"")
            .expect("the control listener answers")
            .expect(200)
            .text();
        let (_, rest) = page
            .split_once("name=\"doorbell-csrf\" content=\"")
            .expect("the page has its token");
        let csrf = rest.split('"').next().expect("a value").to_owned();
        assert_eq!(csrf.len(), 64, "{csrf}");
        Self {
            server,
            cookie,
            csrf,
        }
    }

    /// Sends something with the cookie and these headers, and none besides.
    #[track_caller]
    fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let headers = [&[("Cookie", self.cookie.as_str())], headers].concat();
        http::send(
            self.server.control,
            method,
            target,
            &headers,
            body.as_bytes(),
        )
        .expect("the control listener answers")
    }

    /// What the page itself would send.
    fn own(&self) -> Vec<(&str, &str)> {
        vec![
            ("Origin", "http://127.0.0.1"),
            ("Sec-Fetch-Site", "same-origin"),
            ("Doorbell-Csrf", &self.csrf),
        ]
    }
}

/// Posts the form.
fn sign_in(server: &Doorbell<'_>, key: &str, headers: &[(&str, &str)]) -> Reply {
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let headers = [&[form], headers].concat();
    let body = format!("credential={key}");
    http::send(
        server.control,
        "POST",
        "/sign-in",
        &headers,
        body.as_bytes(),
    )
    .expect("the control listener answers")
}

/// The cookie that was set, as it is sent back.
#[track_caller]
fn cookie_of(reply: &Reply) -> String {
    let set = reply.header("set-cookie").expect("a cookie");
    set.split(';').next().expect("a pair").to_owned()
}
