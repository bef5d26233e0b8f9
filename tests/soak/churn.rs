//! Who mints and revokes: URLs, channels, sessions, keys, rules. What is revoked stays revoked,
//! whatever happens to the server.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::{
    client::Client,
    scene::{CHURN, Scene},
};

pub(crate) fn run(scene: &Scene) {
    let mut churn = Churn {
        scene,
        front: Client::new(scene.front),
        operator: scene.operator(),
    };
    let mut round = 0_u64;
    while scene.is_sending() {
        churn.url(round);
        if round.is_multiple_of(5) {
            churn.channel(round);
        }
        if round.is_multiple_of(7) {
            churn.key();
        }
        if round.is_multiple_of(11) {
            churn.rule();
        }
        scene.rounds.fetch_add(1, Ordering::Relaxed);
        round += 1;
    }
}

struct Churn<'a> {
    scene: &'a Scene,
    front: Client,
    operator: Client,
}

impl Churn<'_> {
    /// A URL that is used once.
    fn url(&mut self, round: u64) {
        let ask = json!({"target_folder": CHURN, "source_label": format!("u{}", round % 50)});
        let Some(made) = self.make("/v1/route_tokens/hook", &ask) else {
            return;
        };
        let path = format!("/hook/{}", text(&made, "token"));
        // Its answer may be lost, and what came through it is settled all the same.
        let _ = self.front.ask("POST", &path, &[], b"{}");
        self.drain();
        self.gone(&format!("/v1/grants/{}", text(&made, "grant_id")));
        self.refused(&path, b"{}", 401);
    }

    /// A channel of a session that ends.
    fn channel(&mut self, round: u64) {
        let session = format!("s{round}");
        let ask = json!({"id": session, "folder": CHURN});
        if self.make("/v1/sessions", &ask).is_none() {
            return;
        }
        let ask = json!({"session_id": session, "ttl_seconds": 600});
        if let Some(made) = self.make("/v1/channels", &ask) {
            let path = format!("/hook/{}", text(&made, "token"));
            let said = br#"{"message":"hi","idempotency_key":"k"}"#;
            let first = self.front.ask("POST", &path, &[], said);
            let again = self.front.ask("POST", &path, &[], said);
            if let (Ok(first), Ok(again)) = (first, again)
                && (first.status, again.status) == (202, 200)
                && first.json()["message_id"] != again.json()["message_id"]
            {
                let fault = format!("one key of {session} is two messages");
                self.scene.ledger.fault(fault);
            }
            self.gone(&format!("/v1/channels/{}", text(&made, "grant_id")));
            self.refused(&path, said, 403);
        }
        self.gone(&format!("/v1/sessions/{session}"));
    }

    /// A key that is used once.
    fn key(&mut self) {
        let Some(made) = self.make("/v1/keys", &json!({"folder": CHURN})) else {
            return;
        };
        let bearer = format!("Bearer {}", text(&made, "key"));
        let mut holder = Client::new(self.scene.control).with("Authorization", bearer);
        let reply = holder.insist("GET", "/v1/messages?limit=1", None);
        self.expect(reply.status == 200, "a new key is not let in");
        self.gone(&format!("/v1/keys/{}", text(&made, "key_id")));
        let reply = holder.insist("GET", "/v1/messages?limit=1", None);
        self.expect(reply.status == 401, "a revoked key is let in");
    }

    /// A rule that matches nothing.
    fn rule(&mut self) {
        let ask = json!({"match": "hook:soak/nobody/*", "target": CHURN});
        if let Some(made) = self.make("/v1/routes", &ask) {
            self.gone(&format!(
                "/v1/routes/{}",
                text(&made["routes"][0], "route_id")
            ));
        }
    }

    /// Settles what came through URLs here.
    fn drain(&mut self) {
        let ask = json!({"folder": CHURN, "max": 100}).to_string();
        let received = self
            .operator
            .ask("POST", "/v1/messages/receive", &[], ask.as_bytes());
        let Ok(reply) = received else {
            return;
        };
        if reply.status != 200 {
            return;
        }
        let reply = reply.json();
        let messages = reply["messages"].as_array().into_iter().flatten();
        let ids: Vec<_> = messages.map(|message| &message["id"]).collect();
        if !ids.is_empty() {
            let ask = json!({"ids": ids}).to_string();
            let _ = self
                .operator
                .ask("POST", "/v1/messages/ack", &[], ask.as_bytes());
        }
    }

    /// Makes something; nothing where the answer is lost or is *later*.
    fn make(&mut self, target: &str, ask: &Value) -> Option<Value> {
        let reply = self
            .operator
            .ask("POST", target, &[], ask.to_string().as_bytes());
        match reply {
            Ok(reply) if reply.status == 201 => Some(reply.json()),
            Ok(reply) => {
                self.expect(reply.status == 503, &format!("{target}: {}", reply.text()));
                Client::rest();
                None
            }
            Err(_) => {
                Client::rest();
                None
            }
        }
    }

    /// Revokes or ends something, until that is answered.
    fn gone(&mut self, target: &str) {
        let reply = self.operator.insist("DELETE", target, None);
        // Where an answer was lost it is gone already.
        let gone = matches!(reply.status, 200 | 404 | 410);
        self.expect(gone, &format!("DELETE {target}: {}", reply.text()));
    }

    /// What was revoked is refused by each server that answers.
    fn refused(&mut self, path: &str, body: &[u8], status: u16) {
        loop {
            match self.front.ask("POST", path, &[], body) {
                Ok(reply) => {
                    let what = format!("what was revoked is answered {}", reply.status);
                    return self.expect(reply.status == status, &what);
                }
                Err(_) => Client::rest(),
            }
        }
    }

    fn expect(&self, holds: bool, what: &str) {
        if !holds {
            self.scene.ledger.fault(what.to_owned());
        }
    }
}

fn text<'a>(made: &'a Value, name: &str) -> &'a str {
    made[name].as_str().expect("what was made has it")
}
