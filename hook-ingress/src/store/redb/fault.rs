//! What goes wrong below the store: a disk that fails, or bytes that are not what was written.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::{Arc, Once},
};

use doorbell_core::ports::StoreError;

use super::codec::Unreadable;

/// Why something below did not work.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The disk did not do as it was told; it may again.
    #[error("{0}")]
    Disk(Arc<str>),
    /// A file does not hold what was written.
    #[error("{0}")]
    Damaged(Arc<str>),
    /// A file of a newer format.
    #[error("{file} has format {found}, and this program reads {known}")]
    Newer {
        /// The file's name.
        file: Arc<str>,
        /// Its version.
        found: u64,
        /// Ours.
        known: u64,
    },
    /// The process has as many files open as it may; the disk is well.
    #[error("too many files are open: {0}; raise the limit (ulimit -n, or LimitNOFILE)")]
    OpenFiles(Arc<str>),
    /// Another handle has the file open.
    #[error("the file is open elsewhere")]
    Taken,
}

impl Fault {
    /// Says which file it is about, unless that was said.
    pub(super) fn of(self, path: &Path) -> Self {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let named = |why: Arc<str>| match why.strip_prefix(&*file) {
            Some(rest) if rest.starts_with(':') => why,
            _ => format!("{file}: {why}").into(),
        };
        match self {
            Self::Disk(why) => Self::Disk(named(why)),
            Self::Damaged(why) => Self::Damaged(named(why)),
            other => other,
        }
    }
}

thread_local! {
    /// Whether a panic is caught and told in our own words.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Reads from a file whose pages may hold anything. redb panics where a page does not read as one
/// that it wrote: that is caught here, told without a backtrace, and names the file.
pub(super) fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    caught(read).map_err(|fault| fault.of(path))
}

/// The same for a part of what is read under [`guarded`], so that the other parts are read still.
pub(super) fn caught<T>(read: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                next(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    // What it leaves behind is not looked at again: the transaction ends with it.
    let outcome = panic::catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(outer);
    let broken = || Fault::Damaged("its pages do not read as they were written".into());
    outcome.unwrap_or_else(|panic| match panic.is::<String>() || panic.is::<&str>() {
        true => Err(broken()),
        // Not a page's doing.
        false => panic::resume_unwind(panic),
    })
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Damaged(why) => Self::Damaged(why),
            other => Self::NotReady(other.to_string().into()),
        }
    }
}

impl From<Unreadable> for Fault {
    fn from(error: Unreadable) -> Self {
        Self::Damaged(error.to_string().into())
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        let why = error.to_string().into();
        if is_of_open_files(&error) {
            return Self::OpenFiles(why);
        }
        Self::Disk(why)
    }
}

/// Whether the process, or the machine, has as many files open as it may.
pub(super) fn is_of_open_files(error: &std::io::Error) -> bool {
    // ENFILE and EMFILE, which are the same numbers on every Unix.
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

impl From<::redb::Error> for Fault {
    fn from(error: ::redb::Error) -> Self {
        use ::redb::Error;
        let why = error.to_string().into();
        match error {
            Error::DatabaseAlreadyOpen => Self::Taken,
            Error::Corrupted(_)
            | Error::UpgradeRequired(_)
            | Error::TableTypeMismatch { .. }
            | Error::TableDoesNotExist(_) => Self::Damaged(why),
            // What redb says of a file that does not begin as one of its own.
            Error::Io(io) if io.kind() == std::io::ErrorKind::InvalidData => Self::Damaged(why),
            _ => Self::Disk(why),
        }
    }
}

macro_rules! from_redb {
    ($($error:ident),*) => {$(
        impl From<::redb::$error> for Fault {
            fn from(error: ::redb::$error) -> Self {
                ::redb::Error::from(error).into()
            }
        }
    )*};
}
from_redb!(
    StorageError,
    TableError,
    TransactionError,
    CommitError,
    DatabaseError
);
