//! The bench: what a durable 200 costs beside a handler that does nothing.
//!
//! `cargo run --release -p e2e --bin bench` builds the server, runs it and a no-op axum handler on
//! loopback in interleaved rounds, and prints each figure as a ratio with its spread and target.
//! Everything it writes is under one temporary directory; `TMPDIR` says which disk that is on.

mod connection;
mod consume;
mod control;
mod figure;
mod hostile;
mod load;
mod machine;
mod measure;
mod noop;
mod plan;
mod process;
mod report;
mod request;
mod server;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Any failure of the bench itself. Nobody branches on it: it is printed and the run is over.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures doorbell beside a no-op axum handler on this machine.
#[derive(Parser)]
#[command(name = "bench")]
struct Cli {
    #[command(subcommand)]
    mode: Option<Mode>,
    #[command(flatten)]
    plan: plan::Options,
}

#[derive(Subcommand)]
enum Mode {
    /// Serves the no-op handler on a free port of loopback and prints its address
    Noop,
    /// Attacks what standard input names until it ends
    #[command(hide = true)]
    Hostile,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.mode {
        Some(Mode::Noop) => noop::serve().map(|()| true),
        Some(Mode::Hostile) => hostile::attack().map(|()| true),
        None => run(&cli.plan),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what was asked for; `true` when every target was met.
fn run(options: &plan::Options) -> Outcome<bool> {
    let plan = options.plan()?;
    let machine = machine::Facts::gather(plan.temp())?;
    let mut report = report::Report::new(machine, &plan);
    report.print_heading()?;
    for measure in measure::all() {
        if plan.wants(measure.rows) {
            match (measure.run)(&plan) {
                Ok(figures) => {
                    for figure in figures.into_iter().filter(|it| plan.wants(&[it.name])) {
                        report.add(figure)?;
                    }
                }
                // A refusal under load is a finding; the other figures are still wanted.
                Err(error) => report.fail(measure.rows, error.to_string())?,
            }
            plan.clear()?;
        }
    }
    report.finish()
}
