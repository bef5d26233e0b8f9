//! `doorbell key`: API keys for agents.

use clap::Subcommand;
use doorbell_core::key::KeyId;

use super::{Common, Failure, connect, terminal};
use crate::{
    desk::Desk,
    wire::{IssueKey, RotateSigningKey, Text},
};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Issue a key for the agent of a folder; it alone goes to standard output
    Issue {
        /// The folder its holder is the agent of: acme/eng
        folder: String,
        /// What to call it in the list
        #[arg(long)]
        name: Option<String>,
    },
    /// List keys, never the keys themselves
    Ls,
    /// Make a new key to sign channel tokens with; those signed before stay good
    RotateSigning {
        /// Forget the older keys: what they signed is no longer let in
        #[arg(long)]
        revoke_old: bool,
    },
    /// Revoke a key, at once
    Revoke {
        /// The key's id, as `key ls` shows it
        key_id: String,
    },
}

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
                 Revoke it with: doorbell key revoke {}",
                issued.entry.key_id.0, issued.entry.folder, issued.entry.key_id.0
            ));
            Ok(())
        }
        Command::Ls => {
            let list = desk.list_keys().await?;
            if common.json {
                return Ok(list.keys.iter().try_for_each(terminal::json)?);
            }
            let rows = list.keys.into_iter().map(|key| {
                [
                    key.key_id.0.to_string(),
                    if key.folder == "*" {
                        "* (operator)".to_owned()
                    } else {
                        key.folder
                    },
                    key.name.unwrap_or_default(),
                    key.created_at.0.to_string(),
                    key.revoked_at
                        .map_or_else(|| "-".to_owned(), |at| at.0.to_string()),
                ]
            });
            Ok(terminal::table(
                ["KEY ID", "FOLDER", "NAME", "CREATED", "REVOKED"],
                rows.collect(),
                "no keys yet; `doorbell key issue <folder>` makes one",
            )?)
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
