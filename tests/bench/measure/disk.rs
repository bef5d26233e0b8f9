//! What the messages weigh on disk, and what is left of it once they are settled.

use super::preflight;
use crate::Outcome;
use crate::consume::Consumers;
use crate::figure::{Bound, Figure, median};
use crate::load::{self, Until};
use crate::plan::Plan;
use crate::request::Request;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a server may take to come to rest, and to give space back.
const PATIENCE: Duration = Duration::from_secs(60);

/// The part of the message bytes that may be left: the newest file of the chain, more or less.
const LEFT: f64 = 0.25;

#[derive(Clone, Copy, Default)]
struct Size {
    /// Bytes that the file system gave.
    allocated: u64,
    /// The sum of the files' lengths.
    apparent: u64,
}

/// 100,000 messages in, then all of them acknowledged and a second's retention over.
pub(super) fn measure(plan: &Plan) -> Outcome<Vec<Figure>> {
    let count = plan.sized(100_000, 2_000);
    let patience = if plan.quick {
        Duration::from_secs(5)
    } else {
        PATIENCE
    };
    let (mut ratios, mut apparent, mut left, mut seconds) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds.min(3) {
        let (server, target) = preflight::start(plan, &["--retain", "1s"])?;
        load::run(&target, 256, &Until::Count(count), false)?;
        let bytes = (count * Request::new(&target.token).message_bytes()) as f64;
        let full = settled(&server.data)?;
        ratios.push(full.allocated as f64 / bytes);
        // Even compressed, messages leave more than this; a store in memory would pass otherwise.
        if full.allocated as f64 / bytes < 0.05 {
            return Err("the messages are not in the data directory".into());
        }
        apparent.push(full.apparent as f64 / bytes);

        let consumers = Consumers::start(&server, plan.consumers);
        consumers.finish(count)?;
        let begun = Instant::now();
        let share = loop {
            let share = size(&server.data)?.allocated as f64 / bytes;
            if share <= LEFT || begun.elapsed() > patience {
                break share;
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        left.push(share);
        seconds.push(begun.elapsed().as_secs_f64());
    }
    let bytes = count * Request::new("").message_bytes();
    Ok(vec![
        Figure {
            name: "disk",
            meaning: "allocated in the data directory / headers and bodies as sent",
            unit: "",
            samples: ratios,
            bound: Some(Bound::AtMost(1.2)),
            behind: format!(
                "{count} messages, {:.0} MiB; by the files' lengths {:.3}",
                bytes as f64 / f64::from(1 << 20),
                median(&apparent)
            ),
        },
        Figure {
            name: "given-back",
            meaning: "the same once all is acked and past retention",
            unit: "",
            samples: left,
            bound: Some(Bound::AtMost(LEFT)),
            behind: format!("after {:.1} s", median(&seconds)),
        },
    ])
}

/// The size once it has stood still for a second: a server may have work left after the last 200.
fn settled(directory: &Path) -> Outcome<Size> {
    let begun = Instant::now();
    let (mut last, mut since) = (size(directory)?, Instant::now());
    while since.elapsed() < Duration::from_secs(1) && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(100));
        let now = size(directory)?;
        if now.allocated != last.allocated {
            since = Instant::now();
        }
        last = now;
    }
    Ok(last)
}

fn size(directory: &Path) -> Outcome<Size> {
    let mut sum = Size::default();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            // Deleted while we looked.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        if metadata.is_dir() {
            let below = size(&entry.path())?;
            sum.allocated += below.allocated;
            sum.apparent += below.apparent;
        } else {
            // stat(2): st_blocks counts 512 bytes whatever the file system's block is.
            sum.allocated += metadata.blocks() * 512;
            sum.apparent += metadata.len();
        }
    }
    Ok(sum)
}
