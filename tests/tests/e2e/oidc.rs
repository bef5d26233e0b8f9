//! Tokens of an OpenID Connect issuer beside API keys (CONTRACT.md section 6), against a real one.

mod finding;
mod keys;
mod login;
mod settings;
mod tokens;

use e2e::{
    api::Caller,
    http::Reply,
    issuer::Issuer,
    server::{Doorbell, Home, wait_for},
};

/// A server that believes an issuer and has its keys.
fn serve<'a>(home: &'a Home, issuer: &Issuer) -> Doorbell<'a> {
    let server = home.serve_with(&issuer.flags());
    has_keys(home);
    server
}

/// Waits until the server says that it has the issuer's keys.
fn has_keys(home: &Home) {
    wait_for("the issuer's keys", || {
        home.read("server.err")
            .contains("the OIDC issuer's keys are here")
            .then_some(())
    });
}

/// What is answered to whoever shows this.
fn ask(server: &Doorbell<'_>, token: &str) -> Reply {
    Caller::new(server, token.to_owned()).call("GET", "/v1/messages", None)
}

/// Fails unless it is refused, and the refusal repeats nothing of it.
#[track_caller]
fn refused(server: &Doorbell<'_>, token: &str, status: u16, what: &str) {
    let reply = ask(server, token);
    assert_eq!(reply.status, status, "{what}: {}", reply.text());
    let answer = format!("{:?} {}", reply.headers, reply.text());
    for part in token.split('.').filter(|part| part.len() > 8) {
        assert!(!answer.contains(part), "{what}: {answer}");
    }
    let mcp = Caller::new(server, token.to_owned()).call("POST", "/mcp", None);
    assert_eq!(mcp.status, status, "{what}, at /mcp: {}", mcp.text());
}
