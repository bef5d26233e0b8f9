//! The closed loop: every connection sends, waits for the answer, and sends again.
//!
//! A thread per core, each with a runtime of its own, so that no request crosses threads here.

use crate::Outcome;
use crate::connection::Connection;
use crate::request::{DeliveryId, Request};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Where a load goes, and the one status that is not a failure.
#[derive(Clone)]
pub(crate) struct Target {
    /// The server's address.
    pub(crate) address: SocketAddr,
    /// Goes into the path.
    pub(crate) token: String,
    /// 200 for a doorbell, 204 for the no-op.
    pub(crate) expected: u16,
}

/// When a load ends.
#[derive(Clone)]
pub(crate) enum Until {
    /// After the window, which follows the warm-up and alone is counted.
    Elapsed { warm_up: Duration, window: Duration },
    /// After so many requests.
    Count(u64),
    /// When the server dies, which is a failure unless this was set before.
    Death(Arc<AtomicBool>),
}

/// A message id as the server wrote it.
pub(crate) type MessageId = [u8; 26];

/// What came of a load.
pub(crate) struct Run {
    /// Answers within the window.
    pub(crate) counted: u64,
    /// All answers, each of the expected status.
    pub(crate) answered: u64,
    /// When the window began.
    pub(crate) began: Instant,
    /// How long it was.
    pub(crate) elapsed: Duration,
    /// Microseconds of each answer in the window, ascending.
    latencies: Vec<u32>,
    /// The ids, each connection's in order of arrival, if they were asked for.
    pub(crate) ids: Vec<MessageId>,
}

impl Run {
    /// Answers per second.
    pub(crate) fn rate(&self) -> f64 {
        self.counted as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this share of the answers did not exceed, in milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (self.latencies.len() as f64 * share) as usize;
        self.latencies
            .get(at.min(last))
            .map_or(f64::NAN, |&micros| f64::from(micros) / 1000.0)
    }
}

/// Runs one load to its end.
pub(crate) fn run(
    target: &Target,
    connections: usize,
    until: &Until,
    keep_ids: bool,
) -> Outcome<Run> {
    let streams = (0..connections)
        .map(|_| std::net::TcpStream::connect(target.address))
        .collect::<Result<Vec<_>, _>>()?;
    let threads = std::thread::available_parallelism()?.get().min(connections);
    let mut shares: Vec<Vec<_>> = (0..threads).map(|_| Vec::new()).collect();
    for (number, stream) in streams.into_iter().enumerate() {
        shares[number % threads].push(stream);
    }
    let course = Course {
        until: until.clone(),
        begun: Instant::now(),
        tickets: AtomicU64::new(0),
        keep_ids,
    };
    let course = Arc::new(course);
    let drivers: Vec<_> = shares
        .into_iter()
        .map(|share| {
            let (target, course) = (target.clone(), Arc::clone(&course));
            std::thread::spawn(move || drive(share, &target, &course))
        })
        .collect();
    let mut whole = Part::default();
    for driver in drivers {
        let part = driver.join().map_err(|_| "a generator thread panicked")??;
        whole.merge(part);
    }
    Ok(whole.run(&course))
}

struct Course {
    until: Until,
    begun: Instant,
    tickets: AtomicU64,
    keep_ids: bool,
}

impl Course {
    /// The part of time that counts.
    fn window(&self) -> (Instant, Option<Instant>) {
        match self.until {
            Until::Elapsed { warm_up, window } => {
                (self.begun + warm_up, Some(self.begun + warm_up + window))
            }
            Until::Count(_) | Until::Death(_) => (self.begun, None),
        }
    }

    /// Whether to send once more.
    fn goes_on(&self) -> bool {
        match self.until {
            Until::Count(count) => self.tickets.fetch_add(1, Ordering::Relaxed) < count,
            Until::Elapsed { .. } | Until::Death(_) => true,
        }
    }

    fn death_was_meant(&self) -> bool {
        matches!(&self.until, Until::Death(told) if told.load(Ordering::SeqCst))
    }
}

#[derive(Default)]
struct Part {
    answered: u64,
    latencies: Vec<u32>,
    ids: Vec<MessageId>,
    last: Option<Instant>,
}

