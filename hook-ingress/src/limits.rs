//! Every number that bounds what a request or a connection may cost.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;

use crate::{body_clock::BodyPace, budget::Bound, rejection::Rejection};

/// One mebibyte.
const MIB: usize = 1024 * 1024;

/// How often one token may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a minute in the long run; 0 turns the limit off.
    pub per_minute: u32,
    /// Requests at once after a rest; 0 counts as 1.
    pub burst: u32,
}

impl Rate {
    /// What a `hook:` token may, and a channel token like it.
    pub const HOOK: Self = Self {
        per_minute: 600,
        burst: 300,
    };
}

/// What one request to the front door may cost (CONTRACT section 3).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest body, in bytes; one of exactly this length is accepted.
    pub body_bytes: usize,
    /// How fast a body must come.
    pub body_pace: BodyPace,
    /// The most header lines.
    pub header_count: usize,
    /// The most bytes of header lines, with `: ` and the line's end.
    pub header_bytes: usize,
    /// The most bytes of heads and bodies in flight at once, over all requests. It is raised to
    /// what a single request may need. Once three quarters are taken, whoever holds a quarter gets
    /// no more.
    pub in_flight_bytes: usize,
    /// How often a `hook:` token may be used.
    pub hook_rate: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: MIB,
            body_pace: BodyPace::default(),
            header_count: 100,
            header_bytes: 64 * 1024,
            in_flight_bytes: 48 * MIB,
            hook_rate: Rate::HOOK,
        }
    }
}

/// Says no to a request that is not HTTP.
pub type Refuse = fn(&Rejection) -> Response<Full<Bytes>>;

/// How many of a listener's connections one peer may have once three quarters are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PeerConnections {
    /// A quarter of them.
    #[default]
    Quarter,
    /// So many.
    Of(usize),
    /// All: behind a proxy everybody comes from one address.
    All,
}

/// What one connection, and all of a listener's together, may cost.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Beyond this many header lines a request is refused before any service sees it.
    pub header_count: usize,
    /// The same for this many bytes of request head. Also the most that is read
    /// ahead of a request's reader.
    pub head_bytes: usize,
    /// How long a request's head may take: from the connection's start, or from the head's first
    /// byte where the connection has served a request before.
    pub head_time: Duration,
    /// How long a connection may rest between requests.
    pub idle_time: Duration,
    /// The most connections at once; beyond, the one longest at rest is closed. Keep it well below
    /// the process's limit of open files, which the store needs too.
    pub connections: usize,
    /// How many of them one peer may have once three quarters are taken.
    pub peer_connections: PeerConnections,
    /// How much of what a refused sender still sends is read and thrown away.
    pub drain_bytes: usize,
    /// How long a refused sender is waited for.
    pub drain_time: Duration,
    /// How long requests in flight may take to finish once the listener is told to stop.
    pub shutdown_time: Duration,
    /// Whether a sender that has closed its sending half is still served. Without it a hang-up
    /// while the answer is in the making cancels the request, which is what long polls want.
    pub half_close: bool,
    /// How a request is refused that is not HTTP, and so never gets to the service; without it as
    /// the front door refuses.
    pub refuse: Option<Refuse>,
}

impl ConnectionLimits {
    /// The bound on connections, and a peer's part of it.
    pub fn bound(&self) -> Bound {
        let quartered = Bound::quartered(self.connections, 1);
        let part = match self.peer_connections {
            PeerConnections::Quarter => quartered.part,
            PeerConnections::Of(part) => part.clamp(1, quartered.all),
            PeerConnections::All => quartered.all,
        };
        Bound { part, ..quartered }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            header_count: 256,
            head_bytes: 128 * 1024,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(75),
            connections: 4096,
            peer_connections: PeerConnections::Quarter,
            drain_bytes: 2 * MIB,
            drain_time: Duration::from_secs(2),
            shutdown_time: Duration::from_secs(10),
            half_close: true,
            refuse: None,
        }
    }
}
