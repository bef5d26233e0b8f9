//! A real OpenID Connect issuer: panva's oidc-provider, run by `clients/node/issuer.mjs`, which says
//! what it can be told.

use serde_json::{Value, json};

use crate::{
    foreign::{self, Dialogue},
    server::Home,
};

/// The audience that its tokens name unless they are asked not to.
pub const AUDIENCE: &str = "doorbell";

/// An issuer on a loopback port of its own; gone when dropped.
#[derive(Debug)]
pub struct Issuer {
    told: Dialogue,
    /// Its identifier.
    pub url: String,
    /// The client that may ask it for tokens on its own, and that client's secret.
    pub client: (String, String),
}

impl Issuer {
    /// Starts one.
    pub fn start(home: &Home) -> Self {
        let mut told = Dialogue::begin(home, &mut foreign::node(home, "issuer.mjs"));
        let said = told.hear();
        let text = |name: &str| said[name].as_str().expect("a string").to_owned();
        Self {
            url: text("issuer"),
            client: (text("client_id"), text("client_secret")),
            told,
        }
    }

    /// Flags of a server that believes it.
    pub fn flags(&self) -> [&str; 4] {
        ["--oidc-issuer", &self.url, "--oidc-audience", AUDIENCE]
    }

    /// Tells it something, which must succeed.
    #[track_caller]
    pub fn tell(&mut self, order: &Value) -> Value {
        let said = self.told.ask(order);
        assert_eq!(said.get("error"), None, "{order}: {said}");
        said
    }

    /// A token that it issued, whose folder claim reads so.
    #[track_caller]
    pub fn token(&mut self, folder: &str) -> String {
        self.issue(json!({"claims": {"doorbell_folder": folder}}))
    }

    /// A token that it issued as told.
    #[track_caller]
    pub fn issue(&mut self, how: Value) -> String {
        text(&self.tell(&json!({ "token": how })))
    }

    /// A token that was written by hand. For an operator, so that only what is wrong with it can
    /// keep it out.
    #[track_caller]
    pub fn forge(&mut self, mut how: Value) -> String {
        if how["claims"].get("doorbell_folder").is_none() {
            how["claims"]["doorbell_folder"] = json!("*");
        }
        text(&self.tell(&json!({ "forge": how })))
    }

    /// How often this path of its was asked for.
    #[track_caller]
    pub fn asked(&mut self, path: &str) -> u64 {
        let said = self.tell(&json!({ "asked": path }));
        said["asked"].as_u64().expect("a number")
    }
}

#[track_caller]
fn text(said: &Value) -> String {
    said["token"].as_str().expect("a token").to_owned()
}
