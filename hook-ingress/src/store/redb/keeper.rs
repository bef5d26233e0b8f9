//! The thread that does what arrivals must not wait for: preparing files, sealing them, and giving
//! up those that nobody needs.

use std::{
    io,
    sync::{
        Arc, MutexGuard,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::Instant,
};

use super::{
    command::{Answer, Command},
    fault::Fault,
    newest,
    reroute::ask_writer,
    retention::{Farewell, Looked, Step},
    schema::{GONE_SUFFIX, NEXT_FILE},
    segment::{Handle, Segment},
    shared::Shared,
};

/// What the keeper is asked.
pub(super) enum Job {
    /// Make the next file ready, unless it is.
    Prepare,
    /// A file will not be written to any more.
    Seal(Arc<Segment>),
    /// Something waits for a session that has ended.
    Reroute,
    /// Give up what need not be kept, now, and say when that is done.
    Sweep(std::sync::mpsc::Sender<()>),
    /// End.
    Stop,
}

/// The keeper.
pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    jobs: Receiver<Job>,
    writer: SyncSender<Command>,
    looked: Looked,
    /// Before that the ids that outlived their files are not looked through again.
    pub(super) next_seen: Instant,
}

/// Files that are to be put away, once nobody copies them.
#[derive(Default)]
pub(super) struct Waiting {
    unsealed: Vec<Arc<Segment>>,
    gone: Vec<Arc<Segment>>,
}

impl Waiting {
    /// Lets go of all of it, for the files to be opened anew.
    pub(super) fn forget(&mut self) {
        for segment in self.unsealed.drain(..).chain(self.gone.drain(..)) {
            segment.retire();
        }
    }
}

impl Keeper {
    pub(super) fn new(
        shared: Arc<Shared>,
        jobs: Receiver<Job>,
        writer: SyncSender<Command>,
    ) -> Self {
        Self {
            shared,
            jobs,
            writer,
            looked: Looked::default(),
            next_seen: Instant::now(),
        }
    }

