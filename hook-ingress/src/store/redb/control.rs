//! `doorbell.redb`: grants, sessions, keys, rules, and what outlives the log. Small and precious.

use std::{collections::HashMap, path::Path};

use ::redb::{Database, ReadableDatabase, ReadableTable, TableError};
use doorbell_core::{
    browser::BrowserSession,
    folder::Folder,
    grant::{Door, Grant, GrantId},
    key::{ApiKey, KeyId},
    label::SessionId,
    message::MessageId,
    principal::Principal,
    route::Table,
    time::Timestamp,
    token::TokenHash,
};

use super::{
    browsers,
    channels::{self, ChannelChange, Known},
    codec::{In, Out, Unreadable, seal, unseal},
    damage::{self, RowName},
    disk::Disk,
    fault::{Fault, guarded},
    repeats::SeenRow,
    routes::{self, RuleChange},
    schema::{
        BROWSERS, CONTROL_FILE, CONTROL_FORMAT, CONTROL_LATEST, CONTROL_META, CONTROL_TABLES,
        FORMAT, GRANTS, KEYS, LATER_CONTROL_TABLES, ROUTES, SEEN, USED,
    },
    segment::{self, Layout},
    upgrade,
};

/// The field of what a grant's URL began with.
const PUBLIC_URL: u8 = 1;
/// The field that says that a grant only tries something out.
const PROBE: u8 = 2;

/// The field of a provider's id mixed with the content it came with.
const EXACT: u8 = 1;

/// Its cache, in bytes.
const CACHE: usize = 1 << 20;

/// A change to the control file.
#[derive(Debug)]
pub(super) enum Change {
    /// A grant is new or was revoked.
    Grant(TokenHash, std::sync::Arc<Grant>),
    /// A key is new or was revoked.
    Key(TokenHash, std::sync::Arc<ApiKey>),
    /// A browser signed in, was seen or, where there is no session, is out.
    Browser(TokenHash, Option<BrowserSession>),
    /// About channel grants, sessions and signing keys.
    Channel(ChannelChange),
    /// A rule is new or gone; all of them as they stand then.
    Rule(RuleChange, std::sync::Arc<Table>),
    /// A message came through a grant, of a route or of a channel.
    Used(GrantId, Timestamp),
    /// A dedupe hash whose file goes.
    Seen([u8; 16], SeenRow),
    /// A dedupe hash that no longer matters.
    Unseen([u8; 16]),
    /// A grant that nobody needs to remember.
    Forget(GrantId),
    /// It is this late: what has expired by now stays so.
    Latest(Timestamp),
}

/// The open file.
pub(super) struct Control {
    pub(super) db: Database,
}

/// All that stands in it.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) grants: Vec<(TokenHash, Grant)>,
    pub(super) keys: Vec<(TokenHash, ApiKey)>,
    pub(super) browsers: Vec<(TokenHash, BrowserSession)>,
    pub(super) channels: Known,
    /// When the sessions were made that log files of format 1 name by their ids.
    pub(super) sessions_1: HashMap<SessionId, Timestamp>,
    pub(super) routes: Table,
    pub(super) used: Vec<(GrantId, Timestamp)>,
    pub(super) seen: Vec<([u8; 16], MessageId)>,
    /// The latest time that was told when it was written.
    pub(super) latest: Timestamp,
}

impl Control {
    /// Opens the file, makes it if there is none, and reads it.
    pub(super) fn open(disk: &dyn Disk, path: &Path) -> Result<(Self, Contents), Fault> {
        guarded(path, || Self::open_unguarded(disk, path))
    }

