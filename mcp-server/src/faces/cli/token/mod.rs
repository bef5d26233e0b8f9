//! `doorbell token`: webhook URLs.

mod issue;

use clap::{Args, Subcommand};
use doorbell_core::{address::Jid, grant::GrantId};

pub(super) use issue::Issue;

use super::{
    Common, Failure,
    clock::Times,
    connect,
    list::{Column, List},
    terminal,
};
use crate::{
    config::command_line,
    desk::{Desk, Remote},
    refusal::Refusal,
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

/// Revoke one URL by its grant id, or all URLs of an address
///
/// There is no grace: once this returns, nothing posted to them is taken.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  doorbell token revoke 01K9GQ5W7E1T3N8ZB4C6D2F0HA
  doorbell token revoke hook:acme/eng/github")]
pub(super) struct Revoke {
    /// One URL's grant id, or the address of all that are to go, as `token ls` shows them
    #[arg(value_name = "GRANT ID|JID")]
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
        found.tokens.iter().try_for_each(terminal::json)?;
        return say_of_older_urls(&desk).await;
    }
    let mut list = List::new(args.times, COLUMNS);
    for token in &found.tokens {
        list.row([
            token.grant_id.0.to_string(),
            token.jid.0.to_string(),
            list.time_or(token.last_used_at.as_ref().map(|at| at.0), "-"),
            list.time_or(token.expires_at.as_ref().map(|at| at.0), "-"),
            token
                .context
                .as_ref()
                .map_or_else(String::new, |context| context.0.as_str().to_owned()),
            list.time(token.created_at.0),
            token.owner_folder.0.to_string(),
        ]);
    }
    list.print(&format!(
        "no URLs yet; make one with: {}",
        command_line("token issue demo github")
    ))?;
    say_of_older_urls(&desk).await
}

/// A line of the list is a URL: what there is to say of all goes where nobody parses.
async fn say_of_older_urls(desk: &Remote) -> Result<(), Failure> {
    if let Some(older) = desk.who_am_i().await?.older_urls {
        terminal::explain(&terminal::printable(&older));
    }
    Ok(())
}

/// What is to be revoked.
#[derive(Debug, PartialEq, Eq)]
enum Which {
    One(GrantId),
    All(Jid),
}

/// An address has a colon, and an id has none.
fn which(text: &str) -> Result<Which, Failure> {
    if text.contains(':') {
        return connect::parsed("jid", text).map(Which::All);
    }
    text.parse().map(Which::One).map_err(|_| {
        let rule = format!(
            "is neither a grant's id nor an address such as hook:acme/eng/github; `{}` shows both",
            command_line("token ls")
        );
        Refusal::invalid("what to revoke", rule).into()
    })
}

async fn revoke(common: &Common, args: Revoke) -> Result<(), Failure> {
    let revoked = match which(&args.which)? {
        Which::One(id) => connect::desk(common, None)?.revoke_grant(id).await?,
        Which::All(jid) => connect::desk(common, None)?.revoke_token(jid).await?,
    };
    if common.json {
        return Ok(terminal::json(&revoked)?);
    }
    let urls = match revoked.revoked {
        0 => {
            return Ok(terminal::say(&format!(
                "It was revoked before: a URL of {}",
                revoked.jid.0
            ))?);
        }
        1 => "1 URL".to_owned(),
        n => format!("{n} URLs"),
    };
    Ok(terminal::say(&format!(
        "Revoked {urls} of {}",
        revoked.jid.0
    ))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_revoke_is_one_url_by_its_id_or_all_of_an_address() {
        let id = "01K9GQ5W7E1T3N8ZB4C6D2F0HA";
        assert_eq!(which(id).ok(), Some(Which::One(id.parse().expect("an id"))));
        let jid = "hook:acme/eng/github";
        assert_eq!(
            which(jid).ok(),
            Some(Which::All(jid.parse().expect("an address")))
        );
        for bad in [
            "",
            "github",
            "acme/eng/github",
            "hook:",
            "01K9GQ5W7E1T3N8ZB4C6D2F0H",
        ] {
            assert!(which(bad).is_err(), "{bad}");
        }
    }
}
