//! Channel grants, sessions and signing keys outlive whatever the store outlives, and nothing comes
//! through what is over.

mod endings;
mod forgetting;
mod refusals;
mod survival;

use std::{path::Path, sync::Arc, time::Duration};

use ::redb::Builder;
use doorbell_core::{
    acl::Scope,
    address::{Inbox, SessionRef},
    capability::{SigningKey, SigningKeyId, Verb},
    channel::ChannelGrant,
    grant::GrantId,
    message::{Arrival, DedupeId, Destination, Head, Kind, Mode},
    ports::{ChannelStore, Channels, LeaseRequest, Log, MakeSession, Put},
    session::Session,
    time::{Clock, Timestamp},
};

use super::{
    disk::Ram,
    rig::{self, Hands, T0, ack, arrival, grants_everywhere, lease_request, mint, options, put},
};
use crate::store::redb::{
    Disk, OpenError, RedbStore, disk::Opened, restore, schema::LATER_CONTROL_TABLES,
};

const HOUR: Duration = Duration::from_secs(3600);
const SECRET: [u8; 32] = [7; 32];

fn session(id: &str) -> Session {
    Session {
        id: id.parse().unwrap(),
        folder: "acme".parse().unwrap(),
        named: id == "named",
        probe: false,
        created_at: T0,
        ended_at: None,
    }
}

async fn made(store: &RedbStore, id: &str) -> Arc<Session> {
    match store.make_session(session(id)).await.unwrap() {
        MakeSession::Made(session) => session,
        other => panic!("{other:?}"),
    }
}

/// The session of that id which was made at T0.
fn this(id: &str) -> SessionRef {
    SessionRef {
        id: id.parse().unwrap(),
        made: T0,
    }
}

fn channel(n: u128, to: &str) -> ChannelGrant {
    ChannelGrant {
        id: GrantId::new(T0, n),
        session: this(to),
        verb: Verb::SendInput,
        label: (n == 1).then(|| "nightly build".parse().unwrap()),
        owner_folder: "acme".parse().unwrap(),
        probe: false,
        created_at: T0,
        expires_at: T0.plus(1_000 * HOUR),
        revoked_at: None,
    }
}

fn knock(grant: &Arc<ChannelGrant>, received_at: Timestamp) -> Arrival {
    Arrival {
        via: grant.clone().into(),
        to: to_session(grant.session.id.as_str()),
        rule: None,
        kind: Kind::Channel,
        mode: Mode::Trigger,
        received_at,
        head: Head::default(),
        body: "deploy".into(),
        dedupe: None,
        test: false,
        repeat_of: None,
    }
}

fn to_session(id: &str) -> Destination {
    Destination {
        inbox: Inbox::Session(this(id)),
        folder: "acme".parse().unwrap(),
    }
}

fn signing_key(id: u32) -> SigningKey {
    SigningKey::from_parts(SigningKeyId(id), T0, SECRET)
}

fn key_ids(store: &RedbStore) -> Vec<u32> {
    let ring = store.signing_keys();
    ring.iter().map(|key| key.id().0).collect()
}

fn operator() -> Scope {
    grants_everywhere()
}

/// Everything about channels that a store answers.
#[derive(Debug, PartialEq)]
struct Told {
    sessions: Vec<Arc<Session>>,
    grants: Vec<doorbell_core::ports::ChannelUse>,
    keys: Vec<u32>,
}

fn told(store: &RedbStore) -> Told {
    Told {
        sessions: store.list_sessions(&operator()),
        grants: store.list_channel_grants(&operator()),
        keys: key_ids(store),
    }
}

fn on(disk: &Ram, dir: &Path) -> RedbStore {
    let mut options = options(&Hands::new());
    options.disk = Arc::new(disk.clone());
    RedbStore::open(dir, options).unwrap()
}