    fn open_unguarded(disk: &dyn Disk, path: &Path) -> Result<(Self, Contents), Fault> {
        let db = segment::open_or_make(disk, path, CACHE, |txn| {
            for table in CONTROL_TABLES {
                txn.open_table(table)?;
            }
            txn.open_table(CONTROL_META)?
                .insert(CONTROL_FORMAT, &FORMAT.to_le_bytes()[..])?;
            Ok(())
        })?;
        let txn = db.begin_read()?;
        let found = match txn.open_table(CONTROL_META) {
            Ok(meta) => meta
                .get(CONTROL_FORMAT)?
                .and_then(|found| found.value().try_into().ok()),
            Err(TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let layout = segment::check_format(path, found.map(u64::from_le_bytes))?;
        let mut missing = layout == Layout::V1;
        for table in LATER_CONTROL_TABLES {
            match txn.open_table(table) {
                Ok(_) => {}
                Err(TableError::TableDoesNotExist(_)) => missing = true,
                Err(error) => return Err(error.into()),
            }
        }
        drop(txn);
        if missing {
            let mut txn = db.begin_write()?;
            txn.set_quick_repair(true);
            for table in LATER_CONTROL_TABLES {
                txn.open_table(table)?;
            }
            if layout == Layout::V1 {
                upgrade::control(&txn)?;
            }
            // From here on an older program refuses the directory.
            txn.open_table(CONTROL_META)?
                .insert(CONTROL_FORMAT, &FORMAT.to_le_bytes()[..])?;
            txn.commit()?;
        }
        let contents = read(&db.begin_read()?)?;
        Ok((Self { db }, contents))
    }

    /// Writes changes. Once it returns they are durable.
    pub(super) fn commit(&mut self, changes: &[Change]) -> Result<(), Fault> {
        let mut txn = self.db.begin_write()?;
        // It is small and seldom written: a crash must never have to repair it.
        txn.set_quick_repair(true);
        {
            let mut grants = txn.open_table(GRANTS)?;
            let mut keys = txn.open_table(KEYS)?;
            let mut browsers = txn.open_table(BROWSERS)?;
            let mut channels = channels::Tables::open(&txn)?;
            let mut rules = txn.open_table(ROUTES)?;
            let mut used = txn.open_table(USED)?;
            let mut seen = txn.open_table(SEEN)?;
            let mut meta = txn.open_table(CONTROL_META)?;
            for change in changes {
                match change {
                    Change::Grant(hash, grant) => {
                        grants.insert(
                            &key(grant.id.as_u128())[..],
                            &seal(&key(grant.id.as_u128()), &encode_grant(hash, grant))[..],
                        )?;
                    }
                    Change::Key(hash, api_key) => {
                        keys.insert(
                            &key(api_key.id.as_u128())[..],
                            &seal(&key(api_key.id.as_u128()), &encode_key(hash, api_key))[..],
                        )?;
                    }
                    Change::Browser(hash, Some(session)) => {
                        let row = seal(hash.as_bytes(), &browsers::encode(session));
                        browsers.insert(&hash.as_bytes()[..], &row[..])?;
                    }
                    Change::Browser(hash, None) => {
                        browsers.remove(&hash.as_bytes()[..])?;
                    }
                    Change::Channel(change) => {
                        channels.write(change)?;
                        if let ChannelChange::ForgetGrant(id) = change {
                            used.remove(&key(id.as_u128())[..])?;
                        }
                    }
                    Change::Rule(RuleChange::Set(rule), _) => {
                        let row = seal(&key(rule.id.as_u128()), &routes::encode(rule));
                        rules.insert(&key(rule.id.as_u128())[..], &row[..])?;
                    }
                    Change::Rule(RuleChange::Remove(id), _) => {
                        rules.remove(&key(id.as_u128())[..])?;
                    }
                    Change::Used(id, at) => {
                        let row = seal(&key(id.as_u128()), &at.as_millis().to_le_bytes());
                        used.insert(&key(id.as_u128())[..], &row[..])?;
                    }
                    Change::Seen(hash, row) => {
                        seen.insert(&hash[..], &seal(hash, &encode_seen(row))[..])?;
                    }
                    Change::Unseen(hash) => {
                        seen.remove(&hash[..])?;
                    }
                    Change::Latest(at) => {
                        let row = seal(CONTROL_LATEST, &at.as_millis().to_le_bytes());
                        meta.insert(CONTROL_LATEST, &row[..])?;
                    }
                    Change::Forget(id) => {
                        grants.remove(&key(id.as_u128())[..])?;
                        used.remove(&key(id.as_u128())[..])?;
                    }
                }
            }
        }
        txn.commit()?;
        Ok(())
    }

    /// Where and when a hash that outlived its file was seen.
    pub(super) fn seen(&self, hash: &[u8; 16]) -> Result<Option<SeenRow>, Fault> {
        let txn = self.db.begin_read()?;
        let table = txn.open_table(SEEN)?;
        let row = table.get(&hash[..])?;
        Ok(row.and_then(|row| Some(seen_row(hash, row.value()).ok()?.1)))
    }
}

fn read(txn: &::redb::ReadTransaction) -> Result<Contents, Fault> {
    let mut contents = Contents {
        browsers: browsers::read(txn)?,
        channels: channels::read(txn)?,
        sessions_1: channels::sessions_1(txn)?,
        routes: routes::read(txn)?,
        ..Contents::default()
    };
    for row in txn.open_table(GRANTS)?.iter()? {
        let (key, value) = row?;
        let (key, value) = (key.value(), value.value());
        contents
            .grants
            .extend(whole_row("grants", key, grant_row(key, value)));
    }
    for row in txn.open_table(KEYS)?.iter()? {
        let (key, value) = row?;
        let (key, value) = (key.value(), value.value());
        contents
            .keys
            .extend(whole_row("keys", key, key_row(key, value)));
    }
    for row in txn.open_table(USED)?.iter()? {
        let (key, value) = row?;
        let (key, value) = (key.value(), value.value());
        contents
            .used
            .extend(whole_row("used", key, used_row(key, value)));
    }
    for row in txn.open_table(SEEN)?.iter()? {
        let (key, value) = row?;
        let (key, value) = (key.value(), value.value());
        let row = whole_row("seen", key, seen_row(key, value));
        contents.seen.extend(row.map(|(hash, row)| (hash, row.id)));
    }
    if let Some(row) = txn.open_table(CONTROL_META)?.get(CONTROL_LATEST)? {
        let at = unseal(CONTROL_LATEST, row.value()).and_then(|at| In(at).time());
        contents.latest = whole_row("meta", CONTROL_LATEST, at).unwrap_or_default();
    }
    Ok(contents)
}

/// What a row of the control file holds, if it reads as it was written.
pub(super) fn whole_row<T>(table: &str, key: &[u8], read: Result<T, Unreadable>) -> Option<T> {
    damage::whole(CONTROL_FILE, RowName { table, key }, read)
}

pub(super) fn grant_row(key: &[u8], value: &[u8]) -> Result<(TokenHash, Grant), Unreadable> {
    decode_grant(GrantId::from_u128(unkey(key)?), unseal(key, value)?)
}

pub(super) fn key_row(key: &[u8], value: &[u8]) -> Result<(TokenHash, ApiKey), Unreadable> {
    decode_key(KeyId::from_u128(unkey(key)?), unseal(key, value)?)
}

pub(super) fn used_row(key: &[u8], value: &[u8]) -> Result<(GrantId, Timestamp), Unreadable> {
    let mut from = In(unseal(key, value)?);
    let at = from.time()?;
    from.fields(|_, _| Ok(()))?;
    Ok((GrantId::from_u128(unkey(key)?), at))
}

pub(super) fn seen_row(key: &[u8], value: &[u8]) -> Result<([u8; 16], SeenRow), Unreadable> {
    let hash = key.try_into().map_err(|_| Unreadable)?;
    Ok((hash, decode_seen(unseal(key, value)?)?))
}

fn encode_seen(row: &SeenRow) -> Vec<u8> {
    let mut out = Out::default();
    out.u128(row.id.as_u128());
    out.u64(row.at.as_millis());
    if let Some(exact) = row.exact {
        out.field(EXACT, |out| out.0.extend_from_slice(&exact));
    }
    out.0
}

fn decode_seen(bytes: &[u8]) -> Result<SeenRow, Unreadable> {
    let mut from = In(bytes);
    let mut row = SeenRow {
        id: MessageId::from_u128(from.u128()?),
        at: from.time()?,
        exact: None,
    };
    from.fields(|tag, from| {
        if tag == EXACT {
            row.exact = Some(from.array()?);
        }
        Ok(())
    })?;
    Ok(row)
}

/// Big-endian, so that ids stand in their order.
pub(super) fn key(id: u128) -> [u8; 16] {
    id.to_be_bytes()
}

pub(super) fn unkey(bytes: &[u8]) -> Result<u128, Unreadable> {
    bytes
        .try_into()
        .map(u128::from_be_bytes)
        .map_err(|_| Unreadable)
}

fn encode_grant(hash: &TokenHash, grant: &Grant) -> Vec<u8> {
    let mut out = Out::default();
    out.0.extend_from_slice(hash.as_bytes());
    match &grant.door {
        Door::Hook { label, suffix } => {
            out.u8(0);
            out.text(label.as_str());
            out.maybe_text(suffix.as_ref().map(|suffix| suffix.as_str()));
        }
        Door::Web { suffix } => {
            out.u8(1);
            out.maybe_text(suffix.as_ref().map(|suffix| suffix.as_str()));
        }
    }
    out.text(grant.owner_folder.as_str());
    out.text(grant.target_folder.as_str());
    out.maybe_text(grant.context.as_ref().map(|context| context.as_str()));
    out.u64(grant.created_at.as_millis());
    out.maybe_time(grant.expires_at);
    out.maybe_time(grant.revoked_at);
    if let Some(url) = &grant.public_url {
        out.field(PUBLIC_URL, |out| out.text(url));
    }
    if grant.probe {
        out.field(PROBE, |_| {});
    }
    out.0
}

fn decode_grant(id: GrantId, bytes: &[u8]) -> Result<(TokenHash, Grant), Unreadable> {
    let mut from = In(bytes);
    let hash = TokenHash::from_bytes(from.array()?);
    let door = match from.u8()? {
        0 => Door::Hook {
            label: from.parsed()?,
            suffix: from.maybe_parsed()?,
        },
        1 => Door::Web {
            suffix: from.maybe_parsed()?,
        },
        _ => return Err(Unreadable),
    };
    let mut grant = Grant {
        id,
        door,
        owner_folder: from.parsed()?,
        target_folder: from.parsed()?,
        context: from.maybe_parsed()?,
        public_url: None,
        probe: false,
        created_at: from.time()?,
        expires_at: from.maybe_time()?,
        revoked_at: from.maybe_time()?,
    };
    from.fields(|tag, from| {
        match tag {
            PUBLIC_URL => grant.public_url = Some(from.text()?.into()),
            PROBE => grant.probe = true,
            _ => {}
        }
        Ok(())
    })?;
    Ok((hash, grant))
}

fn encode_key(hash: &TokenHash, key: &ApiKey) -> Vec<u8> {
    let mut out = Out::default();
    out.0.extend_from_slice(hash.as_bytes());
    out.maybe_text(key.principal.home().map(Folder::as_str));
    out.maybe_text(key.name.as_deref());
    out.u64(key.created_at.as_millis());
    out.maybe_time(key.revoked_at);
    out.0
}

fn decode_key(id: KeyId, bytes: &[u8]) -> Result<(TokenHash, ApiKey), Unreadable> {
    let mut from = In(bytes);
    let hash = TokenHash::from_bytes(from.array()?);
    let principal = match from.maybe_parsed()? {
        None => Principal::Operator,
        Some(folder) => Principal::Agent(folder),
    };
    let key = ApiKey {
        id,
        principal,
        name: from.maybe_text()?.map(Into::into),
        created_at: from.time()?,
        revoked_at: from.maybe_time()?,
    };
    from.fields(|_, _| Ok(()))?;
    Ok((hash, key))
}
