//! What arrives, and what an agent reads.

mod history;

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use ulid::Ulid;

use crate::{
    address::{Address, Inbox},
    channel::ChannelGrant,
    folder::Folder,
    grant::{Context, Grant, GrantId, ulid_newtype},
    time::Timestamp,
};

pub use history::{Happening, LifeEvent, MAX_REASON, Reason, ReasonError};

ulid_newtype! {
    /// Names a message. Its order as text is the order of arrival.
    MessageId
}

ulid_newtype! {
    /// Names a rule that routes messages.
    RouteId
}

/// How long a lease lasts unless the message is settled.
pub const LEASE: Duration = Duration::from_secs(60);

/// After this many leases that came to nothing a message is dead.
pub const MAX_ATTEMPTS: u8 = 5;

/// How long a channel's idempotency key is remembered.
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// A dead message whose sender sends it again is pending again, but not before so long has passed
/// since it last was.
pub const REVIVAL_PAUSE: Duration = Duration::from_secs(3600);

/// How long a provider's id is remembered.
pub const DEDUPE_WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);

/// By what kind of door a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A webhook's delivery.
    Hook,
    /// A browser chat's message.
    Web,
    /// A word to one session.
    Channel,
    /// A sender's verification request, answered at the door.
    Handshake,
}

impl Kind {
    /// As it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hook => "hook",
            Self::Web => "web",
            Self::Channel => "channel",
            Self::Handshake => "handshake",
        }
    }

    /// How long the id that a sender gave a message of this kind is remembered.
    pub const fn dedupe_window(self) -> Duration {
        match self {
            Self::Channel => IDEMPOTENCY_WINDOW,
            Self::Hook | Self::Web | Self::Handshake => DEDUPE_WINDOW,
        }
    }
}

/// How loudly a message arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It is pending, and rings.
    Trigger,
    /// It is stored, rings nobody, and is met once as context.
    Observe,
}

impl Mode {
    /// As it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Observe => "observe",
        }
    }
}

/// Request headers: lower-case names in order, each once, repeats joined with `", "`.
///
/// All of them lie in one text, so that fifteen headers cost two allocations and not thirty: they
/// are made for each arrival.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    text: String,
    /// In the names' order.
    cuts: Vec<Cut>,
}

/// Where one header lies in the text: its name, and right behind that its value.
#[derive(Clone, Copy, Debug)]
struct Cut {
    name: usize,
    value: usize,
    end: usize,
    /// The value came as Latin-1, not as UTF-8.
    latin_1: bool,
    /// Whether all of it is ASCII, once another value was joined to it: it is not looked through for
    /// each.
    ascii: Option<bool>,
}

impl Headers {
    /// None yet, with room for so many, of so many bytes together.
    pub fn with_capacity(headers: usize, bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            cuts: Vec::with_capacity(headers),
        }
    }

    /// Adds a header; where the last one had the same name, its value is joined to that.
    ///
    /// Names are lower case; [`Self::in_order`] must be called once all are there.
    pub fn push(&mut self, name: &str, value: &str) {
        self.add(name, value, false);
    }

    /// Adds a header as [`Self::push`] does, whose value came as Latin-1.
    pub fn push_latin_1(&mut self, name: &str, value: &str) {
        self.add(name, value, true);
    }

    /// Remembers of one of them that its value came as Latin-1. A name that is not there is passed over.
    pub fn mark_latin_1(&mut self, name: &str) {
        if let Some(at) = self.at(name) {
            self.cuts[at].latin_1 = true;
        }
    }

    /// The names of those whose values came as Latin-1: their bytes are the characters' numbers.
    pub fn latin_1(&self) -> impl Iterator<Item = &str> {
        self.cuts
            .iter()
            .filter(|cut| cut.latin_1)
            .map(|cut| &self.text[cut.name..cut.value])
    }

    fn add(&mut self, name: &str, value: &str, latin_1: bool) {
        match self.cuts.last_mut() {
            Some(last) if &self.text[last.name..last.value] == name => {
                // Where one came as UTF-8 and one as Latin-1 no one way of writing gives both back.
                let before = &self.text[last.value..last.end];
                let (before, value_is_ascii) = (
                    last.ascii.unwrap_or_else(|| before.is_ascii()),
                    value.is_ascii(),
                );
                last.latin_1 = (last.latin_1 || before)
                    && (latin_1 || value_is_ascii)
                    && (last.latin_1 || latin_1);
                last.ascii = Some(before && value_is_ascii);
                self.text.push_str(", ");
                self.text.push_str(value);
                last.end = self.text.len();
            }
            _ => {
                let start = self.text.len();
                self.text.push_str(name);
                self.text.push_str(value);
                let (value, end) = (start + name.len(), self.text.len());
                self.cuts.push(Cut {
                    name: start,
                    value,
                    end,
                    latin_1,
                    ascii: None,
                });
            }
        }
    }

    /// Puts them in the names' order.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        let text = &self.text;
        self.cuts
            .sort_unstable_by(|a, b| text[a.name..a.value].cmp(&text[b.name..b.value]));
        debug_assert!(
            self.iter()
                .zip(self.iter().skip(1))
                .all(|(a, b)| a.0 != b.0),
            "a header name stands twice"
        );
        self
    }

    /// From names that are lower case and distinct; they are put in order.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        let mut headers = Self::with_capacity(pairs.len(), 0);
        for (name, value) in &pairs {
            headers.push(name, value);
        }
        headers.in_order()
    }

    /// The value of a lower-case name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let cut = &self.cuts[self.at(name)?];
        Some(&self.text[cut.value..cut.end])
    }

    fn at(&self, name: &str) -> Option<usize> {
        let text = &self.text;
        self.cuts
            .binary_search_by(|cut| text[cut.name..cut.value].cmp(name))
            .ok()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.cuts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// Names and values, in the names' order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let text = &self.text;
        self.cuts
            .iter()
            .map(|cut| (&text[cut.name..cut.value], &text[cut.value..cut.end]))
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter()) && self.latin_1().eq(other.latin_1())
    }
}

