//! `doorbell status`: what runs with this data directory, and where.

use std::{path::PathBuf, process::ExitCode};

use doorbell_ingress::store::redb::Holder;
use serde::Serialize;

use super::{
    Common, Failure, connect,
    own_server::OwnServer,
    probe::{Probe, probe},
    terminal,
};
use crate::config::{Reachability, ServerFile, command_line};

/// What `--json` prints.
#[derive(Serialize)]
struct Status {
    running: bool,
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    data_dir: PathBuf,
    /// What the server says of itself.
    #[serde(flatten)]
    server: Option<Server>,
}

#[derive(Serialize)]
struct Server {
    version: String,
    listen: String,
    control: String,
    public_url: String,
    started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<PathBuf>,
}

impl From<ServerFile> for Server {
    fn from(file: ServerFile) -> Self {
        Self {
            version: file.version,
            listen: file.listen,
            control: file.control,
            public_url: file.public_url,
            started_at: file.started_at,
            log: file.log,
        }
    }
}

/// Whether it runs and is ready.
pub(super) async fn run(common: &Common) -> Result<ExitCode, Failure> {
    let own = OwnServer::find(common, "doorbell status")?;
    let running = own.holder != Holder::Nobody;
    let why = match &own.file {
        _ if !running => None,
        None => Some("it is starting, or opens its store still".to_owned()),
        Some(file) => match probe(&connect::parsed("control", &file.control)?, false).await {
            Probe::Ready => None,
            Probe::NotReady(why) | Probe::NoRoom(why) => Some(why),
            Probe::Nobody(refusal) | Probe::Other(refusal) => Some(refusal.to_string()),
        },
    };
    let status = Status {
        running,
        ready: running && why.is_none(),
        why,
        pid: match own.holder {
            Holder::Process(pid) => Some(pid),
            Holder::Unknown => own.file.as_ref().map(|file| file.pid),
            Holder::Nobody => None,
        },
        data_dir: own.data_dir.path().to_owned(),
        server: own.file.map(Server::from),
    };
    if common.json {
        terminal::json(&status)?;
    } else {
        show(&status)?;
    }
    Ok(if status.ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn show(status: &Status) -> Result<(), Failure> {
    let data_dir = status.data_dir.display();
    if !status.running {
        terminal::say(&format!(
            "no server runs with the data directory {data_dir}"
        ))?;
        terminal::explain(&format!("start one with: {}", command_line("serve")));
        return Ok(());
    }
    let pid = status
        .pid
        .map_or_else(|| "?".to_owned(), |pid| pid.to_string());
    let ready = match &status.why {
        None => "yes".to_owned(),
        Some(why) => format!("no: {why}"),
    };
    let mut lines = Vec::new();
    if let Some(server) = &status.server {
        lines.push(format!(
            "doorbell {} runs: process {pid}, since {}",
            server.version, server.started_at
        ));
        lines.push(format!("  ready       {ready}"));
        lines.push(format!("  front door  {}", server.listen));
        if server.public_url != server.listen {
            lines.push(format!("  public URL  {}", server.public_url));
        }
        if let Some(who) = Reachability::of_text(&server.public_url).only() {
            lines.push(format!("              only {who} reaches it"));
        }
        lines.push(format!("  control     {}", server.control));
    } else {
        lines.push(format!("doorbell runs: process {pid}"));
        lines.push(format!("  ready       {ready}"));
    }
    lines.push(format!("  data        {data_dir}"));
    if let Some(log) = status
        .server
        .as_ref()
        .and_then(|server| server.log.as_ref())
    {
        lines.push(format!("  log         {}", log.display()));
    }
    lines.iter().try_for_each(|line| terminal::say(line))?;
    Ok(())
}
