//! A server with a million messages pending is as fast as an empty one.

use super::{preflight, swapped, timed};
use crate::Outcome;
use crate::figure::{Bound, Figure, median};
use crate::load::{self, MessageId, Target, Until};
use crate::plan::Plan;
use crate::server::Doorbell;

/// A server with so many pending (a million, but in a smoke run), and their ids.
pub(super) fn filled(plan: &Plan) -> Outcome<(Doorbell, Target, Vec<MessageId>)> {
    let (server, target) = preflight::start(plan, &[])?;
    let million = plan.sized(1_000_000, 5_000);
    let fill = load::run(&target, 256, &Until::Count(million), true)?;
    Ok((server, target, fill.ids))
}

/// The rate of such a server beside one that was just started.
pub(super) fn measure(plan: &Plan) -> Outcome<Vec<Figure>> {
    let (_server, full, ids) = filled(plan)?;
    let million = ids.len();
    let rate = |target: &Target| load::run(target, 256, &timed(plan), false).map(|it| it.rate());
    let (mut many, mut few) = (Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        // A fresh one each round, or it would soon have a million pending itself.
        let (_small, target) = preflight::start(plan, &[])?;
        load::run(&target, 256, &Until::Count(1_000), false)?;
        if swapped(round) {
            many.push(rate(&full)?);
            few.push(rate(&target)?);
        } else {
            few.push(rate(&target)?);
            many.push(rate(&full)?);
        }
    }
    Ok(vec![Figure {
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
    }])
}