impl Eq for Headers {}

/// The provider's id for one delivery, hashed with the name of the header that held it.
///
/// Scoped to a grant by the store: it can only ever hide what came through the same URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DedupeId([u8; 16]);

impl DedupeId {
    /// From the header's lower-case name and the raw bytes of its value.
    ///
    /// Both are cut off from each other by the name's length, so that no pair reads as another.
    pub fn new(header: &str, value: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(header.len() as u64).to_le_bytes());
        hasher.update(header.as_bytes());
        hasher.update(value);
        let mut short = [0; 16];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(short)
    }

    /// The 128 bits, to be mixed with the grant by the store.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What came with a provider's id, hashed: the same id with other content is another message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentHash([u8; 16]);

impl ContentHash {
    /// The 128 bits, to be kept beside the id.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Of what is compared beside the body, and the body.
    pub fn new(beside: &str, body: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(beside.len() as u64).to_le_bytes());
        hasher.update(beside.as_bytes());
        hasher.update(body);
        let mut short = [0; 16];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(short)
    }

    /// Of a message of this kind: its query and its body, or a channel's claimed name and its text.
    pub fn of(kind: Kind, head: &Head, body: &[u8]) -> Self {
        match kind {
            Kind::Channel => Self::new(head.from.as_deref().unwrap_or_default(), body),
            Kind::Hook | Kind::Web | Kind::Handshake => Self::new(&head.query, body),
        }
    }
}

/// How often a message came again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// How often, the first time not counted.
    pub count: u32,
    /// When last.
    pub last_at: Timestamp,
}

/// Where a message was routed: the pile it is leased from, and the folder that decides who may.
///
/// The two differ for a session's inbox alone, whose folder is the session's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The pile.
    pub inbox: Inbox,
    /// Whoever contains this folder reads, settles and replays.
    pub folder: Folder,
}

impl Destination {
    /// A folder's own inbox.
    pub fn folder(folder: Folder) -> Self {
        Self {
            inbox: Inbox::Folder(folder.clone()),
            folder,
        }
    }
}

/// The rule that sent a message where it went, as it read then: it may be gone by now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Matched {
    /// Names the rule.
    pub id: RouteId,
    /// Its pattern and its target: `hook:acme/** -> acme/eng#observe`.
    pub said: Arc<str>,
}

/// The request a message came in as, less its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The HTTP method.
    pub method: String,
    /// The raw query string, without `?`; Doorbell's own tokens cut out of it.
    pub query: String,
    /// Where the connection came from.
    pub peer: Option<IpAddr>,
    /// Headers, Doorbell's own tokens cut out of them.
    pub headers: Headers,
    /// Who a channel's caller claims to be.
    pub from: Option<String>,
}

/// The record that let a message in.
#[derive(Clone, Debug)]
pub enum Via {
    /// A route token's.
    Route(Arc<Grant>),
    /// A channel token's.
    Channel(Arc<ChannelGrant>),
}

impl Via {
    /// Names the grant.
    pub fn id(&self) -> GrantId {
        match self {
            Self::Route(grant) => grant.id,
            Self::Channel(grant) => grant.id,
        }
    }

    /// The address messages arrive at.
    pub fn address(&self) -> Address {
        match self {
            Self::Route(grant) => Address::Jid(grant.jid()),
            Self::Channel(grant) => grant.address(),
        }
    }

    /// Who a message is said to be from.
    pub fn sender(&self) -> &str {
        match self {
            Self::Route(grant) => grant.sender(),
            Self::Channel(grant) => grant.sender(),
        }
    }

    /// What is said beside each message.
    pub fn context(&self) -> Option<&Context> {
        match self {
            Self::Route(grant) => grant.context.as_ref(),
            Self::Channel(_) => None,
        }
    }

    /// Whether something is only tried out through it.
    pub fn is_probe(&self) -> bool {
        match self {
            Self::Route(grant) => grant.probe,
            Self::Channel(grant) => grant.probe,
        }
    }

