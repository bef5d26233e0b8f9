//! The command line: a client of the running server like any other, but for `serve`.
//!
//! Exit codes: 0 done; 1 refused or failed, a well-formed value that is refused included; 2
//! arguments that do not parse.

mod again;
mod background;
mod backup;
mod channel;
mod clock;
mod connect;
mod doctor;
#[cfg(test)]
mod examples;
mod grammar;
mod groups;
mod health;
mod key;
mod list;
mod listen;
mod log;
mod logs;
mod man;
mod mcp;
mod messages;
mod open;
mod own_server;
mod probe;
mod progress;
mod restore;
mod route;
#[cfg(unix)]
mod run;
mod serve;
mod session;
mod status;
mod stop;
mod stop_server;
mod summary;
mod terminal;
mod token;
mod ttl;
mod wait;
mod watch;

use std::{
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};

use crate::{
    config::{DataDir, DataDirError, ServeArgs, SettingsError, command_line, remember_call},
    refusal::Refusal,
};

/// Webhook URLs for AI agents.
///
/// Without a command, serves. An agent mints a URL over MCP, a human pastes it into some SaaS, and
/// whatever that posts lands in the agent's inbox, durable before the 200.
#[derive(Parser, Debug)]
#[command(name = "doorbell", version, propagate_version = true)]
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
    #[command(
        alias = "start",
        alias = "up",
        after_help = "Examples:
  doorbell
  doorbell serve --public-url https://bell.example.com
  doorbell serve --listen 0.0.0.0:8787 --retain 30d --max-disk 10GiB"
    )]
    Serve(Box<ServeArgs>),
    /// Webhook URLs for agents: issue, list, revoke
    #[command(subcommand)]
    Token(token::Command),
    /// API keys for agents: issue, list, revoke
    #[command(subcommand)]
    Key(key::Command),
    /// URLs that say something to one session: expose, list, revoke
    #[command(subcommand)]
    Channel(channel::Command),
    /// Rules that say where messages go: add, list, remove, test
    #[command(subcommand)]
    Route(route::Command),
    /// Running agents: list, end
    #[command(subcommand)]
    Session(session::Command),
    /// The log of what arrived: list, show, replay
    #[command(subcommand)]
    Messages(messages::Command),
    Listen(listen::Listen),
    Watch(watch::Watch),
    Wait(wait::Wait),
    /// Serve MCP over stdio, for a client that starts its servers
    ///
    /// Talks to the running server, and starts one in the background if none runs on this machine;
    /// that one's log is server.log in the data directory.
    ///
    /// With --channel it also pushes what arrives into Claude Code, which has to be started with
    /// --channels, or with --dangerously-load-development-channels server:doorbell.
    ///
    /// Examples:
    ///   claude mcp add doorbell -- doorbell mcp --folder acme/eng
    ///   claude mcp add doorbell -- doorbell mcp --folder acme/eng --channel --session build
    #[command(verbatim_doc_comment)]
    Mcp(mcp::Mcp),
    /// Run a program that channels can type into
    ///
    /// It runs in a terminal of its own. The program behaves as if it were run bare. What arrives at its session is typed and
    /// submitted between two of your keys: what channels bring as it is, without control
    /// characters, and of a routed webhook one line that says where it can be read. The program
    /// finds its session in DOORBELL_SESSION and its folder in DOORBELL_FOLDER.
    ///
    /// A session that is named outlives the program, and keeps what is said meanwhile. The exit
    /// status is the program's, or 128 and the number of the signal that killed it. Starts a server
    /// in the background if none runs on this machine. Nothing is printed beside the program;
    /// trouble is noted in run-SESSION.log in the data directory.
    ///
    /// Examples:
    ///   doorbell run --folder acme/eng --session build -- claude
    ///   doorbell channel expose --session build
    #[cfg(unix)]
    #[command(verbatim_doc_comment)]
    Run(run::Run),
    /// Open the dashboard in a browser, signed in
    ///
    /// By a link that signs in whoever opens it first, once and within 60 s. Where there is no
    /// browser the link is printed, to be opened in another.
    ///
    /// Examples:
    ///   doorbell open
    ///   ssh server doorbell open --print
    #[command(verbatim_doc_comment, alias = "dashboard", alias = "ui")]
    Open(open::Open),
    /// Say what runs with this data directory, and where
    ///
    /// Exits 0 if a server runs and is ready, else 1.
    ///
    /// Example:
    ///   doorbell status --json
    #[command(verbatim_doc_comment, alias = "ps")]
    Status,
    /// Stop the server of this data directory, and wait for its end
    ///
    /// What is in flight is finished, and nothing that was accepted is lost. A server that `doorbell
    /// mcp` or `run` started in the background is stopped so too.
    ///
    /// Example:
    ///   doorbell stop
    #[command(
        verbatim_doc_comment,
        alias = "shutdown",
        alias = "kill",
        alias = "down"
    )]
    Stop(stop_server::StopServer),
    /// There is none: it says what does it
    #[command(hide = true)]
    Restart,
    /// Print the log of a server in the background
    ///
    /// It is server.log in the data directory, up to 10 MiB of it, and two older ones beside it. A
    /// server in a terminal logs there, and a service to the journal: journalctl -u doorbell.
    ///
    /// Examples:
    ///   doorbell logs -n 50
    ///   doorbell logs -f
    #[command(verbatim_doc_comment, alias = "log")]
    Logs(logs::Logs),
    /// Try that everything works, and say what is wrong and what to type
    ///
    /// Looks at the data directory, the settings and the server, then mints a URL in a scratch
    /// folder, posts a real message to it, receives, acknowledges and revokes. Calls nobody outside
    /// this machine unless --public is given. Exits 1 if anything is wrong.
    ///
    /// With --store it looks at the files on the disk instead, while no server runs on them: every
    /// page, row and record. What is damaged is named; --salvage writes what is whole elsewhere.
    #[command(after_help = "Examples:
  doorbell doctor
  doorbell doctor --public
  doorbell doctor --store --salvage /srv/doorbell-salvaged")]
    Doctor(doctor::Doctor),
    /// Say whether the server is ready: exits 0 if it is, else 1
    ///
    /// For what looks after a server: a container's health check, a script. It needs no key.
    #[command(after_help = "Examples:
  doorbell health
  doorbell health --json")]
    Health,
    /// Copy everything to a file, consistently, while the server serves
    ///
    /// The file appears whole or not at all, for its owner's eyes alone; one that is there already
    /// is left alone, unless --force is given. Put it back with `doorbell restore`.
    ///
    /// Examples:
    ///   doorbell backup doorbell-2026-11-21.bak
    ///   doorbell backup - | gzip > doorbell.bak.gz
    #[command(verbatim_doc_comment)]
    Backup(backup::Backup),
    /// Put a backup back, into an empty data directory
    ///
    /// There must be no store in it, and no server on it. Nothing is put in place unless the backup is whole.
    ///
    /// Example:
    ///   doorbell restore doorbell-2026-11-21.bak --data-dir /var/lib/doorbell
    #[command(verbatim_doc_comment)]
    Restore(restore::Restore),
    /// Print the manual page, or write one for each command
    ///
    /// Examples:
    ///   doorbell man | man -l -
    ///   doorbell man --dir /usr/local/share/man/man1
    #[command(verbatim_doc_comment)]
    Man(man::Man),
    /// Print a shell's completions
    #[command(after_help = "Examples:
  doorbell completions bash > /etc/bash_completion.d/doorbell
  doorbell completions zsh > ~/.zfunc/_doorbell")]
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
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
    /// A backup was not put back.
    #[error(transparent)]
    NotRestored(#[from] restore::NotRestored),
    /// The MCP session broke off.
    #[error(transparent)]
    Mcp(#[from] crate::faces::mcp::StdioError),
    /// The server could not run.
    #[error(transparent)]
    App(#[from] crate::app::AppError),
    /// The command line's own grammar.
    #[error("{0}")]
    Grammar(clap::Error),
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
        Err(error) => return misread(&error, &args),
    };
    match run(cli) {
        Ok(code) => code,
        Err(Failure::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(Failure::Grammar(error)) => misread(&error, &args),
        Err(failure) => {
            terminal::complain(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Says what is wrong with the words, or the help that was asked for: the exit code.
fn misread(error: &clap::Error, args: &[OsString]) -> ExitCode {
    let code = match error.use_stderr() {
        false => 0,
        // To a hook, 2 means: wake up.
        true if is_wait(args) => 1,
        true => 2,
    };
    // Nothing is left to say if the terminal is gone.
    let _ = error.print();
    ExitCode::from(code)
}

/// Whether the command is `wait`, whatever is wrong with the rest.
fn is_wait(args: &[OsString]) -> bool {
    let mut args = args.iter().skip(1);
    while let Some(arg) = args.next() {
        if arg == "--data-dir" {
            args.next();
        } else if !arg.to_string_lossy().starts_with('-') {
            return arg == "wait";
        }
    }
    false
}

/// `doorbell --listen …` means `doorbell serve --listen …`.
fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    let first = read(args);
    let Err(error) = &first else { return first };
    if error.kind() != ErrorKind::UnknownArgument || args.is_empty() {
        return first;
    }
    let mut serve = args.to_vec();
    serve.insert(1, "serve".into());
    read(&serve).or(first)
}

fn read(args: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&whole().try_get_matches_from(args)?)
}

/// All commands, as help shows them.
fn whole() -> clap::Command {
    groups::grouped(Cli::command())
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let common = cli.common;
    remember_call(common.data_dir.as_deref());
    let command = cli
        .command
        .unwrap_or_else(|| Command::Serve(Box::default()));
    match command {
        Command::Serve(args) => serve::run(&common, *args),
        Command::Token(command) => client(token::run(&common, command)),
        Command::Key(command) => client(key::run(&common, command)),
        Command::Channel(command) => client(channel::run(&common, command)),
        Command::Route(command) => client(route::run(&common, command)),
        Command::Session(command) => client(session::run(&common, command)),
        Command::Messages(command) => client(messages::run(&common, command)),
        Command::Listen(args) => client(listen::run(&common, args)),
        Command::Watch(args) => client(watch::run(&common, args)),
        Command::Wait(args) => runtime()?.block_on(wait::run(&common, args)),
        Command::Mcp(args) => client(mcp::run(&common, args)),
        #[cfg(unix)]
        Command::Run(args) => runtime()?.block_on(run::run(&common, args)),
        Command::Doctor(args) => {
            let well = runtime()?.block_on(doctor::run(&common, args))?;
            Ok(if well {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        Command::Open(args) => client(open::run(&common, args)),
        Command::Status => runtime()?.block_on(status::run(&common)),
        Command::Stop(args) => client(stop_server::run(&common, args)),
        Command::Restart => Err(Refusal::Conflict(format!(
            "a server is started again by whatever started it: `{}`, then `{}`; a service: \
             systemctl restart doorbell",
            command_line("stop"),
            command_line("serve")
        ))
        .into()),
        Command::Logs(args) => client(logs::run(&common, args)),
        Command::Health => runtime()?.block_on(health::run(&common)),
        Command::Backup(args) => client(backup::run(&common, args)),
        Command::Restore(args) => {
            restore::run(&common, args)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Man(args) => {
            man::run(args, whole())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut whole(), "doorbell", &mut script);
            io::stdout().write_all(&script)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Runs a client's command; one thread is enough for it.
fn client(command: impl Future<Output = Result<(), Failure>>) -> Result<ExitCode, Failure> {
    runtime()?.block_on(command)?;
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}
