//! Putting a restored store in place, so that a crash at any moment leaves nothing half done.
//!
//! The files are put together in a directory of their own. Once they are whole and durable there,
//! that directory gets a name which says so, in one step, and only then are they moved to where a
//! store has them, the control file last: without it there is no store. Whoever finds a directory
//! of that name (the next start, the next restore) goes on from there.

use std::{fs, io, path::Path};

use super::{
    backup::name_of,
    disk::Disk,
    schema::{CONTROL_FILE, log_first},
};

/// Where the files are put together.
pub(super) const WORKSHOP: &str = "restore.tmp";
/// What that is called once all of them are whole.
const READY: &str = "restore.ready";
/// What another restore took the place of, on its way out.
const GONE: &str = "restore.gone";

/// Whether a restore was cut short before there was a store.
pub(super) fn is_unfinished(dir: &Path) -> bool {
    dir.join(READY).join(CONTROL_FILE).exists()
}

/// Says that what is in the workshop is whole, and puts it in place. Another restore that was cut
/// short is taken back for it.
pub(super) fn put_in_place(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let workshop = dir.join(WORKSHOP);
    disk.sync_dir(&workshop)?;
    if is_unfinished(dir) {
        take_back(disk, dir)?;
    }
    disk.rename(&workshop, &dir.join(READY))?;
    disk.sync_dir(dir)?;
    finish(disk, dir).map(drop)
}

/// Goes on with a restore that was cut short, and clears away what never became whole. True: there
/// was one to go on with.
pub(super) fn finish(disk: &dyn Disk, dir: &Path) -> io::Result<bool> {
    clear(disk, &dir.join(WORKSHOP))?;
    clear(disk, &dir.join(GONE))?;
    let ready = dir.join(READY);
    if !ready.exists() {
        return Ok(false);
    }
    let (logs, others): (Vec<_>, Vec<_>) = disk
        .list(&ready)?
        .into_iter()
        .partition(|path| log_first(path).is_some());
    for paths in [logs, others] {
        for path in paths {
            disk.rename(&path, &dir.join(name_of(&path)))?;
        }
        // The control file must not be there without the log, after a power cut either.
        disk.sync_dir(dir)?;
    }
    clear(disk, &ready)?;
    Ok(true)
}

/// Undoes what a restore had moved before it was cut short. Only its files can be there: it began
/// where there was no store, and there is none yet.
fn take_back(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let ready = dir.join(READY);
    for path in disk.list(dir)? {
        if log_first(&path).is_some() {
            disk.rename(&path, &ready.join(name_of(&path)))?;
        }
    }
    disk.sync_dir(&ready)?;
    disk.sync_dir(dir)?;
    let gone = dir.join(GONE);
    clear(disk, &gone)?;
    disk.rename(&ready, &gone)?;
    disk.sync_dir(dir)?;
    clear(disk, &gone)
}

/// Removes a directory of ours and what is in it, if it is there.
pub(super) fn clear(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    for path in disk.list(dir)? {
        disk.remove(&path)?;
    }
    fs::remove_dir(dir)
}
