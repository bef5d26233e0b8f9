//! Mounts the front door in one's own axum program, beside one's own routes, and consumes what
//! arrives in the same process: no control listener, no MCP, no second process.
//!
//! ```sh
//! cargo run -p doorbell-examples --bin embed -- /tmp/embedded 127.0.0.1:8080
//! ```
//!
//! It prints a URL. Post to it, and the message is on disk before the 200 and printed after it.

#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use std::{env, error::Error, net::SocketAddr, path::PathBuf, sync::Arc};

use axum::{Router, routing::get};
use doorbell_core::{
    acl::{Consume, Mint, UseMessages, authorize},
    address::Inbox,
    grant::{Door, Ttl},
    message::{LEASE, MessageId, Receiver},
    ports::{LeaseRequest, Log, Ring, SettleRequest, Settlement},
    principal::Principal,
    registry::{NewGrant, Registry},
    time::Clock,
};
use doorbell_ingress::{
    Config, front_door,
    machine::{SystemChance, SystemClock},
    store::redb::{Options, RedbStore},
};
use tokio::{net::TcpListener, sync::Notify};

type Failure = Box<dyn Error + Send + Sync>;

/// Rung by the store after a commit. A permit is kept, so that no ring is missed.
#[derive(Default)]
struct Bell(Notify);

impl Ring for Bell {
    fn ring(&self, _: &Inbox, _: &[MessageId]) {
        self.0.notify_one();
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = env::args().skip(1);
    let data = PathBuf::from(args.next().ok_or("usage: embed <data dir> [addr]")?);
    let addr: SocketAddr = args
        .next()
        .unwrap_or_else(|| "127.0.0.1:8080".to_owned())
        .parse()?;

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let bell = Arc::new(Bell::default());
    let options = Options::new(Arc::clone(&clock), bell.clone(), Arc::new(SystemChance));
    let store = Arc::new(RedbStore::open(&data, options)?);
    let listener = TcpListener::bind(addr).await?;

    // Who may is asked here too: there is no other way to a URL.
    let me = Principal::Agent("embedded".parse()?);
    let registry = Registry::new(
        Arc::clone(&store),
        Arc::clone(&clock),
        Arc::new(SystemChance),
        None,
    );
    let permit = authorize(
        &me,
        Mint {
            target_folder: "embedded".parse()?,
        },
    )?;
    let door = Door::Hook {
        label: "github".parse()?,
        suffix: None,
    };
    let public_url = format!("http://{}", listener.local_addr()?);
    let issued = registry
        .issue(
            permit,
            NewGrant {
                probe: false,
                door,
                context: None,
                ttl: Ttl::DEFAULT,
                public_url: Some(public_url.as_str().into()),
            },
        )
        .await?;
    println!("{public_url}/hook/{}", issued.token.expose());

    let consumer = tokio::spawn(consume(Arc::clone(&store), clock.clone(), bell, me));
    let app = Router::new()
        .route(
            "/",
            get(|| async { "an axum program with a doorbell in it\n" }),
        )
        .merge(front_door(Config::new(store, clock)).into_router());
    tokio::select! {
        served = axum::serve(listener, app).into_future() => served?,
        consumed = consumer => consumed??,
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}

/// Leases what arrives, handles it, and acks it, oldest first.
async fn consume(
    log: Arc<RedbStore>,
    clock: Arc<dyn Clock>,
    bell: Arc<Bell>,
    me: Principal,
) -> Result<(), Failure> {
    let folder = authorize(
        &me,
        Consume {
            folder: "embedded".parse()?,
        },
    )?
    .action()
    .folder
    .clone();
    let scope = authorize(&me, UseMessages)?.scope();
    let receiver = Receiver::named(&[0; 16], "embed");
    loop {
        let leased = log
            .lease(LeaseRequest {
                inboxes: vec![Inbox::Folder(folder.clone())],
                receiver,
                max: 10,
                pattern: None,
                body_limit: usize::MAX,
                now: clock.now(),
                lease_for: LEASE,
                max_observed: 0,
                observed_alone: false,
                among: None,
            })
            .await?;
        if leased.messages.is_empty() {
            bell.0.notified().await;
            continue;
        }
        let ids = leased.messages.iter().map(|message| message.id).collect();
        for message in &leased.messages {
            println!(
                "{} {} {} bytes",
                message.id, message.address, message.body_bytes
            );
        }
        let how = Settlement::Ack;
        let now = clock.now();
        log.settle(SettleRequest {
            ids,
            how,
            receiver,
            scope: scope.clone(),
            now,
        })
        .await?;
    }
}
