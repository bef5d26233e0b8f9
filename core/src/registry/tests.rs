//! Who makes without end is refused in time, and others are not.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{Bounds, NewChannel, NewGrant, NewSession, Registry};
use crate::{
    acl::{ManageGrants, Mint, Permit, UseSession, authorize},
    bound::Bound,
    capability::Verb,
    folder::Folder,
    grant::{Door, Ttl},
    memory::{MemoryStore, tests::there_at_once},
    ports::{MakeSession, Ring},
    principal::Principal,
    registry::MakeSessionError,
    time::{Clock, Timestamp},
    token::Chance,
};

struct Nobody;

impl Ring for Nobody {
    fn ring(&self, _: &crate::address::Inbox, _: &[crate::message::MessageId]) {}
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1)
    }
}

#[derive(Default)]
struct Rising(AtomicU64);

impl Chance for Rising {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        bytes
            .iter_mut()
            .zip(next.iter().cycle())
            .for_each(|(to, from)| *to = *from);
    }
}

/// There may be eight of each, and two of a folder's once there are six.
fn registry() -> Registry<MemoryStore> {
    let bound = Bound::quartered(8, 1);
    let store = Arc::new(MemoryStore::new(Arc::new(Nobody)));
    Registry::new(store, Arc::new(Still), Arc::new(Rising::default()), None).with_bounds(Bounds {
        urls: bound,
        channel_grants: bound,
        sessions: bound,
    })
}

fn folder(text: &str) -> Folder {
    text.parse().expect("legal")
}

fn agent(of: &str) -> Principal {
    Principal::Agent(folder(of))
}

fn mint(registry: &Registry<MemoryStore>, of: &str) -> Result<(), String> {
    let mint = Mint {
        target_folder: folder(of),
    };
    let new = NewGrant {
        door: Door::Hook {
            label: "github".parse().expect("legal"),
            suffix: None,
        },
        context: None,
        ttl: Ttl::from_seconds(0).expect("legal"),
        public_url: None,
        probe: false,
    };
    let permit = authorize(&agent(of), mint).expect("its own folder");
    let issued = there_at_once(registry.issue(permit, new));
    issued.map(drop).map_err(|error| error.to_string())
}

fn use_session(of: &str) -> Permit<UseSession> {
    authorize(&agent(of), UseSession { folder: folder(of) }).expect("its own folder")
}

fn open(
    registry: &Registry<MemoryStore>,
    of: &str,
    id: Option<&str>,
) -> Result<MakeSession, MakeSessionError> {
    let new = NewSession {
        id: id.map(|id| id.parse().expect("legal")),
        probe: false,
    };
    there_at_once(registry.open_session(&use_session(of), new))
}

#[test]
fn a_folder_that_mints_without_end_is_refused_and_another_is_not() {
    let registry = registry();
    for n in 0..6 {
        let of = if n % 2 == 0 { "acme" } else { "acme/eng" };
        mint(&registry, of).expect("there is room for anyone");
    }
    assert_eq!(
        mint(&registry, "acme/ops").expect_err("it has its part"),
        "acme and the folders below it have 2 URLs or more, and there are few left for others"
    );
    for _ in 0..2 {
        mint(&registry, "other").expect("its part is its own");
    }
    assert_eq!(
        mint(&registry, "third").expect_err("all are taken"),
        "this instance has 8 URLs, which is the most"
    );
    // What is revoked makes room.
    let permit = authorize(&agent("acme"), ManageGrants).expect("its own");
    let jid = "hook:acme/github".parse().expect("legal");
    assert_eq!(
        there_at_once(registry.revoke(&permit, &jid))
            .expect("revoked")
            .len(),
        3
    );
    mint(&registry, "third").expect("there is room again");
}

#[test]
fn sessions_without_end_are_refused_but_one_that_stands_is_still_had() {
    let registry = registry();
    open(&registry, "acme", Some("build")).expect("made");
    for _ in 0..5 {
        open(&registry, "acme", None).expect("made");
    }
    let refused = open(&registry, "acme", None);
    assert!(
        matches!(refused, Err(MakeSessionError::TooMany(_))),
        "{refused:?}"
    );
    let again = open(&registry, "acme", Some("build"));
    assert!(matches!(again, Ok(MakeSession::Stands(_))), "{again:?}");
    open(&registry, "other", Some("test")).expect("made");
    let build = "build".parse().expect("legal");
    let ended = there_at_once(registry.end_session(&use_session("acme"), build));
    assert!(ended.expect("ended"));
    open(&registry, "other", None).expect("made");
}

#[test]
fn channel_grants_without_end_are_refused_and_others_are_not() {
    let registry = registry();
    let mut exposed = Vec::new();
    for of in ["acme", "other"] {
        exposed.push(match open(&registry, of, None) {
            Ok(MakeSession::Made(session)) => session,
            other => panic!("expected it to be made, but: {other:?}"),
        });
    }
    let new = |n: usize| NewChannel {
        session: exposed[n].reference(),
        verb: Verb::SendInput,
        label: None,
        ttl: Ttl::from_seconds(60).expect("legal"),
        probe: false,
    };
    let expose = |of, n| there_at_once(registry.expose(&use_session(of), new(n)));
    for _ in 0..6 {
        expose("acme", 0).expect("there is room");
    }
    let refused = expose("acme", 0).expect_err("it has its part");
    assert!(
        refused.to_string().contains("2 channel grants or more"),
        "{refused}"
    );
    expose("other", 1).expect("its part is its own");
}
