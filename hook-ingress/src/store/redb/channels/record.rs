//! Channel grants, sessions and signing keys as rows of the control file.

use std::sync::Arc;

use ::redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};
use doorbell_core::{
    capability::{KeyRing, SigningKey, SigningKeyId, Verb},
    channel::{ChannelGrant, ChannelLabel},
    grant::GrantId,
    session::Session,
};

use super::{ChannelChange, Known};
use crate::store::redb::{
    codec::{In, Out, Unreadable},
    control::{key, unkey},
    fault::Fault,
    schema::{CHANNELS, SESSIONS, SIGNING_KEYS},
};

/// The field that says that a grant or a session is only there to try something out.
const PROBE: u8 = 1;

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
                self.grants.insert(&id[..], &encode_grant(grant)[..])?;
            }
            ChannelChange::Session(session) => {
                let id = session.id.as_str().as_bytes();
                self.sessions.insert(id, &encode_session(session)[..])?;
            }
            ChannelChange::Keys(ring) => {
                self.keys.retain(|_, _| false)?;
                for (place, signing) in (0_u32..).zip(ring.iter()) {
                    let row = encode_key(signing);
                    self.keys.insert(&place.to_be_bytes()[..], &row[..])?;
                }
            }
            ChannelChange::ForgetGrant(id) => {
                self.grants.remove(&key(id.as_u128())[..])?;
            }
            ChannelChange::ForgetSession(id) => {
                self.sessions.remove(id.as_str().as_bytes())?;
            }
        }
        Ok(())
    }
}

/// Reads all of them.
pub(in super::super) fn read(txn: &ReadTransaction) -> Result<Known, Fault> {
    let mut known = Known::default();
    for row in txn.open_table(CHANNELS)?.iter()? {
        let (id, value) = row?;
        let id = GrantId::from_u128(unkey(id.value())?);
        known
            .grants
            .insert(id, Arc::new(decode_grant(id, value.value())?));
    }
    for row in txn.open_table(SESSIONS)?.iter()? {
        let (id, value) = row?;
        let session = decode_session(id.value(), value.value())?;
        known.sessions.insert(session.id.clone(), Arc::new(session));
    }
    let mut keys = Vec::new();
    for row in txn.open_table(SIGNING_KEYS)?.iter()? {
        keys.push(decode_key(row?.1.value())?);
    }
    known.ring = KeyRing::new(keys);
    Ok(known)
}

fn encode_grant(grant: &ChannelGrant) -> Vec<u8> {
    let mut out = Out::default();
    out.text(grant.session.as_str());
    out.u8(grant.verb.as_byte());
    out.maybe_text(grant.label.as_ref().map(ChannelLabel::as_str));
    out.text(grant.owner_folder.as_str());
    out.u64(grant.created_at.as_millis());
    out.u64(grant.expires_at.as_millis());
    out.maybe_time(grant.revoked_at);
    if grant.probe {
        out.field(PROBE, |_| {});
    }
    out.0
}

fn decode_grant(id: GrantId, bytes: &[u8]) -> Result<ChannelGrant, Unreadable> {
    let mut from = In(bytes);
    let mut grant = ChannelGrant {
        id,
        session: from.parsed()?,
        verb: Verb::from_byte(from.u8()?).ok_or(Unreadable)?,
        label: from.maybe_parsed()?,
        owner_folder: from.parsed()?,
        probe: false,
        created_at: from.time()?,
        expires_at: from.time()?,
        revoked_at: from.maybe_time()?,
    };
    from.fields(|tag, _| {
        grant.probe |= tag == PROBE;
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

fn decode_session(id: &[u8], bytes: &[u8]) -> Result<Session, Unreadable> {
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
    from.end()?;
    Ok(key)
}
