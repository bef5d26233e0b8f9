//! Requests at the front door, before a store in memory that has rules.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use doorbell_core::{
    acl::{UseSession, authorize},
    address::Inbox,
    capability::Verb,
    folder::Folder,
    grant::{Door, Grant, GrantId, Ttl},
    label::SessionId,
    memory::MemoryStore,
    message::{MessageId, RouteId},
    ports::{GrantStore, MakeSession, Ring, RouteStore},
    principal::Principal,
    registry::{NewChannel, NewSession, Registry},
    route::{HeaderGlobs, NewRule, Owner},
    time::{Clock, Timestamp},
    token::{Chance, Token, TokenKind},
};
use doorbell_ingress::{Config, FrontDoor, front_door};
use futures_util::stream;
use http::Request;
use http_body_util::{Full, StreamBody};
use hyper::body::Frame;
use tokio::runtime::Runtime;

use super::{Kind, Work};

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

/// A front door, and the paths of a webhook's URL and of a channel's.
struct Scene {
    runtime: Runtime,
    door: FrontDoor,
    hook: String,
    channel: String,
}

impl Scene {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime of one thread");
        let still = Arc::new(Still(AtomicU64::new(0)));
        let store = Arc::new(MemoryStore::new(still.clone()));
        let token = Token::mint(TokenKind::Hook, &*still);
        let channel = runtime.block_on(async {
            let kept = store.insert_grant(grant(), token.hash(), T0).await;
            kept.expect("it is the only one");
            for rule in rules() {
                store.set_rule(rule).await.expect("there is room");
            }
            channel(&Registry::new(
                store.clone(),
                still.clone(),
                still.clone(),
                None,
            ))
            .await
        });
        let mut config = Config::new(store, still);
        config.limits.hook_rate.per_minute = 0;
        Self {
            runtime,
            door: front_door(config),
            hook: format!("/hook/{}", token.expose()),
            channel: format!("/hook/{channel}"),
        }
    }

    /// A request, `method target` and a line for each header, with this body, a frame of which is so
    /// long. What is counted is its answer.
    fn asks(self: &Arc<Self>, head: &str, body: Vec<u8>, frame: usize, status: u16) -> Work {
        let mut lines = head.lines();
        let line = lines.next().expect("a line").replace("{T}", &self.hook);
        let line = line.replace("{C}", &self.channel);
        let (method, target) = line.split_once(' ').expect("a method and a target");
        let mut request = Request::builder().method(method).uri(target);
        for line in lines {
            let (name, value) = line.split_once(": ").expect("a header");
            request = request.header(name, value);
        }
        let head = request.header("host", "h").body(()).expect("a request");
        let scene = self.clone();
        let body = Bytes::from(body);
        let answered = move |got: u16| assert_eq!(got, status, "{}", head_of(&line));
        if frame >= body.len() {
            let request = head.map(|()| Full::new(body));
            return Box::new(move || {
                let answer = scene.runtime.block_on(scene.door.answer(request, None));
                answered(answer.status().as_u16());
            });
        }
        let pieces: Vec<_> = body.chunks(frame).map(Bytes::copy_from_slice).collect();
        let frames = pieces
            .into_iter()
            .map(|piece| Ok::<_, std::convert::Infallible>(Frame::data(piece)));
        let request = head.map(|()| StreamBody::new(stream::iter(frames)));
        Box::new(move || {
            let answer = scene.runtime.block_on(scene.door.answer(request, None));
            answered(answer.status().as_u16());
        })
    }
}

fn head_of(line: &str) -> &str {
    line.get(..40).unwrap_or(line)
}

fn grant() -> Grant {
    Grant {
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
    }
}

/// Rules whose globs are as bad as globs can be for what is sent here.
fn rules() -> Vec<NewRule> {
    let bad = [
        "a*",
        "*a",
        "*a*a*a*a*a*b",
        "*?a?*?a*b",
        "a?a?a?*b*",
        "*ab*ab*abb",
    ];
    let rule = |(n, glob): (u128, &str)| NewRule {
        id: RouteId::from_u128(n),
        owner: Owner::Root,
        pattern: "hook:*/**".parse().expect("a pattern"),
        sender: None,
        headers: HeaderGlobs::new([("x-a", glob), ("x-b", "never")]).expect("globs"),
        target: "acme".parse().expect("a folder"),
        session_made: None,
        seq: None,
        created_at: T0,
    };
    (1..).zip(bad).map(rule).collect()
}

