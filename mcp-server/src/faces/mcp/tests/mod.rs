//! The face as a client meets it: raw JSON-RPC over a socket or a pipe, on the reference store.

mod over_http;
mod over_stdio;
mod requests;
mod waiting;

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use axum::{Router, middleware};
use doorbell_core::{
    acl::{Mint, Operate, authorize},
    address::Inbox,
    grant::{Door, Grant, Ttl},
    memory::MemoryStore,
    message::{Arrival, Head, Headers, Kind},
    ports::{Put, Store},
    principal::Principal,
    registry::{NewGrant, Registry},
    route::default_outcome,
    testing::PATIENCE,
    time::Clock,
    token::Token,
};
use doorbell_ingress::machine::{SystemChance, SystemClock};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    caller::{self, Authenticator},
    desk::{Desk, Local},
    faces::{guard, mcp, rest},
    house::{House, Instruments},
    switchboard::Switchboard,
    wire::Detail,
};

/// A house on the reference store, and the key of the agent of `acme/eng`.
pub(super) struct Fixture {
    pub(super) house: Arc<House>,
    pub(super) key: Token,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let switchboard = Switchboard::new();
        let ring = Arc::clone(&switchboard);
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(ring));
        let registry = Registry::new(
            Arc::clone(&store),
            Arc::new(SystemClock),
            Arc::new(SystemChance),
            None,
        );
        let operate = authorize(&Principal::Operator, Operate).expect("an operator operates");
        let agent = Principal::Agent("acme/eng".parse().expect("a folder"));
        let issued = registry
            .issue_key(&operate, agent, None)
            .await
            .expect("a key");
        let house = Arc::new(House {
            shares: Default::default(),
            authenticator: Authenticator::new(Arc::clone(&store), &(Arc::new(SystemClock) as _)),
            store,
            registry,
            door: None,
            switchboard,
            clock: Arc::new(SystemClock),
            public_url: "https://bell.example".to_owned(),
            older_urls: AtomicBool::new(true),
            control_url: None,
            backup: None,
            instruments: Instruments {
                door: Arc::default(),
                commits: Arc::default(),
                disk: None,
                started: SystemClock.now(),
            },
            draining: watch::Sender::new(false),
            leaving: AtomicBool::new(false),
        });
        Self {
            house,
            key: issued.token,
        }
    }

    /// A live grant of `hook:<folder>/github`.
    pub(super) async fn grant(&self, folder: &str) -> Arc<Grant> {
        let target_folder = folder.parse().expect("a folder");
        let permit = authorize(&Principal::Operator, Mint { target_folder }).expect("may mint");
        let new = NewGrant {
            probe: false,
            door: Door::Hook {
                label: "github".parse().expect("a label"),
                suffix: None,
            },
            context: Some("summarise".parse().expect("a context")),
            ttl: Ttl::from_seconds(0).expect("a ttl"),
            public_url: None,
        };
        self.house
            .registry
            .issue(permit, new)
            .await
            .expect("no clash")
            .grant
    }

    /// An operator's desk, on another credential than the agent's.
    async fn operator(&self) -> Local {
        let operate = authorize(&Principal::Operator, Operate).expect("an operator operates");
        let registry = &self.house.registry;
        let issued = registry.issue_key(&operate, Principal::Operator, None);
        let issued = issued.await.expect("a key");
        let bearer = format!("Bearer {}", issued.token.expose());
        let headers = [("authorization", bearer)].map(|(name, value)| {
            let name: http::HeaderName = name.parse().expect("a name");
            (name, value.parse().expect("a value"))
        });
        let headers = headers.into_iter().collect();
        let caller = caller::identify(&headers, &self.house.authenticator).await;
        Local::new(Arc::clone(&self.house), caller.expect("let in"))
    }

    /// Revokes the agent's key, as an operator does.
    pub(super) async fn revoke_key(&self) {
        let desk = self.operator().await;
        let key = self.house.store.key(&self.key.hash()).expect("issued");
        desk.revoke_key(key.id).await.expect("it was live");
    }

    /// A message as an operator sees it.
    pub(super) async fn detail(&self, id: &str) -> Detail {
        let desk = self.operator().await;
        let id = id.parse().expect("an id");
        desk.message(id, None).await.expect("it is there")
    }

    /// What a sender posts, as the front door keeps it.
    pub(super) async fn post(&self, grant: &Arc<Grant>, body: &str) -> String {
        let route = default_outcome(grant);
        let put = self.house.store.put(Arrival {
            to: route.to,
            mode: route.mode,
            via: Arc::clone(grant).into(),
            rule: None,
            kind: Kind::Hook,
            received_at: self.house.clock.now(),
            head: Head {
                method: "POST".to_owned(),
                headers: Headers::from_pairs(vec![(
                    "x-github-event".to_owned(),
                    "push".to_owned(),
                )]),
                ..Head::default()
            },
            body: body.to_owned().into(),
            dedupe: None,
            test: false,
            repeat_of: None,
        });
        match put.await {
            Ok(Put::Stored(id)) => id.to_string(),
            other => panic!("not stored: {other:?}"),
        }
    }

    /// `/mcp` and `/v1` behind the guard, on a free port.
    pub(super) async fn serve(&self) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let let_in = middleware::from_fn_with_state(Arc::clone(&self.house), guard::let_in);
        let app = Router::new()
            .merge(mcp::http(Arc::clone(&self.house)))
            .merge(rest::v1(Arc::clone(&self.house)))
            .layer(let_in);
        let task =
            tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Served { addr, task }
    }
}

/// Waits until so many receives wait at the agent's inbox.
pub(super) async fn attached(fixture: &Fixture, wanted: usize) {
    let inbox = Inbox::Folder("acme/eng".parse().expect("a folder"));
    let reached = async {
        while fixture.house.switchboard.attached(&inbox) != wanted {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, reached).await.expect("it comes to that");
}

/// A server that stops with the test.
pub(super) struct Served {
    pub(super) addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}
