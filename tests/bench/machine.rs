//! What the figures were measured on; an absolute rate means little without it.

use crate::Outcome;
use crate::figure::median;
use serde::Serialize;
use std::fmt;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::Path;
use std::time::Instant;

/// The machine.
#[derive(Serialize)]
pub(crate) struct Facts {
    cores: usize,
    processor: String,
    memory_gib: f64,
    kernel: String,
    directory: String,
    file_system: String,
    fsync_median_ms: f64,
    fsync_p99_ms: f64,
    load_before: String,
}

impl Facts {
    /// Asks the kernel, and times 200 syncs of 64 KiB where the data will be.
    pub(crate) fn gather(directory: &Path) -> Outcome<Self> {
        let mut syncs = time_syncs(&directory.join("yardstick"))?;
        syncs.sort_by(f64::total_cmp);
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            processor: field("/proc/cpuinfo", "model name"),
            memory_gib: field("/proc/meminfo", "MemTotal")
                .trim_end_matches(" kB")
                .parse()
                .map_or(f64::NAN, |kib: f64| kib / f64::from(1 << 20)),
            kernel: read("/proc/sys/kernel/osrelease"),
            directory: directory.display().to_string(),
            file_system: file_system(directory)?,
            fsync_median_ms: median(&syncs),
            fsync_p99_ms: syncs[syncs.len() * 99 / 100],
            load_before: read("/proc/loadavg"),
        })
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{} cores of {}, {:.0} GiB, kernel {}, load {}",
            self.cores, self.processor, self.memory_gib, self.kernel, self.load_before
        )?;
        write!(
            out,
            "{} on {}: 64 KiB and fdatasync {:.2} ms at the median, {:.2} ms at p99",
            self.directory, self.file_system, self.fsync_median_ms, self.fsync_p99_ms
        )
    }
}

fn time_syncs(path: &Path) -> Outcome<Vec<f64>> {
    let mut file = File::create(path)?;
    let block = vec![7; 64 << 10];
    let mut times = Vec::new();
    for round in 0..200 {
        // Over the same MiB again, as a store that reuses its pages does.
        if round % 16 == 0 {
            file.rewind()?;
        }
        let begun = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    fs::remove_file(path)?;
    Ok(times)
}

/// The kind of file system that holds this directory: the longest mount point above it.
fn file_system(directory: &Path) -> Outcome<String> {
    let directory = directory.canonicalize()?;
    let mounts = read("/proc/mounts");
    let held = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (point, kind) = (words.next()?, words.next()?);
        directory.starts_with(point).then_some((point.len(), kind))
    });
    Ok(held
        .max_by_key(|(length, _)| *length)
        .map_or("?", |(_, kind)| kind)
        .to_owned())
}

fn read(path: &str) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn field(path: &str, name: &str) -> String {
    let text = read(path);
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':'))
        .map_or("?", |(_, value)| value.trim())
        .to_owned()
}
