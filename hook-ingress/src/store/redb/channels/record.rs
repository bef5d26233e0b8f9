//! Channel grants, sessions and signing keys as rows of the control file.

use std::{collections::HashMap, sync::Arc};

use ::redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};
use doorbell_core::{
    address::SessionRef,
    capability::{KeyRing, SigningKey, SigningKeyId, Verb},
    channel::{ChannelGrant, ChannelLabel},
    grant::GrantId,
    label::SessionId,
    session::Session,
    time::Timestamp,
};

use super::{ChannelChange, Known};
use crate::store::redb::{
    codec::{In, Out, Unreadable, seal, unseal},
    control::{key, unkey, whole_row},
    fault::Fault,
    routes,
    schema::{CHANNELS, CONTROL_META, SESSIONS, SESSIONS_1, SIGNING_KEYS},
};

/// The field that says that a grant or a session is only there to try something out.
const PROBE: u8 = 1;
/// The field of when a channel's session was made.
const SESSION_MADE: u8 = 2;

type Rows<'txn> = Table<'txn, &'static [u8], &'static [u8]>;

/// Their tables, open for writing.
pub(in super::super) struct Tables<'txn> {
    grants: Rows<'txn>,
    sessions: Rows<'txn>,
    keys: Rows<'txn>,
}

impl<'txn> Tables<'txn> {
    pub(in super::super) fn open(txn: &'txn WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            grants: txn.open_table(CHANNELS)?,
            sessions: txn.open_table(SESSIONS)?,
            keys: txn.open_table(SIGNING_KEYS)?,
        })
    }

    /// Writes a change down.
    pub(in super::super) fn write(&mut self, change: &ChannelChange) -> Result<(), Fault> {
        match change {
            ChannelChange::Grant(grant) => {
                let id = key(grant.id.as_u128());
                let row = seal(&id, &encode_grant(grant));
                self.grants.insert(&id[..], &row[..])?;
            }
            ChannelChange::Session(session) => {
                let key = session_key(&session.reference());
                self.sessions
                    .insert(&key[..], &seal(&key, &encode_session(session))[..])?;
            }
            ChannelChange::Keys(ring) => {
                self.keys.retain(|_, _| false)?;
                for (place, signing) in (0_u32..).zip(ring.iter()) {
                    let row = seal(&place.to_be_bytes(), &encode_key(signing));
                    self.keys.insert(&place.to_be_bytes()[..], &row[..])?;
                }
            }
            ChannelChange::ForgetGrant(id) => {
                self.grants.remove(&key(id.as_u128())[..])?;
            }
            ChannelChange::ForgetSession(session) => {
                self.sessions.remove(&session_key(session)[..])?;
            }
        }
        Ok(())
    }
}

/// Reads all of them.
pub(in super::super) fn read(txn: &ReadTransaction) -> Result<Known, Fault> {
    let mut known = Known::default();
    for row in txn.open_table(CHANNELS)?.iter()? {
        let (key, value) = row?;
        let (key, value) = (key.value(), value.value());
        let grant = whole_row("channels", key, grant_row(key, value));
        if let Some(grant) = grant {
            known.keep_grant(Arc::new(grant));
        }
    }
    for row in txn.open_table(SESSIONS)?.iter()? {
        let (key, value) = row?;
        let (key, value) = (key.value(), value.value());
        if let Some(session) = whole_row("sessions", key, session_row(key, value)) {
            known.keep_session(Arc::new(session));
        }
    }
    let mut keys = Vec::new();
    for row in txn.open_table(SIGNING_KEYS)?.iter()? {
        let (key, value) = row?;
        let (key, value) = (key.value(), value.value());
        keys.extend(whole_row("signing_keys", key, signing_row(key, value)));
    }
    known.ring = KeyRing::new(keys);
    Ok(known)
}

pub(in super::super) fn grant_row(key: &[u8], value: &[u8]) -> Result<ChannelGrant, Unreadable> {
    decode_grant(GrantId::from_u128(unkey(key)?), unseal(key, value)?)
}

pub(in super::super) fn session_row(key: &[u8], value: &[u8]) -> Result<Session, Unreadable> {
    let session = decode_session(key, unseal(key, value)?)?;
    match session_key(&session.reference()) == key {
        true => Ok(session),
        false => Err(Unreadable),
    }
}

pub(in super::super) fn signing_row(key: &[u8], value: &[u8]) -> Result<SigningKey, Unreadable> {
    decode_key(unseal(key, value)?)
}

fn encode_grant(grant: &ChannelGrant) -> Vec<u8> {
    let mut out = Out::default();
    out.text(grant.session.id.as_str());
    out.u8(grant.verb.as_byte());
    out.maybe_text(grant.label.as_ref().map(ChannelLabel::as_str));
    out.text(grant.owner_folder.as_str());
    out.u64(grant.created_at.as_millis());
    out.u64(grant.expires_at.as_millis());
    out.maybe_time(grant.revoked_at);
    if grant.probe {
        out.field(PROBE, |_| {});
    }
    out.field(SESSION_MADE, |out| out.u64(grant.session.made.as_millis()));
    out.0
}

