//! A server with a million messages pending: as fast as an empty one, and soon back after a kill.

use super::{preflight, restart, swapped, timed};
use crate::Outcome;
use crate::figure::{Bound, Figure, median};
use crate::load::{self, Target, Until};
use crate::plan::Plan;

/// Fills a server once and asks both questions of it.
pub(super) fn measure(plan: &Plan) -> Outcome<Vec<Figure>> {
    let million = plan.sized(1_000_000, 5_000);
    let (server, target) = preflight::start(plan, &[])?;
    let fill = load::run(&target, 256, &Until::Count(million), true)?;
    let mut figures = Vec::new();
    if plan.wants(&["pending"]) {
        figures.push(pending(plan, &target, million)?);
    }
    if plan.wants(&["restart", "kept"]) {
        figures.extend(restart::measure(plan, server, &target, &fill.ids)?);
    }
    Ok(figures)
}

fn pending(plan: &Plan, full: &Target, million: u64) -> Outcome<Figure> {
    let rate = |target: &Target| load::run(target, 256, &timed(plan), false).map(|it| it.rate());
    let (mut many, mut few) = (Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        // A fresh one each round, or it would soon have a million pending itself.
        let (_small, target) = preflight::start(plan, &[])?;
        load::run(&target, 256, &Until::Count(1_000), false)?;
        if swapped(round) {
            many.push(rate(full)?);
            few.push(rate(&target)?);
        } else {
            few.push(rate(&target)?);
            many.push(rate(full)?);
        }
    }
    Ok(Figure {
        name: "pending",
        meaning: "the rate with a million pending / with a thousand",
        unit: "",
        samples: many
            .iter()
            .zip(&few)
            .map(|(many, few)| many / few)
            .collect(),
        bound: Some(Bound::AtLeast(0.95)),
        behind: format!(
            "{:.0}/s with {million} and more, {:.0}/s with 1,000 and more, 256 connections",
            median(&many),
            median(&few)
        ),
    })
}
