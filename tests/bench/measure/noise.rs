//! The no-op beside itself: what a ratio of one looks like on this machine, at this hour.

use super::{swapped, timed};
use crate::Outcome;
use crate::figure::{Figure, median};
use crate::load::{self, Target};
use crate::plan::Plan;
use crate::server::Noop;

/// Two no-ops, measured as a doorbell and a no-op are.
pub(super) fn measure(plan: &Plan) -> Outcome<Vec<Figure>> {
    let (one, other) = (Noop::start()?, Noop::start()?);
    // A token's length, so that the bytes are as many as ever.
    let (one, other) = (one.target(&"t".repeat(53)), other.target(&"t".repeat(53)));
    let rate = |target: &Target| load::run(target, 256, &timed(plan), false).map(|it| it.rate());
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        if swapped(round) {
            second.push(rate(&other)?);
            first.push(rate(&one)?);
        } else {
            first.push(rate(&one)?);
            second.push(rate(&other)?);
        }
    }
    Ok(vec![Figure {
        name: "noise",
        meaning: "the no-op's rate at 256 connections / another no-op's",
        unit: "",
        samples: first
            .iter()
            .zip(&second)
            .map(|(first, second)| first / second)
            .collect(),
        bound: None,
        behind: format!("{:.0}/s and {:.0}/s", median(&first), median(&second)),
    }])
}
