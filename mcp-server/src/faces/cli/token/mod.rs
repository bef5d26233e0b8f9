//! `doorbell token`: webhook URLs.

use clap::{Subcommand, ValueEnum};

use super::{Common, Failure, connect, terminal};
use crate::{
    desk::Desk,
    refusal::Refusal,
    wire::{Count, IssueChat, IssueWebhook, IssuedToken, ListTokens, Text},
};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Mint a URL; it alone goes to standard output: URL=$(doorbell token issue acme/eng hook github)
    Issue {
        /// Whose inbox it fills: acme/eng
        folder: String,
        /// What kind of door
        #[arg(value_enum)]
        door: Door,
        /// For hook: the source's name, github, then an optional suffix. For web: an optional suffix
        #[arg(num_args = 0..=2, value_names = ["LABEL", "SUFFIX"])]
        names: Vec<String>,
        /// A note shown beside each message
        #[arg(long, value_name = "TEXT")]
        context: Option<String>,
        /// Seconds until it dies; 0: never
        #[arg(long, value_name = "SECONDS")]
        ttl: Option<u64>,
    },
    /// List live tokens, never the tokens themselves
    Ls {
        /// Only those of this folder and below
        folder: Option<String>,
    },
    /// Revoke all tokens of an address, at once
    Revoke {
        /// The address, as `token ls` shows it
        jid: String,
    },
}

/// What kind of door a token opens.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Door {
    /// A webhook
    Hook,
    /// A browser chat
    Web,
}

pub(super) async fn run(common: &Common, command: Command) -> Result<(), Failure> {
    let desk = connect::desk(common, None)?;
    match command {
        Command::Issue {
            folder,
            door,
            names,
            context,
            ttl,
        } => {
            let folder = Some(Text(connect::parsed("folder", &folder)?));
            let context = context
                .map(|text| connect::parsed("context", &text).map(Text))
                .transpose()?;
            let ttl_seconds = ttl.map(Count::clamped);
            let mut names = names.into_iter();
            let issued = match door {
                Door::Hook => {
                    let label = names.next().ok_or_else(|| {
                        Refusal::invalid("label", "is required: the source's name, such as github")
                    })?;
                    let ask = IssueWebhook {
                        probe: false,
                        source_label: Text(connect::parsed("label", &label)?),
                        jid_suffix: suffix(names.next())?,
                        target_folder: folder,
                        context,
                        ttl_seconds,
                    };
                    desk.issue_webhook(ask).await?
                }
                Door::Web => {
                    let jid_suffix = suffix(names.next())?;
                    let ask = IssueChat {
                        jid_suffix,
                        target_folder: folder,
                        context,
                        ttl_seconds,
                    };
                    desk.issue_chat(ask).await?
                }
            };
            show(common, &issued)
        }
        Command::Ls { folder } => {
            let folder = folder
                .map(|text| connect::parsed("folder", &text).map(Text))
                .transpose()?;
            let list = desk.list_tokens(ListTokens { folder }).await?;
            if common.json {
                return Ok(list.tokens.iter().try_for_each(terminal::json)?);
            }
            let rows = list.tokens.into_iter().map(|token| {
                [
                    token.jid.0.to_string(),
                    token.owner_folder.0.to_string(),
                    token.created_at.0.to_string(),
                    token
                        .expires_at
                        .map_or_else(|| "never".to_owned(), |at| at.0.to_string()),
                    token
                        .last_used_at
                        .map_or_else(|| "never".to_owned(), |at| at.0.to_string()),
                    token
                        .context
                        .map_or_else(String::new, |context| context.0.as_str().to_owned()),
                ]
            });
            Ok(terminal::table(
                ["JID", "OWNER", "CREATED", "EXPIRES", "LAST USED", "CONTEXT"],
                rows.collect(),
                "no tokens yet; `doorbell token issue <folder> hook <label>` makes one",
            )?)
        }
        Command::Revoke { jid } => {
            let revoked = desk.revoke_token(connect::parsed("jid", &jid)?).await?;
            if common.json {
                return Ok(terminal::json(&revoked)?);
            }
            let tokens = if revoked.revoked == 1 {
                "token"
            } else {
                "tokens"
            };
            Ok(terminal::say(&format!(
                "Revoked {} {tokens} of {}",
                revoked.revoked, revoked.jid.0
            ))?)
        }
    }
}

fn suffix(text: Option<String>) -> Result<Option<Text<doorbell_core::label::Suffix>>, Failure> {
    text.map(|text| connect::parsed("suffix", &text).map(Text))
        .transpose()
}

/// The URL alone on standard output, so that a shell can catch it; the rest beside it.
fn show(common: &Common, issued: &IssuedToken) -> Result<(), Failure> {
    if common.json {
        return Ok(terminal::json(issued)?);
    }
    terminal::say(issued.url.as_ref().unwrap_or(&issued.token))?;
    let expires = issued
        .expires_at
        .as_ref()
        .map_or_else(|| "never".to_owned(), |at| at.0.to_string());
    terminal::explain(&format!(
        "{} (grant {}, expires {expires})\n\
         Paste the URL above into the sender's webhook settings. It is shown this once, and whoever\n\
         has it can post; revoke it with: doorbell token revoke {}",
        issued.jid.0, issued.grant_id.0, issued.jid.0
    ));
    Ok(())
}
