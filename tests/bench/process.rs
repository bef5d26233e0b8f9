//! What the kernel knows of a process, and how one is ended.

use crate::Outcome;
use std::fs;
use std::process::Child;

/// Seconds of processor time that the bench itself has used.
pub(crate) fn own_cpu() -> Outcome<f64> {
    cpu(std::process::id())
}

/// Seconds of user and system time that a process has used.
///
/// Fields 14 and 15 of proc(5), `stat`, which on every Linux of today count hundredths of a
/// second. The name before them may hold spaces, but ends with `)`.
pub(crate) fn cpu(pid: u32) -> Outcome<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat
        .rsplit_once(')')
        .map_or("", |(_, fields)| fields)
        .split_whitespace();
    let ticks: Vec<f64> = fields
        .skip(11)
        .take(2)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// A line of proc(5), `status`, that holds an amount of memory, in MiB.
pub(crate) fn memory(pid: u32, field: &str) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kib.ok_or("no memory in /proc")?.parse::<f64>()? / 1024.0)
}

/// Makes the peak what is resident now; 5 is that command in proc(5), `clear_refs`.
pub(crate) fn forget_peak(pid: u32) -> Outcome<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// kill -9, and waits until nothing is left of it; it may be dead already.
pub(crate) fn reap(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
