//! The running server: both listeners, its version, our key.

use std::time::Duration;

use doorbell_core::folder::Folder;
use reqwest::{Client, Url};

use super::{
    super::{
        Failure,
        probe::{Probe, probe},
    },
    report::Report,
};
use crate::{
    config::{Reachability, ServerFile, Whereabouts, command_line},
    desk::{Desk, Remote, shown},
    refusal::Refusal,
};

/// How long anything here may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The control listener and our key; the desk behind them, if both are good.
pub(super) async fn control(
    report: &mut Report,
    whereabouts: &Whereabouts,
    file: Option<&ServerFile>,
) -> Result<Option<Remote>, Failure> {
    let url = whereabouts.url()?;
    let trouble = match probe(&url, whereabouts.url.is_some()).await {
        Probe::Ready => None,
        Probe::NotReady(why) | Probe::NoRoom(why) => {
            Some((why, format!("look at its log: {}", command_line("logs"))))
        }
        Probe::Nobody(refusal) | Probe::Other(refusal) => {
            Some((refusal.to_string(), String::new()))
        }
    };
    if let Some((why, fix)) = trouble {
        report.bad("control listener", why, fix)?;
        return Ok(None);
    }
    report.good(
        "control listener",
        format!("{} answers and is ready", shown(&url)),
    )?;
    if whereabouts.url.is_none()
        && let Some(file) = file
    {
        version(report, &file.version)?;
    }
    let desk = match whereabouts.address() {
        Ok(address) => Remote::new(address, None::<Folder>)?,
        Err(refusal) => {
            report.bad("key", refusal, "")?;
            return Ok(None);
        }
    };
    Ok(key(report, &desk).await?.then_some(desk))
}

fn version(report: &mut Report, theirs: &str) -> std::io::Result<()> {
    let ours = env!("CARGO_PKG_VERSION");
    if theirs == ours {
        report.good("version", ours)
    } else {
        report.bad(
            "version",
            format!("the server is {theirs} and this command is {ours}"),
            format!(
                "stop the old server and start it again: {} && {}",
                command_line("stop"),
                command_line("serve")
            ),
        )
    }
}

/// Who we are to the server.
async fn key(report: &mut Report, desk: &Remote) -> Result<bool, Failure> {
    let older = match desk.who_am_i().await {
        Ok(who) => who.older_urls,
        Err(refusal) => {
            report.bad(
                "key",
                refusal,
                "set DOORBELL_KEY to a good key, or unset it on the server's own machine",
            )?;
            return Ok(false);
        }
    };
    match desk.list_keys().await {
        Ok(_) => report.good("key", "you are the operator")?,
        Err(Refusal::Forbidden(_)) => report.good("key", "you are the agent of a folder")?,
        Err(refusal) => report.bad("key", refusal, "")?,
    }
    if let Some(older) = older {
        let which = command_line("token ls --json");
        report.skipped("printed URLs", format!("{older} Which: `{which}`"))?;
    }
    Ok(true)
}

/// Whether MCP is spoken at `/mcp`, as an agent would find out.
pub(super) async fn mcp(report: &mut Report, desk: &Remote) -> Result<(), Failure> {
    let hello = serde_json::json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "doorbell-doctor", "version": env!("CARGO_PKG_VERSION") },
        },
    });
    let request = desk
        .mcp()
        .header("accept", "application/json, text/event-stream")
        .timeout(PATIENCE)
        .json(&hello);
    let said = match desk.send(request).await {
        Ok(response) => response.text().await.map_err(|error| said(&error)),
        Err(refusal) => Err(refusal.to_string()),
    };
    match said {
        Ok(said) if said.contains("serverInfo") => report.good("MCP", "/mcp answers")?,
        Ok(_) => report.bad("MCP", "/mcp does not speak MCP", "look at the server's log")?,
        Err(why) => report.bad("MCP", why, "look at the server's log")?,
    }
    Ok(())
}

/// The front door where the server listens, and as the world sees it.
pub(super) async fn front_door(
    report: &mut Report,
    file: Option<&ServerFile>,
    public: bool,
) -> Result<(), Failure> {
    const PUBLIC: &str = "public URL";
    let Some(file) = file else {
        report.skipped(
            "front door",
            "the server is elsewhere and has not said where",
        )?;
        return Ok(());
    };
    reached(
        report,
        "front door",
        &file.listen,
        "look at the server's log",
    )
    .await?;
    let reach = Reachability::of_text(&file.public_url);
    if reach == Reachability::ThisMachine {
        let why = reach.warning(&file.public_url).unwrap_or_default();
        report.skipped(PUBLIC, why)?;
    } else if public {
        let fix = "what stands before this machine (tunnel, proxy) must lead to the front door";
        reached(report, PUBLIC, &file.public_url, fix).await?;
    } else {
        let why = format!(
            "whether senders reach {} was not tried: `{}` calls it",
            file.public_url,
            command_line("doctor --public")
        );
        report.skipped(PUBLIC, why)?;
    }
    Ok(())
}

async fn reached(
    report: &mut Report,
    check: &'static str,
    base: &str,
    fix: &str,
) -> Result<(), Failure> {
    let answer = match Url::parse(base) {
        Ok(url) => ask(&url, "/healthz").await,
        Err(error) => Err(error.to_string()),
    };
    match answer {
        Ok(()) => report.good(check, format!("{base} answers"))?,
        Err(why) => report.bad(check, format!("{base}: {why}"), fix)?,
    }
    Ok(())
}

/// Asks a health path below `base`; why it is not well.
async fn ask(base: &Url, path: &str) -> Result<(), String> {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    let response = client()?
        .get(url)
        .send()
        .await
        .map_err(|error| said(&error))?;
    if response.status().is_success() {
        Ok(())
    } else {
        Err(format!("{path} answers {}", response.status()))
    }
}

/// A client for requests that carry no credential.
pub(super) fn client() -> Result<Client, String> {
    // The first provider wins; a second install is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .no_proxy()
        .build()
        .map_err(|error| error.to_string())
}

/// Why a request came to nothing, without its URL: that may hold a token.
pub(super) fn said(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "nobody answers".to_owned()
    } else {
        "the connection broke off".to_owned()
    }
}
