//! `doorbell channel`: capabilities to speak to a session.

use clap::Subcommand;
use doorbell_core::{grant::GrantId, label::SessionId};

use super::{
    Common, Failure,
    clock::Times,
    connect,
    list::{Column, List},
    terminal, ttl,
};
use crate::{
    config::{Period, command_line},
    desk::Desk,
    refusal::Refusal,
    wire::{ExposeChannel, Text},
};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Make a URL that says something to one session
    ///
    /// Whoever has it can speak to the session until it expires or is revoked: a CI job, a cron
    /// line, another agent. It is shown this once. What is said while nothing is attached to the
    /// session waits there.
    #[command(after_help = "Examples:
  doorbell channel expose --session build
  doorbell channel expose --session build --ttl 7d --label ci")]
    Expose {
        /// Which session, as `session ls` shows it
        #[arg(long, value_name = "ID")]
        session: String,
        /// What its holder may do [send_input]
        #[arg(long)]
        verb: Option<String>,
        /// How long it lives: 15m, 1h, 7d; 0: as long as the server says, 30 days as a rule [0]
        #[arg(long, value_name = "TIME")]
        ttl: Option<Period>,
        /// What to call it in lists, and as the sender of its messages
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
    },
    /// List channel grants, the revoked ones too, never the tokens themselves
    #[command(after_help = "Examples:
  doorbell channel ls
  doorbell channel ls --json")]
    Ls {
        #[command(flatten)]
        times: Times,
    },
    /// Revoke a channel grant, at once
    #[command(after_help = "Examples:
  doorbell channel revoke 01K9GQ5W7E1T3N8ZB4C6D2F0HA")]
    Revoke {
        /// Its id, as `channel ls` shows it
        grant_id: String,
    },
}

/// Says of a session that is not there, or no more, how there comes to be one.
fn with_a_cure(refusal: Refusal, session: &SessionId) -> Refusal {
    let cured = |why: String| {
        let run = command_line(&format!("run --session {session} -- <command>"));
        format!("{why}; begin it with: {run}")
    };
    match refusal {
        Refusal::NotFound(why) => Refusal::NotFound(cured(why)),
        Refusal::Gone(why) => Refusal::Gone(cured(why)),
        other => other,
    }
}

const COLUMNS: [Column; 8] = [
    Column::whole("GRANT ID"),
    Column::cut("CHANNEL", 12).keeping_end(),
    Column::whole("REVOKED").spare(1),
    Column::cut("LABEL", 8).spare(2),
    Column::whole("LAST USED").spare(3),
    Column::whole("EXPIRES").spare(4),
    Column::cut("OWNER", 8).spare(5),
    Column::whole("VERB").spare(6),
];

pub(super) async fn run(common: &Common, command: Command) -> Result<(), Failure> {
    let desk = connect::desk(common, None)?;
    match command {
        Command::Expose {
            session,
            verb,
            ttl,
            label,
        } => {
            let session: SessionId = connect::parsed("session", &session)?;
            let ask = ExposeChannel {
                probe: false,
                session_id: Some(Text(session.clone())),
                verb: verb
                    .map(|text| connect::parsed("verb", &text).map(Text))
                    .transpose()?,
                ttl_seconds: ttl::seconds(ttl)?,
                label: label
                    .map(|text| connect::parsed("label", &text).map(Text))
                    .transpose()?,
            };
            let exposed = desk.expose_channel(ask).await;
            let exposed = exposed.map_err(|refusal| with_a_cure(refusal, &session))?;
            if common.json {
                return Ok(terminal::json(&exposed)?);
            }
            terminal::say(&format!(
                "Channel:  {}\nGrant ID: {}\nWebhook:  {}\nExpires:  {}",
                exposed.channel, exposed.grant_id.0, exposed.url, exposed.expires_at.0
            ))?;
            Ok(())
        }
        Command::Ls { times } => {
            let found = desk.list_channels().await?;
            if common.json {
                return Ok(found.grants.iter().try_for_each(terminal::json)?);
            }
            let mut list = List::new(times, COLUMNS);
            for grant in found.grants {
                list.row([
                    grant.grant_id.0.to_string(),
                    grant.channel,
                    list.time_or(grant.revoked_at.map(|at| at.0), "-"),
                    grant
                        .label
                        .map_or_else(String::new, |label| label.0.to_string()),
                    list.time_or(grant.last_used_at.map(|at| at.0), "-"),
                    list.time_or(grant.expires_at.map(|at| at.0), "-"),
                    grant.owner_folder.0.to_string(),
                    grant.verb.0.to_string(),
                ]);
            }
            Ok(list.print(&format!(
                "no channels; open one with: {}",
                command_line("channel expose --session <id>")
            ))?)
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
