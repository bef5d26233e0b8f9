//! `doorbell open`: the dashboard in a browser, signed in by a link that is good once.

use std::{process::Stdio, time::Duration};

use clap::Args;
use tokio::{process::Command, time::timeout};

use super::{Common, Failure, own_server::OwnServer, terminal};
use crate::{
    config::{Whereabouts, browser, command_line},
    desk::Remote,
};

/// How soon a program says that it cannot show anything.
const PATIENCE: Duration = Duration::from_secs(2);

/// Arguments of `doorbell open`.
#[derive(Args, Debug)]
pub(super) struct Open {
    /// Print the link, and start no browser
    #[arg(long)]
    print: bool,
}

pub(super) async fn run(common: &Common, args: Open) -> Result<(), Failure> {
    let own = OwnServer::find(common, "doorbell open")?;
    if own.pid().is_err() && own.file.is_none() {
        return Err(Whereabouts::from_environment(own.data_dir)?.nobody().into());
    }
    // Its own word, wherever DOORBELL_URL leads.
    let whereabouts = Whereabouts::of(own.data_dir);
    let link = Remote::new(whereabouts.address()?, None)?
        .sign_in_link()
        .await?;
    let opened = !args.print && start_browser(&link.url).await;
    if common.json {
        return Ok(terminal::json(&serde_json::json!({
            "url": link.url, "expires_at": link.expires_at, "opened": opened,
        }))?);
    }
    if opened {
        terminal::explain(&format!(
            "the dashboard opens in your browser; if it does not, `{}` prints a link",
            command_line("open --print")
        ));
        return Ok(());
    }
    terminal::say(&link.url)?;
    terminal::explain("Open it within 60 s: it signs in whoever opens it first, once.");
    Ok(())
}

/// Hands the link to the browser, if this machine has one for whoever sits here.
async fn start_browser(url: &str) -> bool {
    for words in browser() {
        if starts(&words, url).await {
            return true;
        }
    }
    false
}

/// Whether a program takes the link. One that stays is the browser itself, and outlives us.
async fn starts(words: &[String], url: &str) -> bool {
    let Some((name, rest)) = words.split_first() else {
        return false;
    };
    let mut command = Command::new(name);
    command
        .args(rest)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[cfg(unix)]
    command.process_group(0);
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    match timeout(PATIENCE, child.wait()).await {
        Ok(Ok(ended)) => ended.success(),
        Ok(Err(_)) => false,
        Err(_) => true,
    }
}
