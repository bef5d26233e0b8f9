//! What an idle server holds.

use super::preflight;
use crate::Outcome;
use crate::figure::{Bound, Figure};
use crate::plan::Plan;
use std::time::Duration;

/// Resident memory of a server that has done one of everything and then nothing for two seconds.
pub(super) fn idle(plan: &Plan) -> Outcome<Vec<Figure>> {
    let mut samples = Vec::new();
    for _ in 0..plan.rounds.min(4) {
        let (server, _) = preflight::start(plan, &[])?;
        std::thread::sleep(Duration::from_secs(2));
        samples.push(server.resident()?);
    }
    Ok(vec![Figure {
        name: "memory-idle",
        meaning: "resident memory of an idle server",
        unit: "MiB",
        behind: format!("{} fresh starts", samples.len()),
        samples,
        bound: Some(Bound::AtMost(16.0)),
    }])
}
