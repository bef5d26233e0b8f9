//! `doorbell key`: API keys for agents.

use clap::Subcommand;
use doorbell_core::key::KeyId;

use super::{
    Common, Failure,
    clock::Times,
    connect,
    list::{Column, List},
    terminal,
};
use crate::{
    config::command_line,
    desk::Desk,
    wire::{IssueKey, RotateSigningKey, Text},
};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Issue a key for the agent of a folder
    ///
    /// The key alone goes to standard output, so that a shell can catch it. It is shown this once.
    /// Its holder is the agent of that folder: everything there and below, and nothing else.
    #[command(after_help = "Examples:
  doorbell key issue acme/eng --name laptop
  export DOORBELL_KEY=$(doorbell key issue acme/eng)")]
    Issue {
        /// The folder its holder is the agent of: acme/eng
        folder: String,
        /// What to call it in the list
        #[arg(long)]
        name: Option<String>,
    },
    /// List keys, never the keys themselves
    #[command(after_help = "Examples:
  doorbell key ls
  doorbell key ls --json")]
    Ls {
        #[command(flatten)]
        times: Times,
    },
    /// Make a new key to sign channel tokens with; those signed before stay good
    #[command(after_help = "Examples:
  doorbell key rotate-signing
  doorbell key rotate-signing --revoke-old")]
    RotateSigning {
        /// Forget the older keys: what they signed is no longer let in
        #[arg(long)]
        revoke_old: bool,
    },
    /// Revoke a key, at once
    #[command(after_help = "Examples:
  doorbell key revoke 01K9GQ5W7E1T3N8ZB4C6D2F0HA")]
    Revoke {
        /// The key's id, as `key ls` shows it
        key_id: String,
    },
}

const COLUMNS: [Column; 5] = [
    Column::whole("KEY ID"),
    Column::cut("FOLDER", 12).keeping_end(),
    Column::cut("NAME", 8).spare(2),
    Column::whole("CREATED").spare(3),
    Column::whole("REVOKED").spare(1),
];

pub(super) async fn run(common: &Common, command: Command) -> Result<(), Failure> {
    let desk = connect::desk(common, None)?;
    match command {
        Command::Issue { folder, name } => {
            let folder = Text(connect::parsed("folder", &folder)?);
            let issued = desk.issue_key(IssueKey { folder, name }).await?;
            if common.json {
                return Ok(terminal::json(&issued)?);
            }
            terminal::say(&issued.key)?;
            terminal::explain(&format!(
                "Key {} for the agent of {}. It is shown this once; hand it over as DOORBELL_KEY.\n\
                 Revoke it with: {}",
                issued.entry.key_id.0,
                issued.entry.folder,
                command_line(&format!("key revoke {}", issued.entry.key_id.0))
            ));
            Ok(())
        }
        Command::Ls { times } => {
            let found = desk.list_keys().await?;
            if common.json {
                return Ok(found.keys.iter().try_for_each(terminal::json)?);
            }
            let mut list = List::new(times, COLUMNS);
            for key in found.keys {
                list.row([
                    key.key_id.0.to_string(),
                    if key.folder == "*" {
                        "* (operator)".to_owned()
                    } else {
                        key.folder
                    },
                    key.name.unwrap_or_default(),
                    list.time(key.created_at.0),
                    list.time_or(key.revoked_at.map(|at| at.0), "-"),
                ]);
            }
            Ok(list.print(&format!(
                "no keys yet; make one with: {}",
                command_line("key issue <folder>")
            ))?)
        }
        Command::RotateSigning { revoke_old } => {
            let rotated = desk
                .rotate_signing_key(RotateSigningKey { revoke_old })
                .await?;
            if common.json {
                return Ok(terminal::json(&rotated)?);
            }
            let older = if revoke_old {
                "no longer let in"
            } else {
                "still good"
            };
            Ok(terminal::say(&format!(
                "Key {} signs channel tokens now; those signed before are {older}",
                rotated.key_id
            ))?)
        }
        Command::Revoke { key_id } => {
            let revoked = desk
                .revoke_key(connect::parsed::<KeyId>("key-id", &key_id)?)
                .await?;
            if common.json {
                return Ok(terminal::json(&revoked)?);
            }
            Ok(terminal::say(&format!("Revoked key {}", revoked.key_id.0))?)
        }
    }
}
