//! Large bodies all at once: each is answered, and the memory they take has a roof.

use super::{preflight, wait};
use crate::Outcome;
use crate::connection::Connection;
use crate::figure::{Bound, Figure, median};
use crate::load::Target;
use crate::plan::Plan;
use crate::request::{DeliveryId, Request};
use std::sync::Arc;
use std::time::Duration;

/// The cap of the contract, exactly.
const UPLOAD_BYTES: usize = 1 << 20;

#[derive(Default)]
struct Burst {
    stored: u64,
    refused: u64,
    /// What befell the others, one of them.
    other: Option<String>,
    others: u64,
    peak: f64,
}

/// Bursts of 256, and of 512 to see that the peak does not follow.
pub(super) fn measure(plan: &Plan) -> Outcome<Vec<Figure>> {
    let rounds = plan.rounds.min(4);
    let (small, large) = (plan.sized(256, 32), plan.sized(512, 64));
    let (mut bursts, mut twice) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        // A server each: what one burst left in the allocator is not the next one's.
        bursts.push(fresh_burst(plan, small)?);
        twice.push(fresh_burst(plan, large)?);
    }
    let peaks = |bursts: &[Burst]| bursts.iter().map(|it| it.peak).collect::<Vec<_>>();
    let share =
        |it: &Burst| (it.stored + it.refused) as f64 / (it.stored + it.refused + it.others) as f64;
    let of = |count: fn(&Burst) -> u64| bursts.iter().map(count).sum::<u64>();
    let other = bursts.iter().chain(&twice).find_map(|it| it.other.clone());
    Ok(vec![
        Figure {
            name: "uploads",
            meaning: "1 MiB uploads at once that were answered 200 or 503",
            unit: "",
            samples: bursts.iter().chain(&twice).map(share).collect(),
            bound: Some(Bound::AtLeast(1.0)),
            behind: format!(
                "of {rounds} x {small}: {} stored, {} refused, {} neither{}",
                of(|it| it.stored),
                of(|it| it.refused),
                of(|it| it.others),
                other.map_or_else(String::new, |other| format!(" ({other})"))
            ),
        },
        Figure {
            name: "uploads-peak",
            meaning: "peak resident memory meanwhile",
            unit: "MiB",
            samples: peaks(&bursts),
            bound: None,
            behind: format!("{small} at once; no figure is asked but that it be fixed"),
        },
        Figure {
            name: "uploads-fixed",
            meaning: "that peak with twice the uploads / with half of them",
            unit: "",
            samples: twice
                .iter()
                .zip(&bursts)
                .map(|(two, one)| two.peak / one.peak)
                .collect(),
            bound: Some(Bound::AtMost(1.25)),
            behind: format!("{:.1} MiB with {large}", median(&peaks(&twice))),
        },
    ])
}

fn fresh_burst(plan: &Plan, count: u64) -> Outcome<Burst> {
    let (server, target) = preflight::start(plan, &[])?;
    server.forget_peak()?;
    let mut burst = wait(burst(&target, count))?;
    burst.peak = server.peak()?;
    Ok(burst)
}

async fn burst(target: &Target, count: u64) -> Outcome<Burst> {
    let body: Arc<Vec<u8>> = Arc::new(b"x".repeat(UPLOAD_BYTES));
    let mut request = Request::with_body(&target.token, &body);
    let mut uploads = tokio::task::JoinSet::new();
    for _ in 0..count {
        let connection = Connection::open(target.address).await?;
        request.stamped(DeliveryId::series());
        uploads.spawn(upload(
            connection,
            request.head().to_vec(),
            Arc::clone(&body),
        ));
    }
    let mut burst = Burst::default();
    while let Some(answer) = uploads.join_next().await {
        match answer? {
            Ok(200) => burst.stored += 1,
            Ok(503) => burst.refused += 1,
            Ok(status) => burst.count_other(format!("answered {status}")),
            Err(error) => burst.count_other(error.to_string()),
        }
    }
    Ok(burst)
}

impl Burst {
    fn count_other(&mut self, what: String) {
        self.others += 1;
        self.other = Some(what);
    }
}

async fn upload(mut connection: Connection, head: Vec<u8>, body: Arc<Vec<u8>>) -> Outcome<u16> {
    let answer = connection.exchange_at_once(&head, &body);
    tokio::time::timeout(Duration::from_secs(60), answer)
        .await
        .map_err(|_| "hung for a minute")?
}
