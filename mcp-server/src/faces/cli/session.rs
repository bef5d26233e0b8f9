//! `doorbell session`: running agents.

use clap::Subcommand;
use doorbell_core::label::SessionId;

use super::{
    Common, Failure,
    clock::Times,
    connect,
    list::{Column, List},
    terminal,
};
use crate::{config::command_line, desk::Desk, wire::SessionState};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// List sessions: live, idle, ended
    #[command(after_help = "Examples:
  doorbell session ls
  doorbell session ls --json")]
    Ls {
        #[command(flatten)]
        times: Times,
    },
    /// End a session, for good
    ///
    /// The program that is attached to it goes on without it, and its channels' URLs say 410.
    #[command(after_help = "Examples:
  doorbell session end build")]
    End {
        /// Its id, as `session ls` shows it
        id: String,
    },
}

const COLUMNS: [Column; 5] = [
    Column::whole("ID"),
    Column::cut("FOLDER", 8).keeping_end(),
    Column::whole("STATE"),
    Column::whole("CREATED").spare(2),
    Column::whole("ENDED").spare(1),
];

pub(super) async fn run(common: &Common, command: Command) -> Result<(), Failure> {
    let desk = connect::desk(common, None)?;
    match command {
        Command::Ls { times } => {
            let found = desk.list_sessions().await?;
            if common.json {
                return Ok(found.sessions.iter().try_for_each(terminal::json)?);
            }
            let mut list = List::new(times, COLUMNS);
            for session in found.sessions {
                let state = match session.state {
                    SessionState::Live => "live",
                    SessionState::Idle => "idle",
                    SessionState::Ended => "ended",
                };
                list.row([
                    session.id.0.to_string(),
                    session.folder.0.to_string(),
                    state.to_owned(),
                    list.time(session.created_at.0),
                    list.time_or(session.ended_at.map(|at| at.0), "-"),
                ]);
            }
            Ok(list.print(&format!(
                "no sessions; start one with: {}",
                command_line("run -- <command>")
            ))?)
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
