//! `doorbell session`: running agents.

use clap::Subcommand;
use doorbell_core::label::SessionId;

use super::{Common, Failure, connect, terminal};
use crate::{desk::Desk, wire::SessionState};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// List sessions: live, idle, ended
    Ls,
    /// End a session, for good
    End {
        /// Its id, as `session ls` shows it
        id: String,
    },
}

pub(super) async fn run(common: &Common, command: Command) -> Result<(), Failure> {
    let desk = connect::desk(common, None)?;
    match command {
        Command::Ls => {
            let list = desk.list_sessions().await?;
            if common.json {
                return Ok(list.sessions.iter().try_for_each(terminal::json)?);
            }
            let rows = list.sessions.into_iter().map(|session| {
                let state = match session.state {
                    SessionState::Live => "live",
                    SessionState::Idle => "idle",
                    SessionState::Ended => "ended",
                };
                [
                    session.id.0.to_string(),
                    session.folder.0.to_string(),
                    state.to_owned(),
                    session.created_at.0.to_string(),
                    session
                        .ended_at
                        .map_or_else(|| "-".to_owned(), |at| at.0.to_string()),
                ]
            });
            Ok(terminal::table(
                ["ID", "FOLDER", "STATE", "CREATED", "ENDED"],
                rows.collect(),
                "no sessions; start one with: doorbell run -- <command>",
            )?)
        }
        Command::End { id } => {
            let id: SessionId = connect::parsed("id", &id)?;
            let ended = desk.end_session(id).await?;
            if common.json {
                return Ok(terminal::json(&ended)?);
            }
            Ok(terminal::say(&format!("Ended session {}", ended.id.0))?)
        }
    }
}
