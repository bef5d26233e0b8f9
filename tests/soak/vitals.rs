//! What a process takes of the machine, and whether that grows.

use std::{
    fmt,
    fs::{self, read_to_string},
};

/// What is looked at, and by how much it may be more at the end: so much, and such a part of it.
struct Figure {
    name: &'static str,
    of: fn(&Vitals) -> f64,
    more: f64,
    part: f64,
}

/// At one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vitals {
    /// Resident, in MiB.
    memory: f64,
    descriptors: f64,
    threads: f64,
    /// On the disk, in MiB.
    disk: f64,
    /// Messages that it ever accepted: providers' ids are remembered for days.
    messages: f64,
}

/// Memory that a message may leave behind for the days that its provider's id counts, in bytes.
const PER_MESSAGE: f64 = 64.0;

impl Vitals {
    pub(crate) fn of(pid: u32, disk: f64, messages: usize) -> Self {
        let status = read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.unwrap_or(f64::NAN)
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"));
        Self {
            memory: field("VmRSS:") / 1_024.0,
            descriptors: descriptors.map_or(f64::NAN, |all| all.count() as f64),
            threads: field("Threads:"),
            disk,
            messages: messages as f64,
        }
    }
}

impl fmt::Display for Vitals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} MiB resident, {} descriptors, {} threads, {:.0} MiB on the disk",
            self.memory, self.descriptors, self.threads, self.disk
        )
    }
}

/// What grows between the second quarter and the last, in words: in the first, caches are still filled.
pub(crate) fn grown(samples: &[Vitals]) -> Vec<String> {
    let quarter = samples.len() / 4;
    if quarter == 0 {
        return Vec::new();
    }
    let early = &samples[quarter..2 * quarter];
    let late = &samples[samples.len() - quarter..];
    let messages = middle(late, |one| one.messages) - middle(early, |one| one.messages);
    let remembered = messages * PER_MESSAGE / f64::from(1 << 20);
    let figures = [
        Figure {
            name: "memory in MiB",
            of: |one| one.memory,
            more: 12.0 + remembered,
            part: 0.15,
        },
        Figure {
            name: "descriptors",
            of: |one| one.descriptors,
            more: 16.0,
            part: 0.0,
        },
        Figure {
            name: "threads",
            of: |one| one.threads,
            more: 8.0,
            part: 0.0,
        },
        // A file is given back whole.
        Figure {
            name: "the disk in MiB",
            of: |one| one.disk,
            more: 128.0 + remembered,
            part: 0.25,
        },
    ];
    let grows = |figure: Figure| {
        let (before, after) = (middle(early, figure.of), middle(late, figure.of));
        let said = format!("{}: {before:.1}, and {after:.1} at the end", figure.name);
        println!("{said}");
        // What could not be read is no proof that it is flat.
        let flat = after <= before * (1.0 + figure.part) + figure.more;
        (!flat).then_some(said)
    };
    figures.into_iter().filter_map(grows).collect()
}

fn middle(samples: &[Vitals], of: fn(&Vitals) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
