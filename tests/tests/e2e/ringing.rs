//! How an agent learns that something came: pushed, watched for, waited for.

pub(crate) mod agent;
mod channel;
mod plugin;
mod sessions;
mod wait;
mod watch;

use std::time::Duration;

use e2e::{
    api::Caller,
    http::{self, Reply},
    server::Doorbell,
};
use serde_json::{Value, json};

/// CONTRACT section 4 says 50 ms; this machine has others on it.
const SOON: Duration = Duration::from_secs(1);

/// A channel token into a session.
fn expose(caller: &Caller, session: &str) -> String {
    let exposed = caller.make("/v1/channels", json!({"session_id": session}));
    exposed["token"].as_str().expect("a token").to_owned()
}

/// Says something through a channel token.
fn knock(server: &Doorbell<'_>, token: &str, message: &str) -> Reply {
    let body = json!({"message": message, "from": "ci"}).to_string();
    let path = format!("/hook/{token}");
    http::send(server.front, "POST", &path, &[], body.as_bytes()).expect("the front door answers")
}

/// A message and its life, as the operator sees it.
fn detail(server: &Doorbell<'_>, id: &str) -> Value {
    server.operator().get(&format!("/v1/messages/{id}"))
}
