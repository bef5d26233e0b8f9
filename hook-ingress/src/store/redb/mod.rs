//! The embedded store: a chain of redb files, a row per batch.
//!
//! Messages go to the newest file of a chain, `log-<first sequence number>.redb`, which is sealed
//! at 64 MiB and never written again; everything that happens to a message later, in whichever
//! file it is, is an event in the newest file. So a batch is one transaction in one file and one
//! fsync, a crash leaves at most the newest file to be repaired, and disk space comes back a file
//! at a time. `doorbell.redb` holds grants, sessions, keys, rules, and what outlives the
//! files.
//!
//! DESIGN.md keeps what was settled beside each file's messages. Events in the newest file cost one
//! fsync per turn instead of one or two for each file that a consumer touches, and let a sealed
//! file be opened read-only; a file that goes hands on the events of messages that stay.
//!
//! # Commits
//!
//! Commits that answer arrivals are redb's plain one-phase commits: one fsync. After a crash redb
//! walks the newest file and takes the newer of two commits whose checksums hold, so a commit that
//! was torn is as if it had never been. The checksum (XXH3, 128 bits) is not made against
//! adversaries, and redb advises two-phase commits where someone can choose the bytes, the order
//! in which pages reach the disk *and* the moment of the crash. A webhook's sender chooses bytes
//! alone, and a second fsync on every arrival would halve the rate. So: plain for the log's
//! arrivals; two-phase with quick repair for `doorbell.redb`, which decides who is let in, for the
//! commit that follows 50 ms without work, and for the last commit of every file. The crash tests
//! tear pages and forget what was not synced.

mod attempts;
mod backlog;
mod backup;
mod browsers;
mod channels;
mod check;
mod codec;
mod command;
mod control;
mod damage;
mod decide;
mod dedupe;
mod disk;
mod entry;
mod events;
mod fault;
mod housekeeping;
mod index;
mod keeper;
mod load;
mod lock;
mod mint;
mod newest;
mod open_files;
mod origin;
mod placing;
mod ports;
mod query;
mod record;
mod registry;
mod remembered;
mod repeats;
mod reroute;
mod restore;
mod retention;
mod room;
mod routes;
mod schema;
mod seen_rows;
mod segment;
mod settling;
mod shared;
mod stream;
mod told;
mod turn;
mod unused;
mod upgrade;
mod writer;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;

#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{self, SyncSender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use doorbell_core::{
    ports::{Ring, StoreError},
    time::Clock,
    token::Chance,
};
use tokio::sync::oneshot;

pub use backup::BackupError;
pub use check::{CheckError, Checked, Watch, check};
pub use disk::{Disk, Files, Space};
pub use lock::{Holder, holder};
pub use restore::{RestoreError, restore};

use crate::figures::CommitFigures;

use self::{
    command::{Answer, Command},
    fault::Fault,
    keeper::{Job, Keeper},
    lock::Lock,
    shared::{Setup, Shared},
    writer::{QUEUE, Writer},
};

/// How a store is opened.
pub struct Options {
    /// How long settled and dead messages are kept.
    pub retain: Duration,
    /// Says when retention is over.
    pub clock: Arc<dyn Clock>,
    /// Is told what becomes pending.
    pub ring: Arc<dyn Ring>,
    /// Makes ids hard to guess.
    pub chance: Arc<dyn Chance>,
    /// At how many bytes a file of the log is sealed.
    pub segment_bytes: u64,
    /// How many bytes the log's files may have; what arrives beyond is refused as full.
    pub max_disk: Option<u64>,
    /// How often to look what can be given up.
    pub sweep_every: Duration,
    /// Opens the files.
    pub disk: Arc<dyn Disk>,
}

