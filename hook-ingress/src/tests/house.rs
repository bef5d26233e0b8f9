//! A front door on a port of its own, before a store in memory, and a sender that speaks raw HTTP.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use doorbell_core::{
    acl::{UseMessages, UseSession, authorize},
    address::Inbox,
    capability::Verb,
    folder::Folder,
    grant::{Door, Grant, GrantId, Ttl},
    memory::MemoryStore,
    message::{Message, MessageId},
    ports::{GrantStore, Log, MakeSession, Order, ReadRequest, Ring},
    principal::Principal,
    registry::{NewChannel, NewSession, Registry},
    testing::PATIENCE,
    time::{Clock, Timestamp},
    token::{Chance, Token, TokenKind},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

use super::moody::Moody;
use crate::{
    Config, front_door,
    limits::{ConnectionLimits, Limits},
    serve::serve,
};

struct Nobody;

impl Ring for Nobody {
    fn ring(&self, _: &Inbox, _: &[MessageId]) {}
}

/// A clock that stands until it is moved.
pub(super) struct Hand(AtomicU64);

impl Hand {
    pub(super) fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).expect("a test's time");
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Chance that counts, so that every token differs.
struct Counter(AtomicU64);

impl Chance for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::Relaxed);
        let seed = blake3::hash(&next.to_le_bytes());
        for (byte, chance) in bytes.iter_mut().zip(seed.as_bytes().iter().cycle()) {
            *byte = *chance;
        }
    }
}

