//! What is measured: the issues' figures, each in the file of its subject.

mod disk;
mod drain;
mod memory;
mod million;
mod noise;
mod preflight;
mod rate;
mod restart;
mod routes;
mod shares;
mod uploads;
mod wake;

use crate::Outcome;
use crate::figure::Figure;
use crate::load::Until;
use crate::plan::Plan;

/// Some figures that come of one run.
pub(crate) struct Measure {
    /// Their names.
    pub(crate) rows: &'static [&'static str],
    /// Measures them, all or those that the plan wants.
    pub(crate) run: fn(&Plan) -> Outcome<Vec<Figure>>,
}

/// All measures in the order of the report.
pub(crate) fn all() -> [Measure; 13] {
    [
        Measure {
            rows: &["noise"],
            run: noise::measure,
        },
        Measure {
            rows: &["rate64"],
            run: rate::at_64,
        },
        Measure {
            rows: &["rate256", "p99", "memory-run"],
            run: rate::at_256,
        },
        Measure {
            rows: &["routes", "routes-cpu"],
            run: routes::measure,
        },
        Measure {
            rows: &["drain64"],
            run: drain::at_64,
        },
        Measure {
            rows: &["drain256"],
            run: drain::at_256,
        },
        Measure {
            rows: &["wake"],
            run: wake::measure,
        },
        Measure {
            rows: &["shares", "shares-p99"],
            run: shares::measure,
        },
        Measure {
            rows: &["memory-idle"],
            run: memory::idle,
        },
        Measure {
            rows: &["uploads", "uploads-peak", "uploads-fixed"],
            run: uploads::measure,
        },
        Measure {
            rows: &["disk", "given-back"],
            run: disk::measure,
        },
        Measure {
            rows: &["pending"],
            run: million::measure,
        },
        Measure {
            rows: &["restart", "kept"],
            run: restart::measure,
        },
    ]
}

/// A timed load by the plan.
fn timed(plan: &Plan) -> Until {
    Until::Elapsed {
        warm_up: plan.warm_up,
        window: plan.window,
    }
}

/// Runs the few calls that are not under measure.
fn wait<T>(calls: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(calls)
}

/// Whether the second of two sides goes first this round: what one leaves behind (dirty pages, a
/// warm core) must not always fall on the other.
fn swapped(round: u32) -> bool {
    round % 2 == 1
}