impl Options {
    /// Seven days of retention, files of 64 MiB, no limit but the disk's.
    pub fn new(clock: Arc<dyn Clock>, ring: Arc<dyn Ring>, chance: Arc<dyn Chance>) -> Self {
        Self {
            retain: Duration::from_secs(7 * 24 * 3600),
            clock,
            ring,
            chance,
            segment_bytes: 64 << 20,
            max_disk: None,
            sweep_every: Duration::from_secs(5),
            disk: Arc::new(Files),
        }
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it. Its id, where that could be read.
    #[error("{} is in use by {}", .dir.display(), .pid.map_or("another process".into(), |pid| format!("process {pid}")))]
    Taken {
        /// The store's directory.
        dir: PathBuf,
        /// Who has it.
        pid: Option<u32>,
    },
    /// It was written by a newer program.
    #[error("{file} has format {found}, and this program reads {known}: use a newer doorbell")]
    Newer {
        /// The file's name.
        file: String,
        /// Its version.
        found: u64,
        /// The newest version that this program reads.
        known: u64,
    },
    /// A file does not hold what was written to it.
    #[error(
        "the store is damaged: {0}; keep a copy of its directory; write what is whole into another with doorbell doctor --store --salvage <new-dir> --data-dir <dir>, or restore a backup into an empty one with doorbell restore <file> --data-dir <new-dir>"
    )]
    Damaged(String),
    /// The disk did not do as it was told. It names the file or the directory.
    #[error("{0}")]
    Disk(String),
}

impl OpenError {
    /// What the machine says of a file or directory, and what to do about it where that is known.
    fn io(path: &Path, error: &io::Error) -> Self {
        let cure = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "; run as the user whose directory it is, or name another with --data-dir"
            }
            io::ErrorKind::StorageFull => "; make room on its disk",
            io::ErrorKind::ReadOnlyFilesystem => "; name a directory that can be written to",
            _ => "",
        };
        Self::Disk(format!("{}: {error}{cure}", path.display()))
    }

    fn new(dir: &Path, fault: Fault) -> Self {
        match fault {
            Fault::Disk(why) => Self::Disk(format!("{}: {why}", dir.display())),
            fault @ Fault::OpenFiles(_) => Self::Disk(format!("{}: {fault}", dir.display())),
            Fault::Damaged(why) => Self::Damaged(format!("{}: {why}", dir.display())),
            Fault::Newer { file, found, known } => Self::Newer {
                file: file.to_string(),
                found,
                known,
            },
            Fault::Taken => Self::Taken {
                dir: dir.to_owned(),
                pid: None,
            },
        }
    }
}

/// A store in a directory of its own.
pub struct RedbStore {
    shared: Arc<Shared>,
    queue: SyncSender<Command>,
    jobs: mpsc::Sender<Job>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Given up once the threads have ended.
    lock: Mutex<Option<Lock>>,
}

