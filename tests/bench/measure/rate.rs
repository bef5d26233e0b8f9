//! Durable 200s beside the no-op's 204s.

use super::{preflight, swapped, timed};
use crate::Outcome;
use crate::figure::{Bound, Figure, median};
use crate::load::{self, Run, Target};
use crate::plan::Plan;
use crate::process::own_cpu;
use crate::server::Noop;

struct Round {
    noop: Side,
    doorbell: Side,
}

struct Side {
    run: Run,
    /// Microseconds of processor time for each request, the server's and the generator's.
    server_cpu: f64,
    own_cpu: f64,
}

/// At 64 connections.
pub(super) fn at_64(plan: &Plan) -> Outcome<Vec<Figure>> {
    let (rounds, _) = rounds(plan, 64)?;
    Ok(vec![ratio("rate64", Bound::AtLeast(0.42), &rounds)])
}

/// At 256 connections: the rate, the tail, and the memory it takes.
pub(super) fn at_256(plan: &Plan) -> Outcome<Vec<Figure>> {
    let (rounds, peaks) = rounds(plan, 256)?;
    let tail = |run: &Run| run.quantile(0.99);
    let p99 = Figure {
        name: "p99",
        meaning: "p99 at 256 connections / the no-op's",
        unit: "",
        samples: rounds
            .iter()
            .map(|it| tail(&it.doorbell.run) / tail(&it.noop.run))
            .collect(),
        bound: Some(Bound::AtMost(2.0)),
        behind: format!(
            "doorbell {:.1} ms (median {:.1}), no-op {:.1} ms (median {:.1})",
            middle(&rounds, |it| tail(&it.doorbell.run)),
            middle(&rounds, |it| it.doorbell.run.quantile(0.5)),
            middle(&rounds, |it| tail(&it.noop.run)),
            middle(&rounds, |it| it.noop.run.quantile(0.5))
        ),
    };
    let memory = Figure {
        name: "memory-run",
        meaning: "peak resident memory in a round at 256 connections",
        unit: "MiB",
        behind: format!(
            "{} messages by the end",
            rounds
                .iter()
                .map(|it| it.doorbell.run.answered)
                .sum::<u64>()
        ),
        samples: peaks,
        bound: Some(Bound::AtMost(96.0)),
    };
    Ok(vec![
        ratio("rate256", Bound::AtLeast(0.5), &rounds),
        p99,
        memory,
    ])
}

/// The rounds, and the server's peak memory in each, in MiB.
fn rounds(plan: &Plan, connections: usize) -> Outcome<(Vec<Round>, Vec<f64>)> {
    let noop = Noop::start()?;
    let (server, target) = preflight::start(plan, &[])?;
    let beside = noop.target(&target.token);
    let mut peaks = Vec::new();
    let mut rounds = Vec::new();
    for round in 0..plan.rounds {
        let ours = || side(plan, &target, connections, || server.cpu());
        let theirs = || side(plan, &beside, connections, || noop.cpu());
        server.forget_peak()?;
        rounds.push(if swapped(round) {
            let doorbell = ours()?;
            Round {
                noop: theirs()?,
                doorbell,
            }
        } else {
            Round {
                noop: theirs()?,
                doorbell: ours()?,
            }
        });
        peaks.push(server.peak()?);
    }
    Ok((rounds, peaks))
}

fn side(
    plan: &Plan,
    target: &Target,
    connections: usize,
    cpu: impl Fn() -> Outcome<f64>,
) -> Outcome<Side> {
    let (server, own) = (cpu()?, own_cpu()?);
    let run = load::run(target, connections, &timed(plan), false)?;
    let each = |seconds: f64| seconds * 1e6 / run.answered as f64;
    let (server_cpu, own_cpu) = (each(cpu()? - server), each(own_cpu()? - own));
    Ok(Side {
        run,
        server_cpu,
        own_cpu,
    })
}

fn ratio(name: &'static str, bound: Bound, rounds: &[Round]) -> Figure {
    Figure {
        name,
        meaning: "durable 200s / the no-op's rate",
        unit: "",
        samples: rounds
            .iter()
            .map(|it| it.doorbell.run.rate() / it.noop.run.rate())
            .collect(),
        bound: Some(bound),
        behind: format!(
            "doorbell {:.0}/s, no-op {:.0}/s; processor time of each request: \
             doorbell {:.0} us, no-op {:.0} us, generator {:.0} and {:.0} us",
            middle(rounds, |it| it.doorbell.run.rate()),
            middle(rounds, |it| it.noop.run.rate()),
            middle(rounds, |it| it.doorbell.server_cpu),
            middle(rounds, |it| it.noop.server_cpu),
            middle(rounds, |it| it.doorbell.own_cpu),
            middle(rounds, |it| it.noop.own_cpu)
        ),
    }
}

fn middle(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> f64 {
    median(&rounds.iter().map(figure).collect::<Vec<_>>())
}
