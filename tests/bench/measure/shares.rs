//! What a URL's sender feels while one token, one key and one address do their worst.

use super::wait;
use crate::Outcome;
use crate::connection::Connection;
use crate::control::Control;
use crate::figure::{Bound, Figure, median};
use crate::hostile::Hostile;
use crate::plan::Plan;
use crate::request::{DeliveryId, Request};
use crate::server::Doorbell;
use e2e::hostile::{Attack, Strength, Tally};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the sender posts, on a connection of its own each time, as senders do. A URL's burst
/// is enough for a round.
const EVERY: Duration = Duration::from_millis(20);
/// How often the agent looks into its inbox.
const LOOK: Duration = Duration::from_millis(100);
/// Up to here nobody minds, however quiet it was before.
const UNFELT_MS: f64 = 50.0;

struct Side {
    /// Milliseconds that each post took, ascending.
    posts: Vec<f64>,
    /// The same of a receive with its ack.
    receives: Vec<f64>,
}

/// Rounds of a quiet and a loaded side.
pub(super) fn measure(plan: &Plan) -> Outcome<Vec<Figure>> {
    // As it is set up by itself: what a token may is a part of its share.
    let server = Doorbell::start_with_limits(&plan.doorbell, &plan.fresh_dir(), &[])?;
    let (mut quiet, mut loaded, mut tallies) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds.min(4) {
        quiet.push(wait(side(&server, plan))?);
        let attack = wait(attack(&server, plan))?;
        let hostile = Hostile::begin(&attack)?;
        let side = wait(side(&server, plan));
        tallies.push(hostile.end()?);
        loaded.push(side?);
    }
    let tails = |sides: &[Side]| -> Vec<f64> { sides.iter().map(|it| p99(&it.posts)).collect() };
    let (still, tail) = (tails(&quiet), tails(&loaded));
    let against = |allowed: fn(f64) -> f64| {
        let both = tail.iter().zip(&still);
        both.map(|(loaded, quiet)| loaded / allowed(*quiet))
            .collect()
    };
    let receives = |sides: &[Side]| median(&tails_of(sides));
    Ok(vec![
        Figure {
            name: "shares",
            meaning: "p99 of another URL's posts under attack / at rest; the goal is 2",
            unit: "",
            samples: against(|quiet| quiet),
            bound: None,
            behind: format!(
                "{:.1} ms under attack (median {:.1}), {:.1} ms at rest (median {:.1}); receive and \
                 ack {:.1} and {:.1} ms",
                median(&tail),
                median(
                    &loaded
                        .iter()
                        .map(|it| median(&it.posts))
                        .collect::<Vec<_>>()
                ),
                median(&still),
                median(&quiet.iter().map(|it| median(&it.posts)).collect::<Vec<_>>()),
                receives(&loaded),
                receives(&quiet),
            ),
        },
        Figure {
            name: "shares-p99",
            meaning: "that p99 / the larger of 50 ms and 10 times the one at rest",
            unit: "",
            samples: against(|quiet| UNFELT_MS.max(10.0 * quiet)),
            bound: Some(Bound::AtMost(1.0)),
            behind: said(&tallies),
        },
    ])
}

fn tails_of(sides: &[Side]) -> Vec<f64> {
    sides.iter().map(|it| p99(&it.receives)).collect()
}

fn p99(sorted: &[f64]) -> f64 {
    sorted
        .get(sorted.len() * 99 / 100)
        .copied()
        .unwrap_or(f64::NAN)
}

fn said(tallies: &[Tally]) -> String {
    let of = |count: fn(&Tally) -> &std::sync::atomic::AtomicU64| {
        let counts = tallies.iter().map(|it| count(it).load(Ordering::Relaxed));
        counts.sum::<u64>() / tallies.len().max(1) as u64
    };
    format!(
        "a round's attack: {} slow bodies, {} of 1 MiB stored and {} refused, {} streams and waits, \
         {} pages of the log, {} connections idle or half open, {} tokens that are none",
        of(|it| &it.slow_bodies),
        of(|it| &it.stored),
        of(|it| &it.refused),
        of(|it| &it.waiting),
        of(|it| &it.pages),
        of(|it| &it.opened),
        of(|it| &it.garbage),
    )
}

/// Whom to attack: a URL and an agent of their own.
async fn attack(server: &Doorbell, plan: &Plan) -> Outcome<Attack> {
    let folder = format!("hostile-{}", DeliveryId::series().name());
    let mut operator = server.client().await?;
    let sized = |full, smoke| plan.sized(full, smoke) as usize;
    Ok(Attack {
        front: server.hook,
        control: server.control,
        token: operator.mint_in(&folder, "worst").await?,
        key: operator.issue_key(&folder).await?,
        strength: Strength {
            slow_bodies: sized(96, 16),
            streams: sized(1_600, 40),
            waits: sized(1_600, 40),
            idle: sized(1_200, 40),
            half_open: sized(1_200, 40),
            loops: sized(4, 1),
        },
    })
}

/// Posts for a window while an agent receives and acks; every post must be 200, and every message
/// received and acked.
async fn side(server: &Doorbell, plan: &Plan) -> Outcome<Side> {
    let mut operator = server.client().await?;
    let folder = format!("quiet-{}", DeliveryId::series().name());
    let token = operator.mint_in(&folder, "github").await?;
    let key = operator.issue_key(&folder).await?;
    let mut agent = Control::open(server.control, &key).await?;
    let over = AtomicBool::new(false);
    let post = async {
        let posts = posts(server, &token, plan.window).await;
        let posts = posts.map_err(|error| format!("another URL's post: {error}"));
        over.store(true, Ordering::Relaxed);
        Ok(posts?)
    };
    let receive = async {
        let (mut receives, mut received) = (Vec::new(), 0);
        loop {
            let last = over.load(Ordering::Relaxed);
            let asked = Instant::now();
            let ids = received_and_acked(&mut agent, &folder).await;
            let ids = ids.map_err(|error| format!("another agent's receive: {error}"))?;
            if !ids.is_empty() {
                receives.push(milliseconds(asked));
            }
            received += ids.len();
            if last && ids.is_empty() {
                return Outcome::Ok((receives, received));
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let (mut posts, (mut receives, received)) = tokio::try_join!(post, receive)?;
    if received != posts.len() {
        return Err(format!("{received} of {} messages were received", posts.len()).into());
    }
    posts.sort_by(f64::total_cmp);
    receives.sort_by(f64::total_cmp);
    Ok(Side { posts, receives })
}

async fn received_and_acked(agent: &mut Control, folder: &str) -> Outcome<Vec<String>> {
    let ids = agent.receive_in(folder).await?;
    if !ids.is_empty() {
        agent.ack(&ids).await?;
    }
    Ok(ids)
}

async fn posts(server: &Doorbell, token: &str, window: Duration) -> Outcome<Vec<f64>> {
    let mut request = Request::new(token);
    let mut id = DeliveryId::series();
    let mut posts = Vec::new();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let began = Instant::now();
    while began.elapsed() < window {
        ticks.tick().await;
        let asked = Instant::now();
        let mut connection = Connection::open(server.hook).await?;
        let reply = connection.exchange(request.stamped(id)).await?;
        if reply.status != 200 {
            let body = String::from_utf8_lossy(reply.body);
            return Err(format!("answered {}: {body}", reply.status).into());
        }
        posts.push(milliseconds(asked));
        id = id.next();
    }
    Ok(posts)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
