//! The rate with every message leased and acknowledged meanwhile.
//!
//! The clock stops with the last ack: receivers that fall behind lower the figure.

use super::{preflight, swapped, timed};
use crate::Outcome;
use crate::consume::Consumers;
use crate::figure::{Bound, Figure, median};
use crate::load::{self, Target};
use crate::plan::Plan;
use crate::process::own_cpu;
use crate::server::{Doorbell, Noop};

/// At 64 connections.
pub(super) fn at_64(plan: &Plan) -> Outcome<Vec<Figure>> {
    measure(plan, "drain64", 64)
}

/// At 256 connections.
pub(super) fn at_256(plan: &Plan) -> Outcome<Vec<Figure>> {
    measure(plan, "drain256", 256)
}

struct Drained {
    rate: f64,
    behind: u64,
    /// Seconds from the last answer to the last ack.
    late: f64,
    /// Messages that a receive brought.
    lot: f64,
    /// Microseconds of processor time for each message, the server's and the bench's.
    server_cpu: f64,
    own_cpu: f64,
}

fn measure(plan: &Plan, name: &'static str, connections: usize) -> Outcome<Vec<Figure>> {
    let noop = Noop::start()?;
    let (server, target) = preflight::start(plan, &[])?;
    let beside = noop.target(&target.token);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        let yardstick =
            || load::run(&beside, connections, &timed(plan), false).map(|run| run.rate());
        if !swapped(round) {
            theirs.push(yardstick()?);
        }
        let drained = drained(plan, &server, &target, connections)?;
        ours.push(drained);
        if swapped(round) {
            theirs.push(yardstick()?);
        }
    }
    Ok(vec![Figure {
        name,
        meaning: "durable 200s, each leased and acked meanwhile / the no-op's rate",
        unit: "",
        samples: ours
            .iter()
            .zip(&theirs)
            .map(|(ours, theirs)| ours.rate / theirs)
            .collect(),
        bound: Some(Bound::AtLeast(0.42)),
        behind: format!(
            "doorbell {:.0}/s, no-op {:.0}/s, {} receivers {:.0} behind at the end and {:.1} s late, \
             {:.0} messages a receive; processor time of each message: doorbell {:.0} us, bench {:.0} us",
            middle(&ours, |it| it.rate),
            median(&theirs),
            plan.consumers,
            middle(&ours, |it| it.behind as f64),
            middle(&ours, |it| it.late),
            middle(&ours, |it| it.lot),
            middle(&ours, |it| it.server_cpu),
            middle(&ours, |it| it.own_cpu)
        ),
    }])
}

fn drained(
    plan: &Plan,
    server: &Doorbell,
    target: &Target,
    connections: usize,
) -> Outcome<Drained> {
    let (server_cpu, own) = (server.cpu()?, own_cpu()?);
    let consumers = Consumers::start(server, plan.consumers);
    let run = load::run(target, connections, &timed(plan), false)?;
    let behind = run.answered - consumers.acked().min(run.answered);
    let (last, lots) = consumers.finish(run.answered)?;
    let last = last.ok_or("nothing was acked")?;
    let drained = last.saturating_duration_since(run.began);
    let elapsed = run.elapsed.max(drained);
    let messages = run.answered as f64;
    Ok(Drained {
        rate: run.counted as f64 / elapsed.as_secs_f64(),
        behind,
        late: drained.saturating_sub(run.elapsed).as_secs_f64(),
        lot: messages / lots as f64,
        server_cpu: (server.cpu()? - server_cpu) * 1e6 / messages,
        own_cpu: (own_cpu()? - own) * 1e6 / messages,
    })
}

fn middle(rounds: &[Drained], figure: impl Fn(&Drained) -> f64) -> f64 {
    median(&rounds.iter().map(figure).collect::<Vec<_>>())
}