impl Part {
    fn merge(&mut self, other: Self) {
        self.answered += other.answered;
        self.latencies.extend(other.latencies);
        self.ids.extend(other.ids);
        self.last = self.last.max(other.last);
    }

    fn run(mut self, course: &Course) -> Run {
        let (began, end) = course.window();
        let end = end.or(self.last).unwrap_or(began);
        self.latencies.sort_unstable();
        Run {
            counted: self.latencies.len() as u64,
            answered: self.answered,
            began,
            elapsed: end - began,
            latencies: self.latencies,
            ids: self.ids,
        }
    }
}

fn drive(share: Vec<std::net::TcpStream>, target: &Target, course: &Arc<Course>) -> Outcome<Part> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for stream in share {
            stream.set_nonblocking(true)?;
            let connection = Connection::over(tokio::net::TcpStream::from_std(stream)?)?;
            let request = Request::new(&target.token);
            let (course, expected) = (Arc::clone(course), target.expected);
            tasks.spawn(async move { ask(connection, request, expected, &course).await });
        }
        // An answer that never comes must end the bench, not hang it.
        let limit = match course.until {
            Until::Elapsed { warm_up, window } => warm_up + window + Duration::from_secs(60),
            Until::Count(_) | Until::Death(_) => Duration::from_secs(30 * 60),
        };
        tokio::time::timeout(limit, async {
            let mut whole = Part::default();
            while let Some(part) = tasks.join_next().await {
                whole.merge(part??);
            }
            Ok(whole)
        })
        .await
        .map_err(|_| "a request was never answered")?
    })
}

async fn ask(
    mut connection: Connection,
    mut request: Request,
    expected: u16,
    course: &Course,
) -> Outcome<Part> {
    let mut part = Part::default();
    let mut id = DeliveryId::series();
    let (begin, end) = course.window();
    while course.goes_on() {
        let asked = Instant::now();
        let reply = match connection.exchange(request.stamped(id)).await {
            Err(_) if course.death_was_meant() => break,
            reply => reply?,
        };
        let answered = Instant::now();
        if reply.status != expected {
            let body = String::from_utf8_lossy(reply.body).into_owned();
            return Err(format!("{} where {expected} was due: {body}", reply.status).into());
        }
        if reply.header("x-duplicate-of").is_some() {
            return Err("a delivery was taken for a repeat".into());
        }
        if course.keep_ids {
            let id = reply
                .header("x-message-id")
                .ok_or("a 200 without its message id")?;
            part.ids.push(id.try_into()?);
        }
        part.answered += 1;
        part.last = Some(answered);
        id = id.next();
        if answered >= begin && end.is_none_or(|end| answered < end) {
            part.latencies.push((answered - asked).as_micros() as u32);
        }
        if end.is_some_and(|end| answered >= end) {
            break;
        }
    }
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The no-op on a thread of its own, for as long as the test runs.
    fn noop() -> SocketAddr {
        let (send, address) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                send.send(listener.local_addr().unwrap()).unwrap();
                axum::serve(listener, crate::noop::router()).await.unwrap();
            });
        });
        address.recv().unwrap()
    }

    fn target(address: SocketAddr, expected: u16) -> Target {
        Target {
            address,
            token: "t".into(),
            expected,
        }
    }

    #[test]
    fn a_counted_load_sends_exactly_its_count() {
        let run = run(&target(noop(), 204), 8, &Until::Count(500), false).unwrap();
        assert_eq!((run.answered, run.counted), (500, 500));
        assert!(run.quantile(0.5) <= run.quantile(0.99));
    }

    #[test]
    fn another_status_than_the_expected_fails_the_load() {
        let error = run(&target(noop(), 200), 2, &Until::Count(4), false)
            .err()
            .unwrap();
        assert!(
            error.to_string().contains("204 where 200 was due"),
            "{error}"
        );
    }

    #[test]
    fn a_timed_load_counts_its_window_alone() {
        let until = Until::Elapsed {
            warm_up: Duration::from_millis(100),
            window: Duration::from_millis(200),
        };
        let run = run(&target(noop(), 204), 4, &until, false).unwrap();
        assert!(run.counted > 0 && run.counted < run.answered);
        assert_eq!(run.elapsed, Duration::from_millis(200));
    }
}
