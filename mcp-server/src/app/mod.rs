//! The composition root: open, mount, say where, serve, drain, close, in that order.

mod descriptors;
mod farewell;
mod greeting;
mod operator_key;
mod port;
mod probes;
mod service;
mod stopping;
mod store;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
};

use axum::{Router, http::Request, middleware};
use doorbell_core::{registry::Registry, time::Clock};
use doorbell_ingress::{
    figures::DoorFigures,
    front_door::{Config, FrontDoor, front_door},
    limits::{ConnectionLimits, Limits, Rate},
    machine::{SystemChance, SystemClock},
    serve::serve,
    server_clock::ServerClock,
};
use tokio::{net::TcpListener, sync::watch};
use tower::ServiceExt;

use self::stopping::{StopWord, said};
use crate::{
    caller::{Authenticator, proof::ProofKey},
    config::{DataDirError, ServerFile, Settings},
    faces::{
        body_clock,
        dashboard::dashboard,
        guard::{self, Hosts, Peer},
        mcp,
        proof::{Prover, proof},
        rest,
        under_path::under_path,
        well_known::{nothing_else, well_known},
    },
    house::{House, Instruments},
    oidc::{Issuer, NoClient},
    shares::Shares,
    switchboard::Switchboard,
    telemetry::Traces,
};

/// Why the server could not run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store cannot be opened.
    #[error("cannot open the store: {0}")]
    Store(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {addr} ({what}): {why}")]
    Listen {
        /// Which address.
        addr: SocketAddr,
        /// What was to listen there.
        what: &'static str,
        /// Why, and what to do.
        why: String,
        /// What the system says.
        source: io::Error,
    },
    /// The OIDC issuer cannot be asked.
    #[error(transparent)]
    Issuer(#[from] NoClient),
    /// It was told to stop a second time, and did not wait for what was in flight.
    #[error("told to stop twice: what was in flight was cut off")]
    ToldTwice,
    /// Something on this machine.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

impl AppError {
    fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

/// Runs the server until it is told to stop (SIGTERM, SIGINT), and told twice at the latest.
pub fn run(settings: Settings) -> Result<(), AppError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(AppError::io("cannot start the runtime"))?;
    let ended = runtime.block_on(serve_until_told(settings));
    if let Err(AppError::ToldTwice) = ended {
        runtime.shutdown_background();
    }
    ended
}

async fn serve_until_told(settings: Settings) -> Result<(), AppError> {
    let mut told = StopWord::listen()?;
    let connections = descriptors::Connections::for_this_process();
    let started = SystemClock.now();
    settings.data_dir.make()?;
    let switchboard = Switchboard::new();
    let clock: Arc<dyn Clock> = Arc::new(ServerClock::default());
    let opened = store::open(&settings, Arc::clone(&clock), switchboard.clone()).await?;
    let front = bind(settings.listen, "the front door", "--listen").await?;
    let control = bind(settings.control, "the control listener", "--control").await?;
    let server = announce(&settings, &front, &control, &*clock)?;
    let registry = Registry::new(
        opened.store(),
        Arc::clone(&clock),
        Arc::new(SystemChance),
        None,
    )
    .with_channel_ttl(settings.channel_ttl);
    let own_key = operator_key::ensure(&settings.data_dir, &*opened.store(), &registry).await?;
    let prover = Prover {
        key: ProofKey::new(&own_key),
        address: control
            .local_addr()
            .map_err(AppError::io("cannot tell where it listens"))?,
    };
    registry
        .ensure_signing_key()
        .await
        .map_err(|error| AppError::Store(error.to_string()))?;
    let issuer = match settings.oidc.clone() {
        None => None,
        // Its tokens are good by the issuer's clock, which the machine's is nearest to.
        Some(oidc) => Some(Arc::new(Issuer::new(oidc, Arc::new(SystemClock))?)),
    };
    let figures: Arc<DoorFigures> = Arc::default();
    let door = door(
        &settings,
        &opened,
        Arc::clone(&clock),
        &switchboard,
        &figures,
    );
    let house = Arc::new(House {
        store: opened.store(),
        authenticator: Authenticator::new(opened.store(), &clock).with_issuer(issuer.clone()),
        registry,
        door: Some(door.clone()),
        switchboard,
        shares: Shares::default(),
        clock,
        public_url: server.public_url.clone(),
        older_urls: AtomicBool::new(true),
        control_url: settings.control_url.clone(),
        backup: Some(opened.backup()),
        instruments: Instruments {
            door: figures,
            commits: opened.commits(),
            disk: Some(opened.disk()),
            started,
        },
        draining: watch::Sender::new(false),
        leaving: AtomicBool::new(false),
    });
    if let Some(issuer) = issuer {
        tokio::spawn(async move { issuer.keep_keys().await });
    }
    tokio::spawn(farewell::end_unnamed_sessions(Arc::clone(&house)));
    tokio::spawn(probes::forget(Arc::clone(&house)));
    let traces = Traces::begin();
    let hosts = Hosts::new(settings.allowed_hosts.clone(), settings.control_url.clone())
        .with_guests(settings.allowed_origins.clone());
    let face = control_face(&house, hosts, prover, &traces);
    let face = under_path(face, settings.control_url.as_ref());
    server
        .write(&settings.data_dir.server_file())
        .map_err(AppError::io("cannot write server.json"))?;
    if settings.in_background {
        tracing::info!(front = %server.public_url, control = %server.control, "serving in the background");
    } else {
        greeting::print(&server, &settings.data_dir);
    }

    let front_over = watch::Sender::new(false);
    let front_limits = ConnectionLimits {
        connections: connections.front,
        peer_connections: settings.peer_connections,
        ..ConnectionLimits::default()
    };
    let control_limits = ConnectionLimits {
        connections: connections.control,
        half_close: false,
        refuse: Some(rest::not_http),
        ..front_limits
    };
    let serving = async {
        let front = async {
            let told = said(&house.draining);
            let service = |peer| traces.door(door.for_peer(peer));
            serve(front, service, front_limits, told).await;
            front_over.send_replace(true);
        };
        let face = |peer: SocketAddr| {
            face.clone().map_request(move |mut request: Request<_>| {
                request.extensions_mut().insert(Peer(peer.ip()));
                request
            })
        };
        // The last to go: whoever asks is told that it is not ready, as long as anything is in flight.
        let control = serve(control, face, control_limits, said(&front_over));
        tokio::join!(front, control);
    };
    service::ready();
    let in_order = tokio::select! {
        () = serving => true,
        () = stopping::in_order(&mut told, &house, settings.drain) => false,
    };
    remove_own(&server, &settings);
    if !in_order {
        // Closing it would wait for the disk.
        std::mem::forget(opened);
        return Err(AppError::ToldTwice);
    }
    opened.close().await;
    traces.end().await;
    tracing::info!("stopped");
    Ok(())
}

async fn bind(
    addr: SocketAddr,
    what: &'static str,
    flag: &'static str,
) -> Result<TcpListener, AppError> {
    TcpListener::bind(addr)
        .await
        .map_err(|source| AppError::Listen {
            addr,
            what,
            why: cannot_listen(addr, flag, &source),
            source,
        })
}

/// Why an address cannot be listened on, and what to do.
fn cannot_listen(addr: SocketAddr, flag: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let holder =
                port::holder_of(addr).unwrap_or_else(|| "another program listens there".to_owned());
            format!("{holder}; stop it, or choose another address with {flag}")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("this machine has no such address; choose another with {flag}")
        }
        io::ErrorKind::PermissionDenied => format!(
            "this needs privileges, as ports below 1024 do; choose another with {flag}, or put a \
             proxy before it"
        ),
        _ => format!("{error}; choose another with {flag}"),
    }
}

