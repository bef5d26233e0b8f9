//! What lies on this machine: the data directory, the settings, the server's own word.

use std::{fs, io, path::Path};

use super::report::Report;
use crate::config::{DataDir, ServeArgs, ServerFile, Settings, command_line};

/// Below this many free bytes, or this part of all, a server refuses what arrives.
const LOW_DISK: u64 = 256 * 1024 * 1024;
const LOW_PART: u64 = 20;

pub(super) fn data_directory(report: &mut Report, data_dir: &DataDir) -> io::Result<()> {
    const CHECK: &str = "data directory";
    let path = data_dir.path();
    let shown = path.display();
    if !path.is_dir() {
        return report.bad(
            CHECK,
            format!("{shown} is not there"),
            format!("a first start makes it: {}", command_line("serve")),
        );
    }
    let trial = path.join(format!(".doctor-{}", std::process::id()));
    if let Err(error) = fs::write(&trial, b"").and_then(|()| fs::remove_file(&trial)) {
        return report.bad(
            CHECK,
            format!("{shown} cannot be written: {error}"),
            format!("make it yours: chown -R \"$USER\" '{shown}'"),
        );
    }
    let mut private = true;
    for (path, mode) in [(path.to_owned(), 0o700), (data_dir.operator_key(), 0o600)] {
        if let Some(found) = open_to_others(&path) {
            private = false;
            report.bad(
                CHECK,
                format!(
                    "others on this machine can read {} (mode {found:o})",
                    path.display()
                ),
                format!("chmod {mode:o} '{}'", path.display()),
            )?;
        }
    }
    if private {
        report.good(CHECK, format!("{shown}, writable, yours alone"))?;
    }
    disk(report, path)
}

#[cfg(unix)]
fn open_to_others(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> Option<u32> {
    None
}

#[cfg(unix)]
fn disk(report: &mut Report, path: &Path) -> io::Result<()> {
    let room = rustix::fs::statvfs(path)?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let shown = bytesize::ByteSize(free).display().iec();
    let least = LOW_DISK.max(room.f_blocks.saturating_mul(room.f_frsize) / LOW_PART);
    if free < least {
        let least = bytesize::ByteSize(least).display().iec();
        report.bad(
            "disk",
            format!("{shown} free where {} is", path.display()),
            format!(
                "make room: without --max-disk the log leaves {least} free, and senders are told \
                 503 meanwhile; what was stored can be received and settled"
            ),
        )
    } else {
        report.good("disk", format!("{shown} free"))
    }
}

#[cfg(not(unix))]
fn disk(report: &mut Report, _: &Path) -> io::Result<()> {
    report.skipped("disk", "not measured on this system")
}

pub(super) fn settings(report: &mut Report, data_dir: &DataDir) -> io::Result<()> {
    let path = data_dir.settings_file();
    match Settings::gather(ServeArgs::default(), data_dir.clone()) {
        Ok(_) if path.exists() => report.good("settings", path.display()),
        Ok(_) => report.good("settings", "no doorbell.toml: the defaults"),
        Err(error) => report.bad("settings", error, format!("correct {}", path.display())),
    }
}

pub(super) fn server_file(
    report: &mut Report,
    data_dir: &DataDir,
    file: Option<&ServerFile>,
) -> io::Result<()> {
    const CHECK: &str = "server";
    match file {
        None => report.bad(
            CHECK,
            format!("none has written {}", data_dir.server_file().display()),
            format!("start one: {}", command_line("serve")),
        ),
        Some(file) if !is_alive(file.pid) => report.bad(
            CHECK,
            format!("process {} ended without a word", file.pid),
            format!(
                "start it again, nothing that was accepted is lost: {}",
                command_line("serve")
            ),
        ),
        Some(file) => report.good(
            CHECK,
            format!("process {}, since {}", file.pid, file.started_at),
        ),
    }
}

#[cfg(unix)]
fn is_alive(pid: u32) -> bool {
    use rustix::{
        io::Errno,
        process::{Pid, test_kill_process},
    };
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        // Another user's process lives, too.
        .is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

#[cfg(not(unix))]
fn is_alive(_: u32) -> bool {
    true
}
