//! A whole request at the front door, before a store in memory.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use doorbell_core::{
    acl::{UseMessages, UseSession, authorize},
    address::Inbox,
    capability::Verb,
    folder::Folder,
    grant::{Door, Grant, GrantId, Ttl},
    label::SessionId,
    memory::MemoryStore,
    message::{Kind, Message, MessageId},
    ports::{GrantStore, Log, MakeSession, Order, ReadRequest, Ring},
    principal::Principal,
    registry::{NewChannel, NewSession, Registry},
    time::{Clock, Timestamp},
    token::{Chance, Token, TokenKind},
};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use memchr::memmem;
use tokio::runtime::Runtime;

use super::{redaction::holds_token, request::request};
use crate::{Config, FrontDoor, front_door};

const T0: Timestamp = Timestamp::from_millis(1_795_277_640_000);

/// Nobody hears it, the time stands, and chance counts.
struct Still(AtomicU64);

impl Ring for Still {
    fn ring(&self, _: &Inbox, _: &[MessageId]) {}
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        T0
    }
}

impl Chance for Still {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::Relaxed);
        let seed = blake3::hash(&next.to_le_bytes());
        for (byte, chance) in bytes.iter_mut().zip(seed.as_bytes().iter().cycle()) {
            *byte = *chance;
        }
    }
}

thread_local! {
    static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime of one thread");
    /// Made anew once so many messages are in it.
    static SCENE: RefCell<Option<Scene>> = const { RefCell::new(None) };
}

/// How many messages a store in memory, which looks through all of them, is given.
const MOST_MESSAGES: u64 = 64;

/// A front door with two live tokens, of a webhook and of a channel.
struct Scene {
    store: Arc<MemoryStore>,
    door: FrontDoor,
    hook: String,
    channel: String,
    stored: u64,
}

/// Where `{T}` and `{C}` stand in an input, the live tokens do. What is answered is an answer of the
/// contract's, and of what is kept no token can be read, but in the body.
pub(super) fn sealing(data: &[u8]) {
    let mut scene = SCENE.with_borrow_mut(Option::take);
    if scene
        .as_ref()
        .is_none_or(|scene| scene.stored > MOST_MESSAGES)
    {
        scene = Some(RUNTIME.with(|runtime| runtime.block_on(Scene::open())));
    }
    let mut scene = scene.expect("it was made");
    let data = replaced(data, b"{T}", scene.hook.as_bytes());
    let data = replaced(&data, b"{C}", scene.channel.as_bytes());
    if let Some((head, body)) = request(&data) {
        RUNTIME.with(|runtime| runtime.block_on(scene.meets(head, body)));
    }
    SCENE.set(Some(scene));
}

fn replaced(data: &[u8], sign: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut kept = 0;
    for at in memmem::find_iter(data, sign) {
        out.extend_from_slice(&data[kept..at]);
        out.extend_from_slice(by);
        kept = at + sign.len();
    }
    out.extend_from_slice(&data[kept..]);
    out
}

impl Scene {
    async fn open() -> Self {
        let still = Arc::new(Still(AtomicU64::new(0)));
        let store = Arc::new(MemoryStore::new(still.clone()));
        let token = Token::mint(TokenKind::Hook, &*still);
        let grant = Grant {
            id: GrantId::from_u128(7),
            door: Door::Hook {
                label: "github".parse().expect("a segment"),
                suffix: None,
            },
            owner_folder: "acme".parse().expect("a folder"),
            target_folder: "acme".parse().expect("a folder"),
            context: None,
            public_url: None,
            probe: false,
            created_at: T0,
            expires_at: None,
            revoked_at: None,
        };
        let kept = store.insert_grant(grant, token.hash(), T0).await;
        kept.expect("it is the only one");
        let registry = Registry::new(store.clone(), still.clone(), still.clone(), None);
        let folder: Folder = "acme".parse().expect("a folder");
        let channel = channel(&registry, folder).await;
        let mut config = Config::new(store.clone(), still);
        config.limits.hook_rate.per_minute = 0;
        Self {
            store,
            door: front_door(config),
            hook: token.expose().to_owned(),
            channel,
            stored: 0,
        }
    }

    async fn meets(&mut self, head: http::request::Parts, body: Bytes) {
        let told = body.clone();
        let request = Request::from_parts(head, Full::new(body));
        let response = self.door.answer(request, None).await;
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let known = [
            200, 202, 204, 400, 401, 403, 404, 405, 409, 410, 413, 429, 431, 501, 503,
        ];
        assert!(known.contains(&status), "{status}");
        let body = body.collect().await.expect("it is all there").to_bytes();
        self.tells_no_token(&head.headers, &body);
        if status >= 400 {
            let said: serde_json::Value = serde_json::from_slice(&body).expect("it is JSON");
            assert!(said["error"]["message"].is_string() && said["error"]["code"].is_string());
        }
        if let Some(id) = head.headers.get("x-message-id")
            && !head.headers.contains_key("x-duplicate-of")
        {
            self.stored += 1;
            let kept = self.newest().await;
            assert_eq!(kept.id.to_string(), id.to_str().expect("an id"));
            is_sealed(&kept, &told);
        }
    }

    /// An answer repeats none of our tokens, whatever it says.
    fn tells_no_token(&self, headers: &HeaderMap, body: &[u8]) {
        for token in [&self.hook, &self.channel] {
            assert!(memmem::find(body, token.as_bytes()).is_none());
            let mut values = headers.values();
            assert!(
                !values.any(|value| memmem::find(value.as_bytes(), token.as_bytes()).is_some())
            );
        }
    }

    async fn newest(&self) -> Message {
        let permit = authorize(&Principal::Operator, UseMessages).expect("an operator may");
        let request = ReadRequest {
            scope: permit.scope(),
            within: None,
            pattern: None,
            state: None,
            since: None,
            until: None,
            cursor: None,
            order: Order::NewestFirst,
            limit: 1,
            body_limit: usize::MAX,
            budget: usize::MAX,
            now: T0,
        };
        let mut page = self.store.read(request).await.expect("it is in memory");
        page.messages.pop().expect("one was stored")
    }
}

/// A live channel token of a session in this folder.
async fn channel(registry: &Registry<MemoryStore>, folder: Folder) -> String {
    let permit = authorize(&Principal::Operator, UseSession { folder }).expect("an operator may");
    let id: SessionId = "build".parse().expect("a segment");
    let new = NewSession {
        probe: false,
        id: Some(id),
    };
    let opened = registry.open_session(&permit, new).await;
    let (MakeSession::Made(session) | MakeSession::Stands(session)) =
        opened.expect("there is none of that id");
    let new = NewChannel {
        probe: false,
        session: session.reference(),
        verb: Verb::SendInput,
        label: None,
        ttl: Ttl::from_seconds(3_600).expect("an hour"),
    };
    let exposed = registry.expose(&permit, new).await.expect("there is a key");
    exposed.token.expose().to_owned()
}

/// A webhook's body is kept as it came; nothing else of it holds a token of ours.
fn is_sealed(kept: &Message, told: &Bytes) {
    if kept.kind != Kind::Channel {
        assert_eq!(kept.body, *told);
    }
    assert!(!holds_token(kept.head.query.as_bytes()));
    let mut before = "";
    for (name, value) in kept.head.headers.iter() {
        assert!(name > before && name == name.to_lowercase());
        assert!(!holds_token(value.as_bytes()), "{name}");
        before = name;
    }
}