/// What the server says of itself, once its addresses are known.
fn announce(
    settings: &Settings,
    front: &TcpListener,
    control: &TcpListener,
    clock: &dyn Clock,
) -> Result<ServerFile, AppError> {
    let url = |listener: &TcpListener| {
        let addr = listener
            .local_addr()
            .map_err(AppError::io("cannot tell where it listens"))?;
        Ok::<_, AppError>(format!("http://{}", reachable(addr)))
    };
    let listen = url(front)?;
    Ok(ServerFile {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        public_url: settings
            .public_url
            .clone()
            .unwrap_or_else(|| listen.clone()),
        listen,
        control: url(control)?,
        started_at: clock.now().to_string(),
        log: settings.log_file(),
    })
}

/// An address that a client on this machine can dial: a wildcard is reached over loopback.
fn reachable(addr: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => ([127, 0, 0, 1], v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            (std::net::Ipv6Addr::LOCALHOST, v6.port()).into()
        }
        addr => addr,
    }
}

fn door(
    settings: &Settings,
    opened: &store::Opened,
    clock: Arc<dyn Clock>,
    switchboard: &Arc<Switchboard>,
    figures: &Arc<DoorFigures>,
) -> FrontDoor {
    let defaults = Limits::default();
    let bytes = |size: Option<u64>, default| {
        size.map_or(default, |size| usize::try_from(size).unwrap_or(usize::MAX))
    };
    front_door(Config {
        presence: Arc::clone(switchboard) as _,
        figures: Arc::clone(figures),
        limits: Limits {
            body_bytes: bytes(settings.max_body, defaults.body_bytes),
            in_flight_bytes: bytes(settings.body_budget, defaults.in_flight_bytes),
            hook_rate: Rate {
                per_minute: settings.hook_rate.unwrap_or(Rate::HOOK.per_minute),
                burst: settings.hook_burst.unwrap_or(Rate::HOOK.burst),
            },
            ..defaults
        },
        ..opened.door_config(clock)
    })
}

/// Everything on the control listener. All but health, the description of who issues tokens, and the
/// proof of whose server this is, is behind the whole guard.
fn control_face(house: &Arc<House>, hosts: Hosts, prover: Prover, traces: &Traces) -> Router {
    let hosts = Arc::new(hosts);
    let meant_for_us = middleware::from_fn_with_state(Arc::clone(&hosts), guard::meant_for_us);
    let guarded = rest::v1(Arc::clone(house))
        .merge(mcp::http(Arc::clone(house)))
        .layer(middleware::from_fn_with_state(
            Arc::clone(house),
            guard::let_in,
        ));
    let issuer = house.authenticator.issuer().map(Arc::clone);
    let guarded = guarded
        .merge(issuer.map(well_known).unwrap_or_default())
        .merge(nothing_else())
        .merge(proof(prover))
        .layer(meant_for_us);
    let open = rest::health(Arc::clone(house)).merge(dashboard(Arc::clone(house), hosts));
    // Within each, as a route is known by its name only below the router that has it.
    traces
        .control(open)
        .fallback_service(traces.control(guarded))
        .layer(middleware::from_fn(body_clock::timed))
}

/// Takes `server.json` away, unless another server has written its own meanwhile.
fn remove_own(server: &ServerFile, settings: &Settings) {
    let path = settings.data_dir.server_file();
    if ServerFile::read(&path).as_ref() == Some(server)
        && let Err(error) = std::fs::remove_file(&path)
    {
        tracing::warn!(%error, "server.json is left behind");
    }
}