impl RedbStore {
    /// Opens the store in `dir`, making it if it is not there. It blocks while files are read.
    pub fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        let lock = Lock::take(dir)?;
        let restored = placing::finish(&Files, dir).map_err(|error| {
            OpenError::Disk(format!(
                "{}: a restore cannot go on: {error}",
                dir.display()
            ))
        })?;
        if restored {
            tracing::info!(dir = %dir.display(), "a restore that was cut short went on to its end");
        }
        let Options {
            retain,
            clock,
            ring,
            chance,
            segment_bytes,
            max_disk,
            sweep_every,
            disk,
        } = options;
        let dir = dir.to_owned();
        let setup = Setup {
            dir,
            disk,
            clock,
            chance,
            ring,
            retain,
            segment_bytes,
            max_disk,
            sweep_every,
        };
        let shared = Arc::new(Shared::new(setup));
        let found = shared.find_reserve();
        found.map_err(|fault| OpenError::new(&shared.setup.dir, fault))?;
        let open = load::open(&shared).map_err(|fault| OpenError::new(&shared.setup.dir, fault))?;
        shared.set_health(Ok(()));
        let (queue, commands) = mpsc::sync_channel(QUEUE);
        let (jobs, waiting) = mpsc::channel();
        let writer = Writer::new(shared.clone(), commands, jobs.clone());
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let builder = thread::Builder::new().name(name.into());
            builder
                .spawn(work)
                .map_err(|error| OpenError::Disk(format!("no thread can be started: {error}")))
        };
        let keeper = Keeper::new(shared.clone(), waiting, queue.clone());
        let keeper = spawn("doorbell-keeper", Box::new(move || keeper.run()))?;
        let writer = spawn("doorbell-writer", Box::new(move || writer.run(open)))?;
        Ok(Self {
            shared,
            queue,
            jobs,
            threads: Mutex::new(vec![keeper, writer]),
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Commits what is waiting, leaves the files so that they open at once, and lets go of them.
    /// Whatever is asked afterwards is answered not ready. It blocks until the threads have ended.
    pub fn close(&self) -> Result<(), StoreError> {
        let mut threads = self.threads.lock().expect("nothing panics under this lock");
        if threads.is_empty() {
            return Ok(());
        }
        let (answer, mut closed) = oneshot::channel();
        // A full queue is being emptied; a writer that is gone needs no closing.
        let asked = self.queue.send(Command::Close(answer)).is_ok();
        let _ = self.jobs.send(Job::Stop);
        for thread in threads.drain(..) {
            let _ = thread.join();
        }
        self.lock
            .lock()
            .expect("nothing panics under this lock")
            .take();
        match closed.try_recv() {
            Ok(outcome) => outcome,
            Err(_) if asked => Err(StoreError::NotReady("the writer ended early".into())),
            Err(_) => Ok(()),
        }
    }

    /// What its writer counts.
    pub fn figures(&self) -> Arc<CommitFigures> {
        Arc::clone(&self.shared.figures)
    }

    /// How many bytes its files have on the disk. It looks at each, so it blocks.
    pub fn disk_bytes(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for entry in std::fs::read_dir(&self.shared.setup.dir)? {
            let entry = entry?;
            let is_ours = Path::new(&entry.file_name())
                .extension()
                .is_some_and(|extension| extension == "redb");
            // One that went meanwhile has none any more.
            if is_ours && let Ok(file) = entry.metadata() {
                bytes += file.len();
            }
        }
        Ok(bytes)
    }

    /// Hands a copy of everything to `sink`, as it stands at one moment, while serving. It blocks.
    ///
    /// While it runs no disk space of what it copies is given back; else nothing waits for it, and
    /// when the disk fails meanwhile it breaks off.
    pub fn backup(&self, mut sink: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), BackupError> {
        let unreadable = |why: &dyn std::fmt::Display| BackupError::Store(why.to_string());
        let pin = backup::Pin::new(&self.shared);
        let (answer, answered) = mpsc::channel();
        self.queue
            .send(Command::Snapshot(answer))
            .map_err(|_| unreadable(&"it is closed"))?;
        let snapshot = answered
            .recv()
            .map_err(|_| unreadable(&"it was closed meanwhile"))?;
        let snapshot = snapshot.map_err(|error| unreadable(&error))?;
        pin.narrow(&snapshot);
        backup::write(snapshot, &mut sink)
    }

    /// Gives up, now, what need not be kept any more. It blocks until that is done.
    pub fn sweep(&self) {
        let (done, swept) = mpsc::channel();
        if self.jobs.send(Job::Sweep(done)).is_ok() {
            // An error means that the keeper has ended, and there is nothing to wait for.
            let _ = swept.recv();
        }
    }

    /// Asks the writer. The command is on its way before the future is first polled.
    fn ask<T, E, C>(&self, command: C) -> impl Future<Output = Result<T, E>> + Send + use<T, E, C>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        C: FnOnce(Answer<T, E>) -> Command,
    {
        let (answer, answered) = oneshot::channel();
        let sent = self.queue.try_send(command(answer)).map_err(|error| {
            let why = match error {
                mpsc::TrySendError::Full(_) => "too much is waiting",
                mpsc::TrySendError::Disconnected(_) => "it is closed",
            };
            StoreError::NotReady(why.into())
        });
        async move {
            sent?;
            match answered.await {
                Ok(outcome) => outcome,
                Err(_) => Err(StoreError::NotReady("it was closed meanwhile".into()).into()),
            }
        }
    }

    /// Reads files on a thread that may wait for them.
    async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        let task = tokio::task::spawn_blocking(move || read(&shared));
        match task.await {
            Ok(outcome) => outcome.map_err(StoreError::from),
            Err(error) => Err(StoreError::Damaged(error.to_string().into())),
        }
    }
}

impl Drop for RedbStore {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(%error, "the store was not closed well");
        }
    }
}
