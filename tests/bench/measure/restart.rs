//! kill -9 under load: how soon it serves again, and whether it still has what it said it has.

use super::{million, swapped, wait};
use crate::Outcome;
use crate::connection::Connection;
use crate::consume::Consumers;
use crate::figure::{Bound, Figure};
use crate::load::{self, MessageId, Until};
use crate::plan::Plan;
use crate::request::{DeliveryId, Request};
use crate::server::Doorbell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Ids of the fill that are looked up after each kill.
const SAMPLE: usize = 2_000;

/// Kills the server while senders post to it, in every second round while receivers drain it too.
pub(super) fn measure(plan: &Plan) -> Outcome<Vec<Figure>> {
    let (mut server, mut target, filled) = million::filled(plan)?;
    let (mut seconds, mut kept) = (Vec::new(), Vec::new());
    let (mut looked_up, mut acked) = (0, 0);
    for round in 0..plan.rounds.min(4) {
        let told = Arc::new(AtomicBool::new(false));
        let consumers = swapped(round).then(|| Consumers::start(&server, plan.consumers));
        let senders = {
            let (target, told) = (target.clone(), Arc::clone(&told));
            std::thread::spawn(move || load::run(&target, 64, &Until::Death(told), true))
        };
        // Load is what a kill should fall into; this is how much.
        std::thread::sleep(Duration::from_secs(1));
        told.store(true, Ordering::SeqCst);
        let killed = Instant::now();
        let data = server.kill();
        server = Doorbell::start(&plan.doorbell, &data, &[])?;
        target.address = server.hook;
        wait(first_200(server.hook, &target.token))?;
        seconds.push(killed.elapsed().as_secs_f64());

        let run = senders.join().map_err(|_| "the senders panicked")??;
        acked += consumers.map_or(0, Consumers::abandon);
        let step = (filled.len() / SAMPLE).max(1);
        let due: Vec<_> = run
            .ids
            .iter()
            .chain(filled.iter().step_by(step))
            .copied()
            .collect();
        looked_up += due.len();
        kept.push(wait(share_kept(&server, &due))?);
    }
    Ok(vec![
        Figure {
            name: "restart",
            meaning: "from kill -9 with a million pending to the next 200",
            unit: "s",
            samples: seconds,
            bound: Some(Bound::AtMost(1.5)),
            behind: format!(
                "{} pending and more; {acked} were leased and acked before the kills",
                filled.len()
            ),
        },
        Figure {
            name: "kept",
            meaning: "answered 200 before the kill and there after it",
            unit: "",
            samples: kept,
            bound: Some(Bound::AtLeast(1.0)),
            behind: format!(
                "{looked_up} ids looked up: all of the load that the kills fell into, \
                 and {SAMPLE} of the million each time"
            ),
        },
    ])
}

/// Posts until it is answered 200.
async fn first_200(address: SocketAddr, token: &str) -> Outcome<()> {
    let begun = Instant::now();
    let mut request = Request::new(token);
    let mut id = DeliveryId::series();
    while begun.elapsed() < Duration::from_secs(60) {
        id = id.next();
        if let Ok(mut door) = Connection::open(address).await
            && let Ok(reply) = door.exchange(request.stamped(id)).await
            && reply.status == 200
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err("no 200 within a minute of the restart".into())
}

async fn share_kept(server: &Doorbell, ids: &[MessageId]) -> Outcome<f64> {
    let mut control = server.client().await?;
    let mut there = 0;
    for id in ids {
        there += u32::from(control.holds(std::str::from_utf8(id)?).await?);
    }
    Ok(f64::from(there) / ids.len() as f64)
}