    /// Whether a request at `now` is let in.
    pub fn is_live(&self, now: Timestamp) -> bool {
        match self {
            Self::Route(grant) => grant.is_live(now),
            Self::Channel(grant) => grant.is_live(now),
        }
    }
}

impl From<Arc<Grant>> for Via {
    fn from(grant: Arc<Grant>) -> Self {
        Self::Route(grant)
    }
}

impl From<Arc<ChannelGrant>> for Via {
    fn from(grant: Arc<ChannelGrant>) -> Self {
        Self::Channel(grant)
    }
}

/// One inbound message on its way to the log.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Through which door; the store checks once more that it still lives.
    pub via: Via,
    /// Where routes send it.
    pub to: Destination,
    /// The rule that did, if one did.
    pub rule: Option<Arc<Matched>>,
    /// By what kind of door.
    pub kind: Kind,
    /// How loudly.
    pub mode: Mode,
    /// When it came.
    pub received_at: Timestamp,
    /// The request.
    pub head: Head,
    /// The body, verbatim.
    pub body: Bytes,
    /// The provider's id, if it sent one.
    pub dedupe: Option<DedupeId>,
    /// Whether somebody of ours made it, to try the URL.
    pub test: bool,
    /// Of which message that is the content, where whoever made it says so.
    pub repeat_of: Option<MessageId>,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Waiting to be leased, now or after a delay.
    Pending,
    /// Held by a receiver until its lease ends.
    Leased,
    /// Acknowledged.
    Settled,
    /// Given up after [`MAX_ATTEMPTS`]; it can be replayed.
    Dead,
    /// Stored to be met as context; never pending.
    Observed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Leased,
        Self::Settled,
        Self::Dead,
        Self::Observed,
    ];

    /// As it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Leased => "leased",
            Self::Settled => "settled",
            Self::Dead => "dead",
            Self::Observed => "observed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place in the log. It stays good at the log's end and when what it names is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(pub u64);

/// A stored message, as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Names it.
    pub id: MessageId,
    /// Its place in the log: a page read from here goes on behind it.
    pub cursor: Cursor,
    /// The address it arrived at.
    pub address: Address,
    /// The grant's label, copied at arrival.
    pub sender: Arc<str>,
    /// The grant it came through.
    pub grant: GrantId,
    /// The grant's context at arrival.
    pub context: Option<Context>,
    /// Where it was routed.
    pub to: Destination,
    /// The rule that sent it there, if one did.
    pub rule: Option<Arc<Matched>>,
    /// By what kind of door.
    pub kind: Kind,
    /// How loudly.
    pub mode: Mode,
    /// When it came.
    pub received_at: Timestamp,
    /// The request.
    pub head: Head,
    /// The body, or as much of its beginning as was asked for.
    pub body: Bytes,
    /// How long the whole body is.
    pub body_bytes: u64,
    /// How often it has been leased; the current lease included.
    pub attempt: u8,
    /// Where it stands.
    pub state: State,
    /// The first message that came with its provider's id, if that had other content.
    pub repeat_of: Option<MessageId>,
    /// Whether somebody of ours made it, to try the URL.
    pub test: bool,
    /// Whether what stands on the disk is not what was written: then request and body are left out.
    pub damaged: bool,
}

/// Tells receivers apart, so that no one settles what another holds.
///
/// Derived from the credential and, where a caller runs several receivers on one, from the name
/// each gives itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Receiver(pub u64);

impl Receiver {
    /// The receiver of this name on this credential; the same in every run.
    pub fn named(credential: &[u8; 16], name: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(credential);
        hasher.update(name.as_bytes());
        let mut short = [0; 8];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        Self(u64::from_le_bytes(short))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_remember_which_came_as_latin_1() {
        let mut headers = Headers::default();
        headers.push_latin_1("x-b", "caf\u{e9}");
        headers.push("x-b", "plain");
        headers.push("x-a", "caf\u{e9}");
        headers.push("x-c", "caf\u{e9}");
        headers.push_latin_1("x-c", "caf\u{e9}");
        let headers = headers.in_order();
        assert_eq!(headers.get("x-b"), Some("caf\u{e9}, plain"));
        assert_eq!(headers.latin_1().collect::<Vec<_>>(), ["x-b"]);
    }

    #[test]
    fn headers_are_found_by_their_lower_case_name() {
        let headers = Headers::from_pairs(vec![
            ("x-b".into(), "2".into()),
            ("content-type".into(), "a, b".into()),
        ]);
        assert_eq!(headers.get("x-b"), Some("2"));
        assert_eq!(headers.get("X-B"), None);
        assert_eq!(headers.iter().next(), Some(("content-type", "a, b")));
    }

    #[test]
    fn a_dedupe_id_knows_its_header() {
        assert_ne!(
            DedupeId::new("webhook-id", b"1"),
            DedupeId::new("svix-id", b"1")
        );
        assert_ne!(DedupeId::new("ab", b"c"), DedupeId::new("a", b"bc"));
        assert_eq!(
            DedupeId::new("svix-id", b"1"),
            DedupeId::new("svix-id", b"1")
        );
    }
}
