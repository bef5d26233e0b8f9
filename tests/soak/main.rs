//! The soak: a server under load for as long as it is told, through kills, restarts and a full disk.
//!
//! `cargo run --release -p e2e --bin soak -- --for 30m` builds the server, posts to it, drains what
//! arrives, mints and revokes, kills it and starts it again, fills its disk and frees it. The last part
//! is calm: nothing is killed, and what the process takes of the machine must stay as it is. At the end
//! every message that was answered 200 must have been handed out and acknowledged, once, and nothing
//! that was refused. What goes against that is a fault: it is printed, and the exit status is 1.

#![allow(clippy::print_stdout, reason = "it tells a person how it goes")]

mod churn;
mod client;
mod disk;
mod drain;
mod ledger;
mod scene;
mod senders;
mod vitals;
mod weather;

use std::{
    process::ExitCode,
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use e2e::server::Home;

use crate::{disk::Disk, scene::Scene, weather::Weather};

/// How much of the time is left to nothing but load.
const CALM: f64 = 0.4;

/// Loads, drains, kills and restarts a server, and looks whether anything was lost or grows.
#[derive(Parser)]
#[command(name = "soak")]
struct Cli {
    /// How long: 20s, 30m, 2h
    #[arg(long = "for", value_name = "TIME", default_value = "1m", value_parser = time)]
    how_long: Duration,
    /// How many post at once
    #[arg(long, value_name = "N", default_value_t = 6)]
    senders: usize,
}

fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err("a time is a number and s, m or h".into()),
    };
    let number: u64 = digits.parse().map_err(|_| "a time begins with a number")?;
    number
        .checked_mul(unit)
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs)
        .ok_or_else(|| "that is no time".into())
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Where that can be had; if not it says so and does without.
    if let Some(status) = disk::in_a_place_of_our_own() {
        return status;
    }
    let home = Home::new();
    let disk = Disk::under(&home);
    println!(
        "soak: {} s, {} senders, {disk}",
        cli.how_long.as_secs(),
        cli.senders
    );
    let server = home.serve_with(disk.flags());
    let scene = Scene::set(&server);
    let began = Instant::now();
    let rough = cli.how_long.mul_f64(1.0 - CALM);
    thread::scope(|scope| {
        let threads = senders::start(scope, &scene, cli.senders);
        drain::start(scope, &scene);
        let churn = scope.spawn(|| churn::run(&scene));
        let weather = scope.spawn(|| {
            let mut weather = Weather::new(server, &disk, &scene, cli.how_long);
            weather.rough(began + rough);
            weather.calm(began + cli.how_long);
            weather
        });
        let weather = weather.join().expect("the weather does not panic");
        scene.sending.store(false, Ordering::Relaxed);
        for sender in threads {
            sender.join().expect("a sender does not panic");
        }
        // What it revokes last is to be refused by a server that is there.
        churn.join().expect("who mints does not panic");
        scene.finish();
        weather.end();
    });
    let faults = scene.ledger.faults();
    println!("{}", scene.summary());
    for fault in &faults {
        println!("!! {fault}");
    }
    println!("{} faults in {} s", faults.len(), began.elapsed().as_secs());
    if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        println!("{} keeps what was printed", home.dir().display());
        ExitCode::FAILURE
    }
}
