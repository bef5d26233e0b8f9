//! What a thousand rules cost an arrival.

use super::{preflight, swapped, timed, wait};
use crate::Outcome;
use crate::figure::{Bound, Figure, median};
use crate::load;
use crate::plan::Plan;
use crate::server::Doorbell;
use serde_json::{Value, json};

/// How many rules are tried before the one that matches.
const RULES: u64 = 1_000;

const CONNECTIONS: usize = 64;

/// Two servers side by side, one of them with rules.
pub(super) fn measure(plan: &Plan) -> Outcome<Vec<Figure>> {
    let (plain, without) = preflight::start(plan, &[])?;
    let (ruled, with) = preflight::start(plan, &[])?;
    wait(async {
        let mut control = ruled.client().await?;
        for number in 0..plan.sized(RULES, 50) {
            control.set_route(&rule(number)).await?;
        }
        // Behind them all, so that each has been passed by.
        let last = json!({"x-github-event": "pus?"});
        let last = json!({"match": "hook:**", "headers": last, "target": "bench/a"});
        control.set_route(&last).await
    })?;
    let (mut rates, mut costs, mut plain_us, mut ruled_us) = (vec![], vec![], vec![], vec![]);
    for round in 0..plan.rounds {
        let sides = [(&plain, &without), (&ruled, &with)];
        let order = if swapped(round) { [1, 0] } else { [0, 1] };
        let mut sampled = [(0.0, 0.0); 2];
        for side in order {
            let (server, target) = sides[side];
            let before = server.cpu()?;
            let run = load::run(target, CONNECTIONS, &timed(plan), false)?;
            sampled[side] = (run.rate(), spent(server, before, run.answered)?);
        }
        let [plain, ruled] = sampled;
        rates.push(ruled.0 / plain.0);
        costs.push(ruled.1 / plain.1);
        plain_us.push(plain.1);
        ruled_us.push(ruled.1);
    }
    let behind = format!(
        "processor time of each request: {:.1} us without rules, {:.1} us with",
        median(&plain_us),
        median(&ruled_us)
    );
    Ok(vec![
        Figure {
            name: "routes",
            meaning: "rate with 1,000 header rules that apply / without rules",
            unit: "",
            samples: rates,
            bound: Some(Bound::AtLeast(0.9)),
            behind: behind.clone(),
        },
        Figure {
            name: "routes-cpu",
            meaning: "processor time of a request, likewise",
            unit: "",
            samples: costs,
            bound: Some(Bound::AtMost(1.1)),
            behind,
        },
    ])
}

/// Microseconds of processor time for each answer.
fn spent(server: &Doorbell, before: f64, answered: u64) -> Outcome<f64> {
    Ok((server.cpu()? - before) * 1e6 / answered as f64)
}

/// One that applies to the hook and asks for a header that each delivery has, and for a value that
/// none does: by itself, at its beginning, in its middle, or beside another that matches.
fn rule(number: u64) -> Value {
    let headers = match number % 4 {
        0 => json!({"x-github-event": format!("push-{number}")}),
        1 => json!({"user-agent": format!("GitHub-Hookshot/{number}.*")}),
        2 => json!({"user-agent": format!("*Hookshot?{number}*")}),
        _ => json!({"x-github-event": "push", "content-type": format!("*json; v={number}")}),
    };
    json!({"match": "hook:**", "headers": headers, "target": "bench/b"})
}
