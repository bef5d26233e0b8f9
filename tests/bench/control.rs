//! The few calls of the control listener that the bench makes, over one connection of its own.

use crate::Outcome;
use crate::connection::Connection;
use memchr::memmem;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;

/// The folder that everything here arrives in.
pub(crate) const FOLDER: &str = "bench/a";

/// A client with the operator's key.
pub(crate) struct Control {
    connection: Connection,
    address: SocketAddr,
    key: String,
}

#[derive(Deserialize)]
struct Minted {
    token: String,
}

#[derive(Deserialize)]
struct Issued {
    key: String,
}

impl Control {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr, key: &str) -> Outcome<Self> {
        Ok(Self {
            connection: Connection::open(address).await?,
            address,
            key: key.to_owned(),
        })
    }

    /// Mints a hook for [`FOLDER`] and gives its token.
    pub(crate) async fn mint(&mut self) -> Outcome<String> {
        self.mint_in(FOLDER, "github").await
    }

    /// Mints a hook for another folder and gives its token.
    pub(crate) async fn mint_in(&mut self, folder: &str, label: &str) -> Outcome<String> {
        let asked = serde_json::json!({"target_folder": folder, "source_label": label});
        let reply = self
            .call("POST", "/v1/route_tokens/hook", Some(&asked), 201)
            .await?;
        Ok(serde_json::from_slice::<Minted>(reply)?.token)
    }

    /// Issues a key for the agent of a folder.
    pub(crate) async fn issue_key(&mut self, folder: &str) -> Outcome<String> {
        let asked = serde_json::json!({"folder": folder});
        let reply = self.call("POST", "/v1/keys", Some(&asked), 201).await?;
        Ok(serde_json::from_slice::<Issued>(reply)?.key)
    }

    /// Sets a rule that routes messages.
    pub(crate) async fn set_route(&mut self, asked: &serde_json::Value) -> Outcome<()> {
        self.call("POST", "/v1/routes", Some(asked), 201).await?;
        Ok(())
    }

    /// Leases up to 100 messages, whole bodies with them, waiting for the first so many seconds.
    pub(crate) async fn receive(&mut self, wait_seconds: u64) -> Outcome<Vec<String>> {
        ids(self.leased(FOLDER, wait_seconds).await?)
    }

    /// The same from another folder, without waiting.
    pub(crate) async fn receive_in(&mut self, folder: &str) -> Outcome<Vec<String>> {
        ids(self.leased(folder, 0).await?)
    }

    /// The same, read as `T`.
    pub(crate) async fn receive_as<T: DeserializeOwned>(
        &mut self,
        wait_seconds: u64,
    ) -> Outcome<T> {
        Ok(serde_json::from_slice(
            self.leased(FOLDER, wait_seconds).await?,
        )?)
    }

    async fn leased(&mut self, folder: &str, wait_seconds: u64) -> Outcome<&[u8]> {
        let asked = serde_json::json!({"folder": folder, "max": 100, "wait_seconds": wait_seconds});
        self.call("POST", "/v1/messages/receive", Some(&asked), 200)
            .await
    }

    /// Acknowledges these, every one of which must be there to acknowledge.
    pub(crate) async fn ack(&mut self, ids: &[String]) -> Outcome<()> {
        let asked = serde_json::json!({ "ids": ids });
        let reply = self
            .call("POST", "/v1/messages/ack", Some(&asked), 200)
            .await?;
        let acked = memmem::find_iter(reply, br#""status":"acked""#).count();
        if acked != ids.len() {
            return Err(format!("{acked} of {} messages could be acked", ids.len()).into());
        }
        Ok(())
    }

    /// Whether this message is in the log.
    pub(crate) async fn holds(&mut self, id: &str) -> Outcome<bool> {
        let (status, _) = self
            .send("GET", &format!("/v1/messages/{id}"), None)
            .await?;
        match status {
            200 => Ok(true),
            404 => Ok(false),
            other => Err(format!("{other} for a message by its id").into()),
        }
    }

    async fn call(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
        expected: u16,
    ) -> Outcome<&[u8]> {
        let (status, reply) = self.send(method, path, body).await?;
        if status != expected {
            let said = String::from_utf8_lossy(reply);
            return Err(
                format!("{method} {path}: {status} where {expected} was due: {said}").into(),
            );
        }
        Ok(reply)
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Outcome<(u16, &[u8])> {
        let body = body.map_or_else(String::new, ToString::to_string);
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.key,
            body.len()
        );
        let reply = self.connection.exchange(request.as_bytes()).await?;
        Ok((reply.status, reply.body))
    }
}

/// The ids of the messages in a reply to `receive`, found and not parsed: the generator reads no
/// bodies either, and what these receivers spend is taken from what they measure.
///
/// A message begins with its id, and within a text a quote has a backslash before it.
fn ids(reply: &[u8]) -> Outcome<Vec<String>> {
    const BEGIN: &[u8] = br#"{"id":""#;
    memmem::find_iter(reply, BEGIN)
        .map(|at| {
            let id = &reply[at + BEGIN.len()..];
            let (id, rest) = id.split_at_checked(26).ok_or("a message is cut short")?;
            if !rest.starts_with(b"\"") {
                return Err("a message's id is no ULID".into());
            }
            Ok(std::str::from_utf8(id)?.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_a_reply_are_those_of_its_messages_alone() {
        let id = |n: u8| format!("01K0000000000000000000000{n}");
        let message = |n| format!(r#"{{"id":"{}","body":"{{\"id\":\"x\"}}"}}"#, id(n));
        let reply = format!(
            r#"{{"messages":[{},{}],"observed":[]}}"#,
            message(1),
            message(2)
        );
        assert_eq!(ids(reply.as_bytes()).unwrap(), [id(1), id(2)]);
        assert!(ids(br#"{"messages":[{"id":"01K"}]}"#).is_err());
    }
}
