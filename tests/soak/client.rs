//! A connection that is opened again when it broke.

use std::{io, net::SocketAddr, thread, time::Duration};

use e2e::http::{Reply, Wire, request};
use serde_json::Value;

/// How long to wait before a server that is not there is asked again.
const REST: Duration = Duration::from_millis(20);

/// One connection, to be used by one thread.
pub(crate) struct Client {
    addr: SocketAddr,
    headers: Vec<(&'static str, String)>,
    wire: Option<Wire>,
}

impl Client {
    /// Of whoever has no key.
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self {
            addr,
            headers: Vec::new(),
            wire: None,
        }
    }

    /// With this header on every request.
    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Asks once. An error: nobody knows whether it was heard.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let own = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let all: Vec<_> = own.chain(headers.iter().copied()).collect();
        let bytes = request(method, target, &all, body);
        let outcome = self.exchange(&bytes);
        if !matches!(&outcome, Ok(reply) if reply.header("connection") != Some("close")) {
            self.wire = None;
        }
        outcome
    }

    fn exchange(&mut self, bytes: &[u8]) -> io::Result<Reply> {
        let wire = match &mut self.wire {
            Some(wire) => wire,
            none => none.insert(Wire::open(self.addr)?),
        };
        wire.write(bytes)?;
        wire.reply(false)
    }

    /// Asks until there is an answer that is not *come again later*.
    pub(crate) fn insist(&mut self, method: &str, target: &str, body: Option<&Value>) -> Reply {
        let body = body.map(Value::to_string).unwrap_or_default();
        loop {
            match self.ask(method, target, &[], body.as_bytes()) {
                Ok(reply) if reply.status != 503 => return reply,
                _ => thread::sleep(REST),
            }
        }
    }

    /// Waits a little.
    pub(crate) fn rest() {
        thread::sleep(REST);
    }
}
