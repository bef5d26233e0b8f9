//! `doorbell channel`: capabilities to speak to a session.

use clap::Subcommand;
use doorbell_core::grant::GrantId;

use super::{Common, Failure, connect, terminal};
use crate::{
    desk::Desk,
    wire::{Count, ExposeChannel, Text},
};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Sign a capability: whoever has its URL can speak to the session
    Expose {
        /// Which session, as `session ls` shows it
        #[arg(long, value_name = "ID")]
        session: String,
        /// What its holder may do [send_input]
        #[arg(long)]
        verb: Option<String>,
        /// Seconds until it dies; 0: 365 days
        #[arg(long, value_name = "SECONDS")]
        ttl: Option<u64>,
        /// What to call it in lists, and as the sender of its messages
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
    },
    /// List channel grants, the revoked ones too, never the tokens themselves
    Ls,
    /// Revoke a channel grant, at once
    Revoke {
        /// Its id, as `channel ls` shows it
        grant_id: String,
    },
}

pub(super) async fn run(common: &Common, command: Command) -> Result<(), Failure> {
    let desk = connect::desk(common, None)?;
    match command {
        Command::Expose {
            session,
            verb,
            ttl,
            label,
        } => {
            let ask = ExposeChannel {
                probe: false,
                session_id: Some(Text(connect::parsed("session", &session)?)),
                verb: verb
                    .map(|text| connect::parsed("verb", &text).map(Text))
                    .transpose()?,
                ttl_seconds: ttl.map(Count::clamped),
                label: label
                    .map(|text| connect::parsed("label", &text).map(Text))
                    .transpose()?,
            };
            let exposed = desk.expose_channel(ask).await?;
            if common.json {
                return Ok(terminal::json(&exposed)?);
            }
            terminal::say(&format!(
                "Channel:  {}\nGrant ID: {}\nWebhook:  {}\nExpires:  {}",
                exposed.channel, exposed.grant_id.0, exposed.url, exposed.expires_at.0
            ))?;
            Ok(())
        }
        Command::Ls => {
            let list = desk.list_channels().await?;
            if common.json {
                return Ok(list.grants.iter().try_for_each(terminal::json)?);
            }
            let rows = list.grants.into_iter().map(|grant| {
                let time = |at: Option<Text<_>>| match at {
                    None => "-".to_owned(),
                    Some(Text(at)) => doorbell_core::time::Timestamp::to_string(&at),
                };
                [
                    grant.grant_id.0.to_string(),
                    grant.channel,
                    grant.verb.0.to_string(),
                    grant
                        .label
                        .map_or_else(String::new, |label| label.0.to_string()),
                    grant.owner_folder.0.to_string(),
                    time(grant.expires_at),
                    time(grant.revoked_at),
                    time(grant.last_used_at),
                ]
            });
            Ok(terminal::table(
                [
                    "GRANT ID",
                    "CHANNEL",
                    "VERB",
                    "LABEL",
                    "OWNER",
                    "EXPIRES",
                    "REVOKED",
                    "LAST USED",
                ],
                rows.collect(),
                "no channels; open one with: doorbell channel expose --session <id>",
            )?)
        }
        Command::Revoke { grant_id } => {
            let id: GrantId = connect::parsed("grant-id", &grant_id)?;
            let revoked = desk.revoke_channel(id).await?;
            if common.json {
                return Ok(revoked.grants.iter().try_for_each(terminal::json)?);
            }
            Ok(terminal::say(&format!("Revoked channel grant {id}"))?)
        }
    }
}
