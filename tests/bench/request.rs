//! The bytes of one delivery: 15 headers as GitHub sends them behind a proxy, and 2 KiB of JSON.
//!
//! Both servers get the same bytes, path and `Host` too; only the delivery id differs, and it
//! differs in every request, so that no server can take one for a repeat.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of the body.
pub(crate) const BODY_BYTES: usize = 2048;

/// A prepared request whose delivery id is written in place.
#[derive(Clone)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    id_at: usize,
    headers_at: usize,
    body_at: usize,
}

impl Request {
    /// A delivery to `/hook/<token>` with the usual body.
    pub(crate) fn new(token: &str) -> Self {
        Self::with_body(token, &push_event())
    }

    /// A delivery to `/hook/<token>` with this body.
    pub(crate) fn with_body(token: &str, body: &[u8]) -> Self {
        let line = format!("POST /hook/{token} HTTP/1.1\r\n");
        let head = format!(
            "{line}\
             Host: hooks.example.com\r\n\
             User-Agent: GitHub-Hookshot/8d1c2a4\r\n\
             Content-Length: {}\r\n\
             Accept: */*\r\n\
             Accept-Encoding: gzip\r\n\
             Content-Type: application/json\r\n\
             X-Forwarded-For: 140.82.115.5\r\n\
             X-Forwarded-Proto: https\r\n\
             X-GitHub-Delivery: 00000000-0000-0000-0000-000000000000\r\n\
             X-GitHub-Event: push\r\n\
             X-GitHub-Hook-ID: 292430182\r\n\
             X-GitHub-Hook-Installation-Target-ID: 79929171\r\n\
             X-GitHub-Hook-Installation-Target-Type: repository\r\n\
             X-Hub-Signature: sha1={:040x}\r\n\
             X-Hub-Signature-256: sha256={:064x}\r\n\
             \r\n",
            body.len(),
            7,
            7
        );
        let id_at = head
            .find("00000000-")
            .expect("the delivery id is in the head");
        let (headers_at, body_at) = (line.len(), head.len());
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        Self {
            bytes,
            id_at,
            headers_at,
            body_at,
        }
    }

    /// Writes a delivery id and gives the bytes to send.
    pub(crate) fn stamped(&mut self, id: DeliveryId) -> &[u8] {
        id.write(&mut self.bytes[self.id_at..self.id_at + 36]);
        &self.bytes
    }

    /// Request line and headers.
    pub(crate) fn head(&self) -> &[u8] {
        &self.bytes[..self.body_at]
    }

    /// The body.
    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[self.body_at..]
    }

    /// The header lines, without the empty line that ends them.
    pub(crate) fn header_lines(&self) -> impl Iterator<Item = &str> {
        std::str::from_utf8(&self.bytes[self.headers_at..self.body_at])
            .expect("the head is ASCII")
            .lines()
            .filter(|line| !line.is_empty())
    }

    /// Bytes of headers and body as sent: what a store cannot do without.
    pub(crate) fn message_bytes(&self) -> u64 {
        (self.bytes.len() - self.headers_at - 2) as u64
    }
}

/// An id that no other request of this run carries, nor of an earlier one.
#[derive(Clone, Copy)]
pub(crate) struct DeliveryId {
    series: u64,
    number: u64,
}

impl DeliveryId {
    /// The first id of a series of its own.
    pub(crate) fn series() -> Self {
        static SERIES: AtomicU64 = AtomicU64::new(0);
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("the clock is past 1970");
        // Milliseconds above, a counter below: apart between runs, and within one.
        let series = ((now.as_millis() as u64) << 20) | SERIES.fetch_add(1, Ordering::Relaxed);
        Self { series, number: 0 }
    }

    /// The id after this one.
    pub(crate) fn next(self) -> Self {
        Self {
            number: self.number + 1,
            ..self
        }
    }

    /// A name that nothing else of this run has, nor of an earlier one.
    pub(crate) fn name(self) -> String {
        format!("{:x}-{:x}", self.series, self.number)
    }

    fn write(self, out: &mut [u8]) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let value = (u128::from(self.series) << 64) | u128::from(self.number);
        let mut shift = 128;
        for (at, byte) in out.iter_mut().enumerate() {
            if !matches!(at, 8 | 13 | 18 | 23) {
                shift -= 4;
                *byte = HEX[(value >> shift) as usize & 15];
            }
        }
    }
}

/// A push event, cut to size by its last commit's message.
fn push_event() -> Vec<u8> {
    let commit = |message: &str| {
        format!(
            r#"{{"id":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","distinct":true,"message":"{message}","timestamp":"2026-11-21T16:14:00Z","url":"https://github.com/acme/eng/commit/6113728f27ae","author":{{"name":"Ada","email":"ada@example.com","username":"ada"}},"added":["src/a.rs"],"removed":[],"modified":["README.md"]}}"#
        )
    };
    let event = |message: &str| {
        format!(
            r#"{{"ref":"refs/heads/main","before":"95790bf891e76fee5e1747ab589903a6a1f80f22","after":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","repository":{{"id":186853002,"name":"eng","full_name":"acme/eng","private":true,"html_url":"https://github.com/acme/eng"}},"pusher":{{"name":"ada","email":"ada@example.com"}},"commits":[{},{}]}}"#,
            commit("Tidy up"),
            commit(message)
        )
    };
    let room = BODY_BYTES - event("").len();
    event(&"a line of prose. ".repeat(room)[..room]).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_15_headers_and_2_kib_of_json() {
        let request = Request::new("t");
        assert_eq!(request.header_lines().count(), 15);
        assert_eq!(request.body().len(), BODY_BYTES);
        serde_json::from_slice::<serde_json::Value>(request.body()).unwrap();
        let lines: usize = request.header_lines().map(|line| line.len() + 2).sum();
        assert_eq!(request.message_bytes(), (lines + BODY_BYTES) as u64);
    }

    #[test]
    fn every_delivery_id_is_another() {
        let mut request = Request::new("t");
        let first = DeliveryId::series();
        let mut seen = std::collections::HashSet::new();
        for id in [
            first,
            first.next(),
            first.next().next(),
            DeliveryId::series(),
        ] {
            assert!(seen.insert(request.stamped(id).to_vec()));
        }
    }

    #[test]
    fn requests_to_one_token_differ_in_the_delivery_id_alone() {
        let (mut one, mut two) = (Request::new("t"), Request::new("t"));
        let id = DeliveryId::series();
        assert_eq!(one.stamped(id), two.stamped(id));
    }
}
