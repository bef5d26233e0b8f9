//! What the files are called, which tables they hold, and the version each carries.
//!
//! Format 1 is what the first released version wrote. A log file of it stays as it is and is only
//! read; the control file's values of it read as values of format 2 without fields. See
//! [`super::upgrade`].
//!
//! A log file's tables all run from a number to bytes, and the control file's from bytes to
//! bytes, so that a backup copies any of them without knowing what is in it.

use std::path::{Path, PathBuf};

use ::redb::TableDefinition;

/// The version every file that is written carries. A file of a newer one is refused.
pub(super) const FORMAT: u64 = 2;
/// The oldest version that is read.
pub(super) const OLDEST_FORMAT: u64 = 1;

/// A table of a log file.
pub(super) type LogTable = TableDefinition<'static, u64, &'static [u8]>;
/// A table of the control file.
pub(super) type ControlTable = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// [`META_FORMAT`] and [`META_FIRST`], each a little-endian `u64`.
pub(super) const META: LogTable = TableDefinition::new("meta");
/// An origin's number -> the origin, for every origin that `heads` or `carried` names.
pub(super) const ORIGINS: LogTable = TableDefinition::new("origins");
/// A place in the file's stream of records -> the bytes from there on, up to the next row.
pub(super) const BODIES: LogTable = TableDefinition::new("bodies");
/// A batch's first sequence number -> its entries, one after another.
pub(super) const HEADS: LogTable = TableDefinition::new("heads");
/// An event's number -> it and those that follow on it.
pub(super) const EVENTS: LogTable = TableDefinition::new("events");
/// A sequence number -> the entry of a message that was carried here from a file that is gone.
pub(super) const CARRIED: LogTable = TableDefinition::new("carried");
/// An event's number -> an event that was moved here from a file that is gone.
pub(super) const MOVED: LogTable = TableDefinition::new("moved");

/// Every table of a log file.
pub(super) const LOG_TABLES: [LogTable; 7] = [META, ORIGINS, BODIES, HEADS, EVENTS, CARRIED, MOVED];

/// In [`META`]: the format version.
pub(super) const META_FORMAT: u64 = 0;
/// In [`META`]: the first sequence number that may stand in the file.
pub(super) const META_FIRST: u64 = 1;

/// `format` -> the format version.
pub(super) const CONTROL_META: ControlTable = TableDefinition::new("meta");
/// The key of the version in [`CONTROL_META`].
pub(super) const CONTROL_FORMAT: &[u8] = b"format";
/// In [`CONTROL_META`]: the latest time that was told when the file was last written, sealed.
pub(super) const CONTROL_LATEST: &[u8] = b"latest";
/// In [`CONTROL_META`]: when the sessions were made that log files of format 1 name by their ids.
pub(super) const SESSIONS_1: &[u8] = b"sessions of format 1";
/// A grant's id -> its token's hash and the grant.
pub(super) const GRANTS: ControlTable = TableDefinition::new("grants");
/// A key's id -> its hash and the key.
pub(super) const KEYS: ControlTable = TableDefinition::new("keys");
/// A channel grant's id -> the grant.
pub(super) const CHANNELS: ControlTable = TableDefinition::new("channels");
/// A session's id -> the session.
pub(super) const SESSIONS: ControlTable = TableDefinition::new("sessions");
/// A signing key's place in the ring -> the key, secret and all; the last one signs.
pub(super) const SIGNING_KEYS: ControlTable = TableDefinition::new("signing_keys");
/// A rule's id -> the rule.
pub(super) const ROUTES: ControlTable = TableDefinition::new("routes");
/// A grant's or a channel grant's id -> when a message last came through it.
pub(super) const USED: ControlTable = TableDefinition::new("used");
/// A dedupe hash that outlived its file -> the message's id and when it came.
pub(super) const SEEN: ControlTable = TableDefinition::new("seen");

/// A browser's cookie, hashed -> its session.
pub(super) const BROWSERS: ControlTable = TableDefinition::new("browsers");

/// Every table of the control file.
pub(super) const CONTROL_TABLES: [ControlTable; 10] = [
    CONTROL_META,
    GRANTS,
    KEYS,
    USED,
    SEEN,
    CHANNELS,
    SESSIONS,
    SIGNING_KEYS,
    ROUTES,
    BROWSERS,
];
/// Those that files of the first builds do not have. They are made where they are missing; that
/// any other is missing means that the file is damaged.
pub(super) const LATER_CONTROL_TABLES: [ControlTable; 5] =
    [CHANNELS, SESSIONS, SIGNING_KEYS, ROUTES, BROWSERS];

/// Grants, sessions, keys, rules and what outlives the log.
pub(super) const CONTROL_FILE: &str = "doorbell.redb";
/// The log file that is prepared ahead. It becomes a link of the chain with its first commit.
pub(super) const NEXT_FILE: &str = "next.redb";
/// Held locked by the process that has the store open; its id is inside.
pub(super) const LOCK_FILE: &str = "doorbell.pid";
/// What is being made ends so.
pub(super) const DRAFT_SUFFIX: &str = ".draft";
/// What is on its way out ends so.
pub(super) const GONE_SUFFIX: &str = ".gone";

/// The path of the log file whose first sequence number is `first`.
pub(super) fn log_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("log-{first:020}.redb"))
}

/// The first sequence number that a log file's name says, if it is one.
pub(super) fn log_first(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix("log-")?
        .strip_suffix(".redb")?
        .parse()
        .ok()
}
