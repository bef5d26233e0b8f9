//! Who may: every endpoint and every tool, as a stranger, with a dead key and as the wrong folder.
//!
//! Endpoints are read from the program's sources and tools asked of the program, so that one that
//! is added without a row here fails the test.

mod endpoints;
mod names;
mod tools;

use e2e::{
    api::{Caller, Hook},
    secrets::forge,
    server::Doorbell,
};
use serde_json::json;

/// A folder with something in it, and somebody whose business it is not.
struct Scene {
    hook: Hook,
    message: String,
    /// Where the log ended before the message came.
    before: String,
    key_id: String,
    session: String,
    channel_grant: String,
    route_id: String,
    owner: Caller,
    other: Caller,
}

impl Scene {
    fn set(server: &Doorbell<'_>) -> Self {
        let operator = server.operator();
        let before = operator.get("/v1/messages")["cursor"]
            .as_str()
            .expect("a cursor")
            .to_owned();
        let hook = operator.hook("acme/eng", "github");
        let message = hook.deliver(b"private");
        let owner = server.agent("acme/eng");
        let keys = operator.get("/v1/keys");
        let mut keys = keys["keys"].as_array().expect("keys").iter();
        let key = keys
            .find(|key| key["folder"] == "acme/eng")
            .expect("just issued");
        let ask = json!({"id": "build", "folder": "acme/eng"});
        let session = owner.call("POST", "/v1/sessions", Some(&ask)).expect(201);
        let session = session.json()["id"].as_str().expect("an id").to_owned();
        let ask = json!({"session_id": session});
        let channel = owner
            .call("POST", "/v1/channels", Some(&ask))
            .expect(201)
            .json();
        // About an address at which nothing arrives.
        let ask = json!({"match": "hook:acme/eng/nobody", "target": "acme/eng#observe"});
        let route = owner.make("/v1/routes", ask);
        Self {
            route_id: route["routes"][0]["route_id"]
                .as_str()
                .expect("an id")
                .to_owned(),
            session,
            channel_grant: channel["grant_id"].as_str().expect("an id").to_owned(),
            hook,
            message,
            before,
            key_id: key["key_id"].as_str().expect("an id").to_owned(),
            owner,
            // Its name begins like the owner's.
            other: server.agent("acme/engineering"),
        }
    }

    /// Fails unless all is as it was.
    #[track_caller]
    fn is_untouched(&self) {
        let message = self.owner.get(&format!("/v1/messages/{}", self.message));
        assert_eq!(
            (&message["state"], &message["attempt"]),
            (&json!("pending"), &json!(0))
        );
        assert_eq!(self.owner.log().len(), 1);
        let sessions = self.owner.get("/v1/sessions");
        assert_eq!(sessions["sessions"].as_array().map(Vec::len), Some(1));
        assert_eq!(sessions["sessions"][0]["state"], "idle", "{sessions}");
        let channels = self.owner.get("/v1/channels");
        assert_eq!(channels["grants"].as_array().map(Vec::len), Some(1));
        assert_eq!(channels["grants"][0].get("revoked_at"), None);
        let routes = self.owner.get("/v1/routes");
        assert_eq!(routes["routes"].as_array().map(Vec::len), Some(1));
        assert_eq!(routes["routes"][0]["route_id"], json!(self.route_id));
        self.hook
            .post(&[("webhook-id", "still live")], b"")
            .expect(200);
        let second = self.owner.log()[1].clone();
        let leased = self.owner.receive(json!({}));
        assert_eq!(leased.len(), 2);
        assert_eq!(leased[1]["id"], second["id"]);
    }
}

/// Credentials that open nothing: none, garbage, a key nobody issued, a revoked one, a webhook's.
fn no_credentials(server: &Doorbell<'_>, hook: &Hook) -> Vec<Option<String>> {
    let operator = server.operator();
    let made = operator
        .call("POST", "/v1/keys", Some(&json!({"folder": "acme/eng"})))
        .expect(201)
        .json();
    let path = format!("/v1/keys/{}", made["key_id"].as_str().expect("an id"));
    operator.call("DELETE", &path, None).expect(200);
    let text = |text: &str| Some(text.to_owned());
    vec![
        None,
        text("Bearer"),
        text("Bearer nonsense"),
        text("Basic dTpw"),
        text(&format!("Bearer {}", forge("dbk_", &"0".repeat(43)))),
        text(&format!("Bearer {}", made["key"].as_str().expect("a key"))),
        text(&format!("Bearer {}", hook.token)),
        text(&format!("Basic {}", operator.key())),
    ]
}