/// A front door that serves.
pub(super) struct House {
    pub(super) clock: Arc<Hand>,
    pub(super) door: crate::FrontDoor,
    log: Arc<Moody>,
    pub(super) store: Arc<MemoryStore>,
    chance: Counter,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl House {
    pub(super) async fn open() -> Self {
        Self::open_with(Limits::default(), ConnectionLimits::default()).await
    }

    pub(super) async fn open_with(limits: Limits, connections: ConnectionLimits) -> Self {
        Self::open_as(connections, |config| config.limits = limits).await
    }

    pub(super) async fn open_as(
        connections: ConnectionLimits,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let store = Arc::new(MemoryStore::new(Arc::new(Nobody)));
        let log = Arc::new(Moody {
            store: store.clone(),
            full: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            unready: AtomicBool::new(false),
            ending: Mutex::default(),
        });
        let clock = Arc::new(Hand(AtomicU64::new(1_795_277_640_000)));
        let mut config = Config::new(log.clone(), clock.clone());
        change(&mut config);
        let door = front_door(config);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel();
        let served = door.clone();
        let serving = tokio::spawn(serve(
            listener,
            move |peer| served.for_peer(peer),
            connections,
            async move { _ = stopped.await },
        ));
        Self {
            clock,
            door,
            log,
            store,
            chance: Counter(AtomicU64::new(0)),
            address,
            stop: Some(stop),
            serving: Some(serving),
        }
    }

    /// Tells the listener to stop, and gives the task that ends when it has.
    pub(super) fn stop(&mut self) -> JoinHandle<()> {
        drop(self.stop.take());
        self.serving.take().expect("stopped once")
    }

    pub(super) fn fill_up(&self, full: bool) {
        self.log.full.store(full, Ordering::Relaxed);
    }

    pub(super) fn break_store(&self, broken: bool) {
        self.log.broken.store(broken, Ordering::Relaxed);
    }

    pub(super) fn unready_store(&self, unready: bool) {
        self.log.unready.store(unready, Ordering::Relaxed);
    }

    /// Ends a session just before the next message is stored.
    pub(super) fn end_before_the_next(&self, session: &str) {
        let id = session.parse().expect("legal");
        *self.log.ending.lock().expect("unpoisoned") = Some(id);
    }

    /// A live webhook's token.
    pub(super) async fn token(&self) -> String {
        self.mint(TokenKind::Hook, None).await.0
    }

    pub(super) async fn mint(&self, kind: TokenKind, ttl: Option<Duration>) -> (String, GrantId) {
        let now = self.clock.now();
        let token = Token::mint(kind, &self.chance);
        let folder: Folder = "acme/eng".parse().expect("legal");
        let number = self.chance.0.fetch_add(1, Ordering::Relaxed);
        let grant = Grant {
            id: GrantId::new(now, number.into()),
            door: match kind {
                TokenKind::Web => Door::Web { suffix: None },
                _ => Door::Hook {
                    label: "github".parse().expect("legal"),
                    suffix: None,
                },
            },
            owner_folder: folder.clone(),
            target_folder: folder,
            context: None,
            public_url: None,
            probe: false,
            created_at: now,
            expires_at: ttl.map(|ttl| now.plus(ttl)),
            revoked_at: None,
        };
        let kept = self.store.insert_grant(grant, token.hash(), now).await;
        (token.expose().to_owned(), kept.expect("no clash").id)
    }

    /// A session and a channel token for it.
    pub(super) async fn channel(&self, session: &str) -> (String, GrantId) {
        let now = self.clock.now();
        let registry = Registry::new(
            self.store.clone(),
            self.clock.clone(),
            Arc::new(Counter(AtomicU64::new(
                self.chance.0.fetch_add(100, Ordering::Relaxed),
            ))),
            None,
        );
        let folder: Folder = "acme/eng".parse().expect("legal");
        let permit = authorize(&Principal::Operator, UseSession { folder }).expect("an operator");
        let new = NewSession {
            probe: false,
            id: Some(session.parse().expect("legal")),
        };
        let opened = registry.open_session(&permit, new).await.expect("opened");
        let (MakeSession::Made(opened) | MakeSession::Stands(opened)) = opened;
        let ttl = Ttl::from_seconds(3_600).expect("legal");
        let new = NewChannel {
            probe: false,
            session: opened.reference(),
            verb: Verb::SendInput,
            label: None,
            ttl,
        };
        let exposed = registry.expose(&permit, new).await.expect("a signing key");
        assert!(exposed.grant.is_live(now));
        (exposed.token.expose().to_owned(), exposed.grant.id)
    }

    pub(super) async fn revoke(&self, grant: GrantId) {
        let revoked = self
            .store
            .revoke_grants(vec![grant], self.clock.now())
            .await;
        assert_eq!(revoked.expect("the model works"), [grant]);
    }

    /// Everything that was stored, oldest first.
    pub(super) async fn stored(&self) -> Vec<Message> {
        let everything = authorize(&Principal::Operator, UseMessages).expect("an operator may");
        let page = self.store.read(ReadRequest {
            scope: everything.scope(),
            within: None,
            pattern: None,
            state: None,
            since: None,
            until: None,
            cursor: None,
            order: Order::OldestFirst,
            limit: 1_000,
            body_limit: usize::MAX,
            budget: usize::MAX,
            now: self.clock.now(),
        });
        page.await.expect("the model works").messages
    }

    pub(super) async fn connect(&self) -> Sender {
        Sender::connect(self.address).await
    }

    /// One request on a connection of its own.
    pub(super) async fn send(&self, request: impl AsRef<[u8]>) -> Reply {
        let mut sender = self.connect().await;
        sender.write(request).await;
        sender.reply().await
    }

    /// `POST /hook/<token>` with these header lines and this body.
    pub(super) async fn post(&self, token: &str, headers: &str, body: &[u8]) -> Reply {
        self.send(post(token, headers, body)).await
    }
}

/// A POST with a known length; header lines end with `\r\n` each.
pub(super) fn post(token: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /hook/{token} HTTP/1.1\r\nhost: door\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// One connection of a sender.
pub(super) struct Sender {
    pub(super) stream: TcpStream,
    unread: Vec<u8>,
}

impl Sender {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("listening");
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    pub(super) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .await
            .expect("written");
    }

    /// Reads one answer.
    pub(super) async fn reply(&mut self) -> Reply {
        self.reply_to("POST").await
    }

    /// Reads the answer to a request of this method: that to HEAD has no body, whatever length it
    /// tells.
    pub(super) async fn reply_to(&mut self, method: &str) -> Reply {
        let head_end = loop {
            if let Some(at) = memchr::memmem::find(&self.unread, b"\r\n\r\n") {
                break at;
            }
            assert!(self.more().await, "no answer: {:?}", self.unread);
        };
        let head = String::from_utf8(self.unread[..head_end].to_vec()).expect("ascii");
        let mut lines = head.split("\r\n");
        let status = lines.next().expect("a status line");
        let status = status.split(' ').nth(1).expect("a status");
        let mut reply = Reply {
            status: status.parse().expect("a number"),
            headers: lines
                .map(|line| line.split_once(": ").expect("a header"))
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: Vec::new(),
        };
        let length: usize = reply
            .header("content-length")
            .filter(|_| method != "HEAD")
            .map_or(0, |length| length.parse().expect("a length"));
        let end = head_end + 4 + length;
        while self.unread.len() < end {
            assert!(self.more().await, "half an answer");
        }
        reply.body = self.unread[head_end + 4..end].to_vec();
        self.unread.drain(..end);
        reply
    }

    /// Whether the door closes the connection, and says nothing more before that.
    pub(super) async fn closed(&mut self) -> bool {
        self.unread.is_empty() && !self.more().await
    }

    /// Reads whatever comes next.
    pub(super) async fn read(&mut self) -> Vec<u8> {
        if self.unread.is_empty() {
            self.more().await;
        }
        std::mem::take(&mut self.unread)
    }

    async fn more(&mut self) -> bool {
        let mut chunk = [0; 4096];
        let read = timeout(PATIENCE, self.stream.read(&mut chunk)).await;
        let read = read.expect("an answer in time").unwrap_or(0);
        self.unread.extend_from_slice(&chunk[..read]);
        read > 0
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(have, _)| have == name)?;
        Some(value)
    }

    /// The refusal's code, having checked the shape that all refusals share.
    #[track_caller]
    pub(super) fn refusal(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        let json: serde_json::Value = serde_json::from_slice(&self.body).expect("json");
        let error = json["error"].as_object().expect("an error");
        assert_eq!(json.as_object().map(serde_json::Map::len), Some(1));
        assert_eq!(error.len(), 2, "{json}");
        assert!(!error["message"].as_str().expect("a message").is_empty());
        assert!(!String::from_utf8_lossy(&self.body).contains("dbh_"));
        error["code"].as_str().expect("a code").to_owned()
    }

    /// The message's id, having checked the shape of a 200.
    #[track_caller]
    pub(super) fn accepted(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("content-type"), None);
        assert_eq!(self.header("content-length"), Some("0"));
        let id = self.header("x-message-id").expect("an id").to_owned();
        assert_eq!(id.len(), 26);
        id
    }
}
