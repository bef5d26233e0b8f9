//! The command line: a client of the running server like any other, but for `serve`.
//!
//! Exit codes: 0 done; 1 refused or failed, a well-formed value that is refused included; 2
//! arguments that do not parse.

mod connect;
mod key;
mod messages;
mod serve;
mod terminal;
mod token;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, error::ErrorKind};

use crate::{
    config::{DataDir, DataDirError, ServeArgs, SettingsError},
    refusal::Refusal,
};

/// Webhook URLs for AI agents.
///
/// Without a command, serves. An agent mints a URL over MCP, a human pastes it into some SaaS, and
/// whatever that posts lands in the agent's inbox, durable before the 200.
#[derive(Parser, Debug)]
#[command(
    name = "doorbell",
    version,
    propagate_version = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command takes.
#[derive(Args, Clone, Debug)]
struct Common {
    /// Where everything is kept [$XDG_DATA_HOME/doorbell]
    #[arg(long, global = true, env = "DOORBELL_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print JSON: one object, or one a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the server
    Serve(Box<ServeArgs>),
    /// Webhook URLs: issue, list, revoke
    #[command(subcommand)]
    Token(token::Command),
    /// API keys for agents: issue, list, revoke
    #[command(subcommand)]
    Key(key::Command),
    /// Messages: list, show, replay
    #[command(subcommand)]
    Messages(messages::Command),
}

/// Why a command ended badly.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The server, or a rule, said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Settings that cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The server could not run.
    #[error(transparent)]
    App(#[from] crate::app::AppError),
    /// Something on this machine.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl Common {
    fn data_dir(&self) -> Result<DataDir, DataDirError> {
        DataDir::find(self.data_dir.clone())
    }
}

/// Runs the program.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match parse(&args) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // Nothing is left to say if the terminal is gone.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match run(cli) {
        Ok(code) => code,
        Err(Failure::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            terminal::complain(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

/// `doorbell --listen …` means `doorbell serve --listen …`.
fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    let first = Cli::try_parse_from(args);
    let Err(error) = &first else { return first };
    if error.kind() != ErrorKind::UnknownArgument || args.is_empty() {
        return first;
    }
    let mut serve = args.to_vec();
    serve.insert(1, "serve".into());
    Cli::try_parse_from(serve).or(first)
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let common = cli.common;
    let command = cli
        .command
        .unwrap_or_else(|| Command::Serve(Box::default()));
    match command {
        Command::Serve(args) => serve::run(&common, *args),
        Command::Token(command) => client(token::run(&common, command)),
        Command::Key(command) => client(key::run(&common, command)),
        Command::Messages(command) => client(messages::run(&common, command)),
    }
}

/// Runs a client's command; one thread is enough for it.
fn client(command: impl Future<Output = Result<(), Failure>>) -> Result<ExitCode, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(command)?;
    Ok(ExitCode::SUCCESS)
}
