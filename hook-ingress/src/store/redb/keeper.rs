//! The thread that does what arrivals must not wait for: preparing files and sealing them.

use std::sync::{Arc, atomic::Ordering, mpsc::Receiver};

use super::{
    fault::Fault,
    newest,
    schema::NEXT_FILE,
    segment::{Handle, Segment},
    shared::Shared,
};

/// What the keeper is asked.
pub(super) enum Job {
    /// Make the next file ready, unless it is.
    Prepare,
    /// A file will not be written to any more.
    Seal(Arc<Segment>),
    /// End.
    Stop,
}

/// Serves until it is stopped.
pub(super) fn run(shared: &Shared, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        let outcome = match job {
            Job::Prepare => prepare(shared),
            Job::Seal(segment) => seal(shared, &segment),
            Job::Stop => return,
        };
        if let Err(error) = outcome {
            // Nothing is lost by it: the writer goes on in its file, a file that was not sealed
            // is repaired when it is read. A disk that is ill shows at the next commit.
            tracing::warn!(%error, "the store's housekeeping failed");
        }
    }
}

fn prepare(shared: &Shared) -> Result<(), Fault> {
    let spare = || shared.spare.lock().expect("nothing panics under this lock");
    if spare().is_some() || shared.ready().is_err() {
        return Ok(());
    }
    let db = newest::prepare(&*shared.setup.disk, &shared.setup.dir.join(NEXT_FILE))?;
    *spare() = Some(db);
    Ok(())
}

/// Closes a file, which gives its unused tail back and saves every later open a repair.
fn seal(shared: &Shared, segment: &Segment) -> Result<(), Fault> {
    let mut handle = segment
        .handle
        .write()
        .expect("nothing panics under this lock");
    let Handle::Newest(_) = &*handle else {
        return Ok(());
    };
    let Handle::Newest(db) = std::mem::replace(&mut *handle, Handle::Closed) else {
        unreachable!("it was looked at just now")
    };
    let db = Arc::into_inner(db).expect("the writer has let go of it, and readers hold the lock");
    db.close()?;
    drop(handle);
    segment
        .bytes
        .store(shared.setup.disk.len(&segment.path)?, Ordering::Relaxed);
    Ok(())
}
