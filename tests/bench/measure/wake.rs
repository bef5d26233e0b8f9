//! How long after the 200 landed a waiting `receive` has the message.

use super::{preflight, wait};
use crate::Outcome;
use crate::connection::Connection;
use crate::figure::{Bound, Figure, median};
use crate::plan::Plan;
use crate::request::{DeliveryId, Request};
use std::time::{Duration, Instant};

/// Rings a waiting receiver some hundred times.
pub(super) fn measure(plan: &Plan) -> Outcome<Vec<Figure>> {
    let (server, target) = preflight::start(plan, &[])?;
    let trials = plan.sized(50, 10);
    let (mut samples, mut all) = (Vec::new(), Vec::new());
    wait(async {
        let mut control = server.client().await?;
        let mut door = Connection::open(target.address).await?;
        let mut request = Request::new(&target.token);
        let mut id = DeliveryId::series();
        for _ in 0..plan.rounds {
            let mut round = Vec::new();
            for trial in 0..trials {
                id = id.next();
                let bytes = request.stamped(id);
                let post = async {
                    // Nobody outside can see that the receiver waits by now; it had the time to.
                    // The odd millisecond keeps the trials out of step with any timer.
                    tokio::time::sleep(Duration::from_millis(10 + trial % 7)).await;
                    let status = door.exchange(bytes).await?.status;
                    Ok((status, Instant::now()))
                };
                let receive = async {
                    let ids = control.receive(20).await?;
                    Ok((ids, Instant::now()))
                };
                let ((status, landed), (ids, received)): ((u16, _), (Vec<String>, _)) =
                    tokio::try_join!(post, receive)
                        .map_err(|error: Box<dyn std::error::Error + Send + Sync>| error)?;
                if status != 200 || ids.len() != 1 {
                    return Err(format!("{status}, and {} messages of one", ids.len()).into());
                }
                round.push(received.saturating_duration_since(landed).as_secs_f64() * 1000.0);
                control.ack(&ids).await?;
            }
            samples.push(median(&round));
            all.extend(round);
        }
        Ok(())
    })?;
    all.sort_by(f64::total_cmp);
    Ok(vec![Figure {
        name: "wake",
        meaning: "a waiting receive has the message after the 200",
        unit: "ms",
        samples,
        bound: Some(Bound::AtMost(5.0)),
        behind: format!(
            "{} rings, {:.2} ms at p99, {:.2} ms at most",
            all.len(),
            all[(all.len() * 99 / 100).min(all.len() - 1)],
            all[all.len() - 1]
        ),
    }])
}