async fn channel(registry: &Registry<MemoryStore>) -> String {
    let folder: Folder = "acme".parse().expect("a folder");
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

/// So many bytes of a piece, over and over.
fn filled(piece: &str, length: usize) -> String {
    let mut text = piece.repeat(length.div_ceil(piece.len()));
    text.truncate(length);
    text
}

/// What is asked of a front door with an input that is so long.
type Asking = dyn Fn(&Arc<Scene>, usize) -> Work;

pub(super) fn kinds() -> Vec<Kind> {
    let scene = Arc::new(Scene::new());
    let mut kinds = Vec::new();
    let mut of = |name, length, work: Box<Asking>| {
        let scene = scene.clone();
        kinds.push(Kind::new(name, length, move |length| work(&scene, length)));
    };
    // Headers and queries: 64 KiB of them are taken.
    for (name, piece) in [
        ("tokens that are none, in a header", "dbc_"),
        ("the beginnings of tokens, in a header", "dbh_0db"),
        (
            "claims without an end, in a header",
            "dbc_dbc_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.",
        ),
        ("escapes in a header", "%64%62%63_"),
        ("escapes of nothing in a header", "%%6%"),
        ("what globs are tried on", "ab"),
        ("pairs of a cookie", "doorbell_session=a; "),
    ] {
        let header = match name {
            "pairs of a cookie" => "cookie",
            "what globs are tried on" => "x-a",
            _ => "x-original-uri",
        };
        let length = if header == "x-a" { 480 } else { 24 << 10 };
        of(
            name,
            length,
            Box::new(move |scene, length| {
                let head = format!("POST {{T}}\nx-b: no\n{header}: {}", filled(piece, length));
                scene.asks(&head, Vec::new(), 1, 200)
            }),
        );
    }
    of(
        "many headers",
        45,
        Box::new(|scene, count| {
            let lines: String = (0..count)
                .map(|n| format!("\nx-{n:08}: {}", "v".repeat(500)))
                .collect();
            scene.asks(&format!("POST {{T}}{lines}"), Vec::new(), 1, 200)
        }),
    );
    of(
        "one header many times",
        45,
        Box::new(|scene, count| {
            let lines = format!("\nx-many: {}", "v".repeat(500)).repeat(count);
            scene.asks(&format!("POST {{T}}{lines}"), Vec::new(), 1, 200)
        }),
    );
    for header in ["authorization", "x-forwarded-authorization"] {
        of(
            "Basic's base64",
            24 << 10,
            Box::new(move |scene, length| {
                let head = format!("POST {{T}}\n{header}: Basic {}", filled("ZGJj", length));
                scene.asks(&head, Vec::new(), 1, 200)
            }),
        );
    }
    for (name, query) in [
        ("pairs of a query", "a=b&"),
        (
            "names of questions in a query",
            "hub.mode&hub.challeng&challenge&",
        ),
        ("escaped names in a query", "%68ub.mode=1&"),
        ("blanks of a query", "+"),
        ("tokens that are none, in a query", "dbc_"),
        ("escapes of nothing in a query", "%"),
    ] {
        for method in ["GET", "POST"] {
            of(
                name,
                24 << 10,
                Box::new(move |scene, length| {
                    let head = format!("{method} {{T}}?{}", filled(query, length));
                    scene.asks(&head, Vec::new(), 1, 200)
                }),
            );
        }
    }
    for (name, behind) in [
        ("slashes behind a token", "/"),
        ("escaped blanks behind a token", "/%20"),
    ] {
        of(
            name,
            24 << 10,
            Box::new(move |scene, length| {
                let path = filled(behind, length / 4 * 4);
                scene.asks(&format!("POST {{T}}{path}"), Vec::new(), 1, 200)
            }),
        );
    }
    of(
        "a token that is none",
        24 << 10,
        Box::new(|scene, length| {
            scene.asks(
                &format!("POST /hook/dbc_{}", filled("a.b", length)),
                Vec::new(),
                1,
                403,
            )
        }),
    );
    of(
        "no token, and a query",
        24 << 10,
        Box::new(|scene, length| {
            scene.asks(
                &format!("POST /hook?{}", filled("dbc_&a=", length)),
                Vec::new(),
                1,
                401,
            )
        }),
    );
    // Bodies.
    of(
        "a body in small pieces",
        4 << 10,
        Box::new(|scene, length| scene.asks("POST {T}", vec![b'a'; length], 1, 200)),
    );
    of(
        "parts of a form",
        32 << 10,
        Box::new(|scene, length| {
            let head = "POST {T}\ncontent-type: multipart/form-data; boundary=b";
            let part = "--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
            scene.asks(head, filled(part, length).into_bytes(), usize::MAX, 200)
        }),
    );
    for (name, piece) in [
        ("a question with much beside it", "\"a\":[[[{}]]],"),
        ("a question asked many times", "\"challenge\":\"a\","),
    ] {
        of(
            name,
            2_000,
            Box::new(move |scene, length| {
                let head = "POST {T}\ncontent-type: application/json";
                let body = format!("{{{}\"challenge\":1}}", piece.repeat(length / piece.len()));
                scene.asks(head, body.into_bytes(), usize::MAX, 200)
            }),
        );
    }
    for (name, piece) in [
        ("members that nobody knows", "\"a\":{\"b\":[1,2]},"),
        ("a member many times", "\"message\":\"text\","),
        ("escapes of a text", "\"from\":\"\\u0041\\n\","),
        ("deep members", "\"a\":[[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]],"),
        ("long numbers", "\"a\":12345678901234567890123456789e-9,"),
        ("blanks between members", "  \n\t\r\n  \"a\"  :  0  ,"),
    ] {
        of(
            name,
            32 << 10,
            Box::new(move |scene, length| {
                let members = piece.repeat(length / piece.len());
                let body = format!("{{{members}\"message\":\"hi\",\"from\":\"ci\"}}");
                scene.asks("POST {C}", body.into_bytes(), usize::MAX, 202)
            }),
        );
    }
    of(
        "one long number",
        32 << 10,
        Box::new(|scene, length| {
            let body = format!("{{\"a\":{},\"message\":\"hi\"}}", filled("7", length));
            scene.asks("POST {C}", body.into_bytes(), usize::MAX, 202)
        }),
    );
    of(
        "a text that is too deep",
        32 << 10,
        Box::new(|scene, length| {
            scene.asks(
                "POST {C}",
                filled("[", length).into_bytes(),
                usize::MAX,
                400,
            )
        }),
    );
    kinds
}
