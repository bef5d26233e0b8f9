//! `/v1` as a client sees it, and the webhooks minted there.

use std::{io::Write, net::SocketAddr, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    http::{self, Reply},
    run,
    server::Doorbell,
};

/// Someone with a key.
#[derive(Clone)]
pub struct Caller {
    control: SocketAddr,
    front: SocketAddr,
    key: String,
    headers: Vec<(String, String)>,
    heard: PathBuf,
}

/// A webhook.
#[derive(Clone)]
pub struct Hook {
    front: SocketAddr,
    /// The raw token.
    pub token: String,
    /// What would be pasted somewhere.
    pub url: String,
    /// The address its messages arrive at.
    pub jid: String,
    /// Its grant.
    pub grant_id: String,
}

impl Caller {
    /// Whoever has this key.
    pub fn new(server: &Doorbell<'_>, key: String) -> Self {
        Self {
            control: server.control,
            front: server.front,
            key,
            headers: Vec::new(),
            heard: server.home.dir().join("replies.log"),
        }
    }

    /// The raw key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The same, with this header on every request.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(have, _)| have != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, as the agent of a folder below.
    #[must_use]
    pub fn narrowed_to(self, folder: &str) -> Self {
        self.with("Doorbell-Folder", folder)
    }

    /// The same, under a name that tells receivers on one key apart.
    #[must_use]
    pub fn named(self, receiver: &str) -> Self {
        self.with("Doorbell-Receiver", receiver)
    }

    /// Sends a request with JSON in it (none: no body). What comes back is kept for the search
    /// unless it mints, in which case its token is one of those searched for.
    #[track_caller]
    pub fn call(&self, method: &str, target: &str, body: Option<&Value>) -> Reply {
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend(
            self.headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        let body = body.map(Value::to_string).unwrap_or_default();
        let reply = http::send(self.control, method, target, &headers, body.as_bytes())
            .expect("the control listener answers");
        if method == "POST" && reply.status == 201 {
            run::register(&reply.text());
        } else {
            self.keep(&reply);
        }
        reply
    }

    fn keep(&self, reply: &Reply) {
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&self.heard)
            .expect("the test's directory is writable");
        let text = format!("{} {:?} {}\n", reply.status, reply.headers, reply.text());
        file.write_all(text.as_bytes())
            .expect("the test's directory is writable");
    }

    /// GET, which must succeed.
    #[track_caller]
    pub fn get(&self, target: &str) -> Value {
        self.call("GET", target, None).expect(200).json()
    }

    /// POST, which must be answered with 200.
    #[track_caller]
    pub fn post(&self, target: &str, body: Value) -> Value {
        self.call("POST", target, Some(&body)).expect(200).json()
    }

    /// POST of something new, which must be answered with 201.
    #[track_caller]
    pub fn make(&self, target: &str, body: Value) -> Value {
        self.call("POST", target, Some(&body)).expect(201).json()
    }

    /// Mints a webhook.
    #[track_caller]
    pub fn mint(&self, ask: Value) -> Hook {
        let made = self
            .call("POST", "/v1/route_tokens/hook", Some(&ask))
            .expect(201)
            .json();
        let text = |name: &str| made[name].as_str().expect("a string").to_owned();
        Hook {
            front: self.front,
            token: text("token"),
            url: text("url"),
            jid: text("jid"),
            grant_id: text("grant_id"),
        }
    }

    /// Mints a webhook for a folder.
    #[track_caller]
    pub fn hook(&self, folder: &str, label: &str) -> Hook {
        self.mint(json!({"target_folder": folder, "source_label": label}))
    }

    /// Issues a key; an operator's business.
    #[track_caller]
    pub fn issue_key(&self, folder: &str) -> String {
        let made = self
            .call("POST", "/v1/keys", Some(&json!({"folder": folder})))
            .expect(201);
        made.json()["key"].as_str().expect("a key").to_owned()
    }

    /// Leases messages.
    #[track_caller]
    pub fn receive(&self, ask: Value) -> Vec<Value> {
        let mut reply = self.post("/v1/messages/receive", ask);
        match reply["messages"].take() {
            Value::Array(messages) => messages,
            other => panic!("messages is {other}"),
        }
    }

    /// Settles messages; the statuses, in order.
    #[track_caller]
    pub fn ack(&self, messages: &[Value]) -> Vec<String> {
        self.settle("ack", json!({"ids": ids(messages)}))
    }

    /// Gives messages back at once.
    #[track_caller]
    pub fn nack(&self, messages: &[Value]) -> Vec<String> {
        self.settle("nack", json!({"ids": ids(messages)}))
    }

    /// Acks or nacks as told.
    #[track_caller]
    pub fn settle(&self, how: &str, ask: Value) -> Vec<String> {
        let reply = self.post(&format!("/v1/messages/{how}"), ask);
        let results = reply["results"].as_array().expect("results").iter();
        results
            .map(|one| one["status"].as_str().expect("a status").to_owned())
            .collect()
    }

    /// Every message of the log that is in reach, page by page.
    #[track_caller]
    pub fn log(&self) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut page = self.get(&format!("/v1/messages?limit=500{cursor}"));
            let Value::Array(messages) = page["messages"].take() else {
                panic!("no messages in {page}")
            };
            if messages.is_empty() {
                return all;
            }
            all.extend(messages);
            cursor = format!("&cursor={}", page["cursor"].as_str().expect("a cursor"));
        }
    }
}

/// The ids of messages.
pub fn ids(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message["id"].as_str().expect("an id"))
        .collect()
}

impl Hook {
    /// The path that carries the token.
    pub fn path(&self) -> String {
        format!("/hook/{}", self.token)
    }

    /// Posts.
    #[track_caller]
    pub fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.try_post(headers, body)
            .expect("the front door answers")
    }

    /// Posts where nobody may answer.
    pub fn try_post(&self, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<Reply> {
        http::send(self.front, "POST", &self.path(), headers, body)
    }

    /// Posts, expects 200, and returns the message's id.
    #[track_caller]
    pub fn deliver(&self, body: &[u8]) -> String {
        let reply = self.post(&[], body).expect(200);
        reply.header("x-message-id").expect("an id").to_owned()
    }
}
