//! `doorbell run`: a terminal program, live as a session.

mod attached;
mod notes;
mod server;
mod user;

use std::{ffi::OsString, io, process::ExitCode, time::Duration};

use clap::Args;
use doorbell_core::{folder::Folder, label::SessionId};

use self::{attached::Attached, notes::Notes, server::Server, user::User};
use super::{Common, Failure, background, connect, terminal};
use crate::{
    desk::Desk,
    session::{
        pty::{self, Pace, Program},
        said::Commands,
    },
    wire::{OpenSession, SessionEntry, Text},
};

/// How long the end may take while the server does not answer.
const FAREWELL: Duration = Duration::from_secs(3);

/// Arguments of `doorbell run`.
#[derive(Args, Debug)]
pub(super) struct Run {
    /// The session's name; without it one is made up, and it ends with the program
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Whose session it is: acme/eng. An agent's key has a folder of its own
    #[arg(long)]
    folder: Option<String>,
    /// Let what is said begin with a command sign (! / # @ \ $ &) without a name before it
    #[arg(long)]
    allow_commands: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(super) async fn run(common: &Common, args: Run) -> Result<ExitCode, Failure> {
    let folder: Option<Folder> = args
        .folder
        .map(|text| connect::parsed("folder", &text))
        .transpose()?;
    let name: Option<SessionId> = args
        .session
        .map(|text| connect::parsed("session", &text))
        .transpose()?;
    let receiver = connect::receiver_name("run");
    let desk =
        background::find_or_start(common.data_dir()?, folder.clone(), receiver.clone()).await?;
    let ask = OpenSession {
        probe: false,
        id: name.clone().map(Text),
        folder: None,
    };
    let session = desk.open_session(ask).await?;
    let server = Server::new(common.data_dir()?, folder, receiver, session.id.0.clone());
    let notes = Notes::beside(common.data_dir()?.run_log_file(&session.id.0));
    // Attached before the program starts: where another program is, this one does not start.
    let commands = match args.allow_commands {
        true => Commands::Allowed,
        false => Commands::Disarmed,
    };
    let mut attached = Attached::attach(&server, notes.clone(), commands).await?;
    let code = relay(args.command, &session, &mut attached).await;
    let over = async {
        attached.detach().await;
        if name.is_none() {
            server.end_session().await;
        }
    };
    // A server that is away finds out by itself: the session ends with its last attachment, and
    // what was typed and not acknowledged comes again.
    let _ = tokio::time::timeout(FAREWELL, over).await;
    for note in notes.for_the_end() {
        terminal::explain(&terminal::printable(&note));
    }
    Ok(ExitCode::from(code?))
}

/// Runs the program at the user's terminal, which is as it was when this returns.
async fn relay(
    command: Vec<OsString>,
    session: &SessionEntry,
    attached: &mut Attached,
) -> io::Result<u8> {
    let (user, ends) = User::begin()?;
    let program = Program {
        command,
        environment: vec![
            ("DOORBELL_SESSION".into(), session.id.0.as_str().into()),
            ("DOORBELL_FOLDER".into(), session.folder.0.as_str().into()),
        ],
        like: user.terminal_before(),
        size: pty::size(),
        to_terminal: user.reads_at_a_terminal(),
    };
    user.enter()?;
    let ended = pty::relay(&program, ends, attached, Pace::default()).await;
    user.leave().await;
    Ok(ended.unwrap_or_else(|error| {
        terminal::complain(&error.to_string());
        error.exit_code()
    }))
}
