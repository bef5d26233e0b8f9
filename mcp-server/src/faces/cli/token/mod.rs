//! `doorbell token`: webhook URLs.

mod issue;

use clap::{Args, Subcommand};

pub(super) use issue::Issue;

use super::{
    Common, Failure,
    clock::Times,
    connect,
    list::{Column, List},
    terminal,
};
use crate::{
    desk::Desk,
    wire::{ListTokens, Text},
};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Issue(Issue),
    Ls(Ls),
    Revoke(Revoke),
}

/// List live URLs, never the tokens themselves
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  doorbell token ls
  doorbell token ls acme/eng --json")]
pub(super) struct Ls {
    /// Only those of this folder and below
    folder: Option<String>,
    #[command(flatten)]
    times: Times,
}

/// Revoke all URLs of an address, at once
///
/// There is no grace: once this returns, nothing posted to them is taken.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  doorbell token revoke hook:acme/eng/github")]
pub(super) struct Revoke {
    /// The address, as `token ls` shows it
    #[arg(value_name = "JID")]
    which: String,
}

const COLUMNS: [Column; 7] = [
    Column::whole("GRANT ID"),
    Column::cut("ADDRESS", 12).keeping_end(),
    Column::whole("LAST USED").spare(1),
    Column::whole("EXPIRES").spare(2),
    Column::cut("CONTEXT", 12).spare(3),
    Column::whole("CREATED").spare(4),
    Column::cut("OWNER", 8).spare(5),
];

pub(super) async fn run(common: &Common, command: Command) -> Result<(), Failure> {
    match command {
        Command::Issue(args) => issue::run(common, args).await,
        Command::Ls(args) => ls(common, args).await,
        Command::Revoke(args) => revoke(common, args).await,
    }
}

async fn ls(common: &Common, args: Ls) -> Result<(), Failure> {
    let folder = args
        .folder
        .map(|text| connect::parsed("folder", &text).map(Text))
        .transpose()?;
    let desk = connect::desk(common, None)?;
    let found = desk.list_tokens(ListTokens { folder }).await?;
    if common.json {
        return Ok(found.tokens.iter().try_for_each(terminal::json)?);
    }
    let mut list = List::new(args.times, COLUMNS);
    for token in found.tokens {
        list.row([
            token.grant_id.0.to_string(),
            token.jid.0.to_string(),
            list.time_or(token.last_used_at.map(|at| at.0), "-"),
            list.time_or(token.expires_at.map(|at| at.0), "-"),
            token
                .context
                .map_or_else(String::new, |context| context.0.as_str().to_owned()),
            list.time(token.created_at.0),
            token.owner_folder.0.to_string(),
        ]);
    }
    Ok(list.print("no URLs yet; make one with: doorbell token issue demo github")?)
}

async fn revoke(common: &Common, args: Revoke) -> Result<(), Failure> {
    let jid = connect::parsed("jid", &args.which)?;
    let desk = connect::desk(common, None)?;
    let revoked = desk.revoke_token(jid).await?;
    if common.json {
        return Ok(terminal::json(&revoked)?);
    }
    let urls = match revoked.revoked {
        1 => "1 URL".to_owned(),
        n => format!("{n} URLs"),
    };
    Ok(terminal::say(&format!(
        "Revoked {urls} of {}",
        revoked.jid.0
    ))?)
}
