//! The rate with every message leased and acknowledged meanwhile.
//!
//! The clock stops with the last ack: receivers that fall behind lower the figure.

use super::{preflight, swapped, timed};
use crate::Outcome;
use crate::consume::Consumers;
use crate::figure::{Bound, Figure, median};
use crate::load::{self, Target};
use crate::plan::Plan;
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
}

fn measure(plan: &Plan, name: &'static str, connections: usize) -> Outcome<Vec<Figure>> {
    let noop = Noop::start()?;
    let (server, target) = preflight::start(plan, &[])?;
    let beside = noop.target(&target.token);
    let (mut ours, mut theirs, mut behind) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        let yardstick =
            || load::run(&beside, connections, &timed(plan), false).map(|run| run.rate());
        if !swapped(round) {
            theirs.push(yardstick()?);
        }
        let drained = drained(plan, &server, &target, connections)?;
        ours.push(drained.rate);
        behind.push(drained.behind as f64);
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
            .map(|(ours, theirs)| ours / theirs)
            .collect(),
        bound: Some(Bound::AtLeast(0.42)),
        behind: format!(
            "doorbell {:.0}/s, no-op {:.0}/s, {} receivers {:.0} behind at the end",
            median(&ours),
            median(&theirs),
            plan.consumers,
            median(&behind)
        ),
    }])
}

fn drained(
    plan: &Plan,
    server: &Doorbell,
    target: &Target,
    connections: usize,
) -> Outcome<Drained> {
    let consumers = Consumers::start(server, plan.consumers);
    let run = load::run(target, connections, &timed(plan), false)?;
    let behind = run.answered - consumers.acked().min(run.answered);
    let last = consumers.finish(run.answered)?.ok_or("nothing was acked")?;
    let elapsed = run.elapsed.max(last.saturating_duration_since(run.began));
    Ok(Drained {
        rate: run.counted as f64 / elapsed.as_secs_f64(),
        behind,
    })
}