fn decode_grant(id: GrantId, bytes: &[u8]) -> Result<ChannelGrant, Unreadable> {
    let mut from = In(bytes);
    let mut grant = ChannelGrant {
        id,
        session: SessionRef {
            id: from.parsed()?,
            // None was made then: a grant of format 1 that was not upgraded means no session.
            made: Timestamp::default(),
        },
        verb: Verb::from_byte(from.u8()?).ok_or(Unreadable)?,
        label: from.maybe_parsed()?,
        owner_folder: from.parsed()?,
        probe: false,
        created_at: from.time()?,
        expires_at: from.time()?,
        revoked_at: from.maybe_time()?,
    };
    from.fields(|tag, from| {
        match tag {
            PROBE => grant.probe = true,
            SESSION_MADE => grant.session.made = from.time()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(grant)
}

fn encode_session(session: &Session) -> Vec<u8> {
    let mut out = Out::default();
    out.text(session.folder.as_str());
    out.u8(u8::from(session.named));
    out.u64(session.created_at.as_millis());
    out.maybe_time(session.ended_at);
    if session.probe {
        out.field(PROBE, |_| {});
    }
    out.0
}

/// An id holds no zero byte, so that the sessions of one id stand together, oldest first.
fn session_key(session: &SessionRef) -> Vec<u8> {
    let mut key = session.id.as_str().as_bytes().to_vec();
    key.push(0);
    key.extend_from_slice(&session.made.as_millis().to_be_bytes());
    key
}

/// In format 1 a session's key was its id alone.
fn decode_session(key: &[u8], bytes: &[u8]) -> Result<Session, Unreadable> {
    let id = key.split(|byte| *byte == 0).next().unwrap_or(key);
    let id = std::str::from_utf8(id).map_err(|_| Unreadable)?;
    let mut from = In(bytes);
    let mut session = Session {
        id: id.parse().map_err(|_| Unreadable)?,
        folder: from.parsed()?,
        named: match from.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Unreadable),
        },
        probe: false,
        created_at: from.time()?,
        ended_at: from.maybe_time()?,
    };
    from.fields(|tag, _| {
        session.probe |= tag == PROBE;
        Ok(())
    })?;
    Ok(session)
}

fn encode_key(key: &SigningKey) -> Vec<u8> {
    let mut out = Out::default();
    out.0.extend_from_slice(&key.id().0.to_le_bytes());
    out.u64(key.created_at().as_millis());
    out.0.extend_from_slice(key.expose());
    out.0
}

fn decode_key(bytes: &[u8]) -> Result<SigningKey, Unreadable> {
    let mut from = In(bytes);
    let id = SigningKeyId(u32::from_le_bytes(from.array()?));
    let key = SigningKey::from_parts(id, from.time()?, from.array()?);
    from.fields(|_, _| Ok(()))?;
    Ok(key)
}

/// Gives what format 1 wrote what it lacks: each session a key with the moment it was made, and each
/// grant the session that bears its id now. A grant whose session is forgotten means none.
pub(in super::super) fn upgrade(txn: &WriteTransaction) -> Result<(), Fault> {
    let mut sessions = txn.open_table(SESSIONS)?;
    let mut made = HashMap::new();
    let mut rows = Vec::new();
    for row in sessions.iter()? {
        let (key, value) = row?;
        rows.push((
            key.value().to_vec(),
            decode_session(key.value(), value.value())?,
        ));
    }
    for (key, session) in rows {
        sessions.remove(&key[..])?;
        let key = session_key(&session.reference());
        sessions.insert(&key[..], &encode_session(&session)[..])?;
        made.insert(session.id.clone(), session.created_at);
    }
    let mut channels = txn.open_table(CHANNELS)?;
    let mut grants = Vec::new();
    for row in channels.iter()? {
        let (id, value) = row?;
        let id = GrantId::from_u128(unkey(id.value())?);
        grants.push(decode_grant(id, value.value())?);
    }
    for mut grant in grants {
        if let Some(made) = made.get(&grant.session.id) {
            grant.session.made = *made;
        }
        let id = key(grant.id.as_u128());
        channels.insert(&id[..], &encode_grant(&grant)[..])?;
    }
    routes::upgrade(txn, &made)?;
    // What waits in log files of format 1 names sessions by their ids alone.
    let mut out = Out::default();
    out.len(made.len());
    for (id, made) in &made {
        out.text(id.as_str());
        out.u64(made.as_millis());
    }
    txn.open_table(CONTROL_META)?
        .insert(SESSIONS_1, &seal(SESSIONS_1, &out.0)[..])?;
    Ok(())
}

/// When the sessions were made that log files of format 1 name.
pub(in super::super) fn sessions_1(
    txn: &ReadTransaction,
) -> Result<HashMap<SessionId, Timestamp>, Fault> {
    let mut made = HashMap::new();
    if let Some(row) = txn.open_table(CONTROL_META)?.get(SESSIONS_1)? {
        let mut from = In(unseal(SESSIONS_1, row.value())?);
        for _ in 0..from.len()? {
            made.insert(from.parsed()?, from.time()?);
        }
    }
    Ok(made)
}