    /// Serves until it is stopped.
    pub(super) fn run(mut self) {
        let mut next_sweep = Instant::now() + self.shared.setup.sweep_every;
        // What waited for sessions that ended just before the store was closed.
        let mut next_reroute = Some(Instant::now());
        loop {
            if next_reroute.is_some_and(|at| at <= Instant::now()) {
                next_reroute = self.reroute();
            }
            let next = next_reroute.map_or(next_sweep, |at| at.min(next_sweep));
            let left = next.saturating_duration_since(Instant::now());
            let mut swept = None;
            let outcome = match self.jobs.recv_timeout(left) {
                Ok(Job::Prepare) => self.prepare(),
                Ok(Job::Reroute) => {
                    next_reroute = self.reroute();
                    Ok(())
                }
                Ok(Job::Seal(segment)) => {
                    self.waiting().unsealed.push(segment);
                    self.put_away()
                }
                Ok(Job::Sweep(done)) => {
                    swept = Some(done);
                    self.sweep()
                }
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) if Instant::now() < next_sweep => Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    next_sweep = Instant::now() + self.shared.setup.sweep_every;
                    self.sweep()
                }
            };
            if let Err(error) = outcome {
                // Nothing is lost by it: the writer goes on in its file, a file that was not
                // sealed is repaired when it is read, a file that was not given up is looked at
                // again. A disk that is ill shows at the next commit.
                tracing::warn!(%error, "the store's housekeeping failed");
            }
            if let Some(done) = swept {
                // Whoever asked may have gone away.
                let _ = done.send(());
            }
        }
    }

    /// Routes anew what waits for sessions that have ended; when there is more to do.
    fn reroute(&self) -> Option<Instant> {
        let now = self.shared.setup.clock.now();
        match self.shared.reroute(&self.writer, now) {
            Ok(next) => next.map(|at| Instant::now() + at.since(now)),
            Err(error) => {
                tracing::warn!(%error, "what waits for a session that ended is not routed anew yet");
                Some(Instant::now() + self.shared.setup.sweep_every)
            }
        }
    }

    fn prepare(&self) -> Result<(), Fault> {
        let shared = &self.shared;
        // It is held until there is a file: nobody else looks for one of that name meanwhile.
        let mut spare = shared.spare.lock().expect("nothing panics under this lock");
        if spare.is_none() && shared.ready().is_ok() {
            let path = shared.setup.dir.join(NEXT_FILE);
            *spare = Some(newest::prepare(&*shared.setup.disk, &path)?);
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.shared
            .waiting
            .lock()
            .expect("nothing panics under this lock")
    }

    /// Seals and removes what waits for it, unless somebody copies it. What fails is tried again.
    fn put_away(&self) -> Result<(), Fault> {
        let mut waiting = self.waiting();
        let mut outcome = Ok(());
        for segment in std::mem::take(&mut waiting.unsealed) {
            match seal(&self.shared, &segment) {
                Ok(true) => {}
                Ok(false) => waiting.unsealed.push(segment),
                Err(fault) => outcome = Err(fault),
            }
        }
        // A file that the store has open again, after a fault, has not gone.
        let chain = self.shared.chain();
        let is_open = |segment: &Segment| chain.iter().any(|other| other.first == segment.first);
        for segment in std::mem::take(&mut waiting.gone) {
            if is_open(&segment) {
                continue;
            }
            let removed = if self.shared.pins.hold(segment.first) {
                Ok(false)
            } else {
                remove(&self.shared, &segment).map(|()| true)
            };
            if !matches!(removed, Ok(true)) {
                waiting.gone.push(segment);
                outcome = outcome.and(removed.map(drop));
            }
        }
        outcome
    }

    fn sweep(&mut self) -> Result<(), Fault> {
        self.put_away()?;
        if self.shared.ready().is_err() {
            return Ok(());
        }
        self.shared.keep_reserve()?;
        self.prepare()?;
        while self.ask(|answer| Command::Expire(self.shared.setup.clock.now(), answer))? {}
        self.give_up_files()?;
        // What happened to messages of the files that have just gone may be all there is in it.
        if self.shared.newest_is_stale(&mut self.looked)? || self.shared.newest_is_forgotten() {
            self.ask(Command::Rotate)?;
            self.give_up_files()?;
        }
        self.put_away()?;
        for segment in self.shared.chain().iter() {
            segment.close_if_idle();
        }
        for unused in self.shared.unused_origins() {
            self.ask(|answer| Command::ForgetOrigins(unused, answer))?;
        }
        let floor = self.forget_seen()?;
        self.ask(|answer| Command::Prune(floor, answer))
    }

    /// Gives up those sealed files of which next to nothing is still of use.
    fn give_up_files(&mut self) -> Result<(), Fault> {
        while let Some(step) = self.shared.next_step(&mut self.looked)? {
            match step {
                Step::Carry(carry) => self.ask(|answer| Command::Carry(Box::new(carry), answer))?,
                Step::Farewell(farewell) => self.farewell(farewell)?,
            }
        }
        Ok(())
    }

    fn farewell(&mut self, mut farewell: Farewell) -> Result<(), Fault> {
        let segment = farewell.segment.clone();
        self.remember_seen(&std::mem::take(&mut farewell.seen))?;
        if self.ask(|answer| Command::Farewell(Box::new(farewell), answer))? {
            self.waiting().gone.push(segment);
        }
        Ok(())
    }

    pub(super) fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, Fault> {
        ask_writer(&self.writer, command)
    }
}

/// Takes a file away for good.
fn remove(shared: &Shared, segment: &Segment) -> Result<(), Fault> {
    segment.retire();
    let disk = &shared.setup.disk;
    let mut name = segment.path.clone().into_os_string();
    name.push(GONE_SUFFIX);
    match disk.rename(&segment.path, name.as_ref()) {
        // It was on its way already when something failed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        renamed => renamed?,
    }
    disk.sync_dir(&shared.setup.dir)?;
    match disk.remove(name.as_ref()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Closes a file, which gives its unused tail back and saves every later open a repair. False: it
/// is being copied.
fn seal(shared: &Shared, segment: &Segment) -> Result<bool, Fault> {
    let len = || shared.setup.disk.len(&segment.path);
    let mut handle = segment
        .handle
        .write()
        .expect("nothing panics under this lock");
    // Whoever copies says so first and asks for the handle then.
    if shared.pins.hold(segment.first) {
        return Ok(false);
    }
    match std::mem::replace(&mut *handle, Handle::Closed) {
        Handle::Newest(db) => {
            let mut db =
                Arc::into_inner(db).expect("the writer let go of it, readers hold the lock");
            let held = segment.bytes.load(Ordering::Relaxed);
            // Large bodies can make a file double at its very end. Its pages then lie far apart,
            // and the tail could not be given back.
            if len()? > held + held / 4 + (1 << 20) {
                db.compact()
                    .map_err(|error| Fault::Disk(error.to_string().into()))?;
            }
            db.close()?;
        }
        // It was put away meanwhile, or is sealed already.
        other => *handle = other,
    }
    drop(handle);
    segment.bytes.store(len()?, Ordering::Relaxed);
    Ok(true)
}
