//! Browsers that are signed in: decided in a turn, kept in the control file.

use std::sync::Arc;

use ::redb::{ReadTransaction, ReadableTable};
use doorbell_core::{
    browser::{BrowserSession, MAX_BROWSERS_PER_KEY},
    key::{ApiKey, KeyId},
    ports::{Answer, BrowserSessions},
    time::Timestamp,
    token::TokenHash,
};

use super::{
    RedbStore,
    codec::{In, Out, Unreadable, unseal},
    command::{self, Command},
    control::{self, Change},
    fault::Fault,
    schema::BROWSERS,
    shared::Shared,
    turn::{Turn, reply},
};

impl BrowserSessions for RedbStore {
    fn browser_session(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Option<(BrowserSession, Arc<ApiKey>)> {
        let registry = self.registry();
        let session = registry.browsers.get(hash).filter(|it| it.is_open(now))?;
        let (_, key) = registry.key_by_id(session.key)?;
        key.is_live().then(|| (session.clone(), key))
    }

    fn keep_browser_session(&self, session: BrowserSession, hash: TokenHash) -> Answer<'_, bool> {
        Box::pin(self.ask(move |answer| Command::KeepBrowser(Box::new(session), hash, answer)))
    }

    fn end_browser_session(&self, hash: TokenHash) -> Answer<'_, bool> {
        Box::pin(self.ask(move |answer| Command::EndBrowser(hash, answer)))
    }
}

impl Turn {
    /// A new session, or one that lasts longer.
    pub(super) fn keep_browser(
        &mut self,
        shared: &Shared,
        session: BrowserSession,
        hash: TokenHash,
        answer: command::Answer<bool>,
    ) {
        let kept = self
            .key(shared, session.key)
            .is_some_and(|(_, key)| key.is_live());
        if kept {
            let others = self.browsers_of(shared, session.key);
            let mut others: Vec<_> = others
                .into_iter()
                .filter(|(other, _)| *other != hash)
                .map(|(other, it)| (it.ends_at, *other.as_bytes()))
                .collect();
            others.sort_unstable();
            let too_many = (others.len() + 1).saturating_sub(MAX_BROWSERS_PER_KEY);
            for (_, first) in others.into_iter().take(too_many) {
                self.change_browser(TokenHash::from_bytes(first), None);
            }
            self.change_browser(hash, Some(session));
        }
        self.control_replies.push(reply(answer, kept));
    }

    /// Ends a session.
    pub(super) fn end_browser(
        &mut self,
        shared: &Shared,
        hash: TokenHash,
        answer: command::Answer<bool>,
    ) {
        let there = match self.browsers.get(&hash) {
            Some(changed) => changed.is_some(),
            None => {
                let registry = shared.registry.read();
                let registry = registry.expect("nothing panics under this lock");
                registry.browsers.contains_key(&hash)
            }
        };
        if there {
            self.change_browser(hash, None);
        }
        self.control_replies.push(reply(answer, there));
    }

    /// A key's sessions as this turn leaves them.
    fn browsers_of(&self, shared: &Shared, key: KeyId) -> Vec<(TokenHash, BrowserSession)> {
        let registry = shared.registry.read();
        let registry = registry.expect("nothing panics under this lock");
        let committed = registry.browsers.iter();
        let unchanged = committed.filter(|(hash, _)| !self.browsers.contains_key(*hash));
        let changed = self.browsers.iter();
        let changed = changed.filter_map(|(hash, it)| Some((hash, it.as_ref()?)));
        unchanged
            .chain(changed)
            .filter(|(_, it)| it.key == key)
            .map(|(hash, it)| (*hash, it.clone()))
            .collect()
    }

    fn change_browser(&mut self, hash: TokenHash, session: Option<BrowserSession>) {
        self.browsers.insert(hash, session.clone());
        self.changes.push(Change::Browser(hash, session));
    }
}

/// Every session that the control file has.
pub(super) fn read(txn: &ReadTransaction) -> Result<Vec<(TokenHash, BrowserSession)>, Fault> {
    let mut sessions = Vec::new();
    for row in txn.open_table(BROWSERS)?.iter()? {
        let (hash, value) = row?;
        let session = row_of(hash.value(), value.value());
        sessions.extend(control::whole_row("browsers", hash.value(), session));
    }
    Ok(sessions)
}

/// One of them.
pub(super) fn row_of(
    hash_key: &[u8],
    value: &[u8],
) -> Result<(TokenHash, BrowserSession), Unreadable> {
    let hash = hash_key.try_into().map_err(|_| Unreadable)?;
    Ok((
        TokenHash::from_bytes(hash),
        decode(unseal(hash_key, value)?)?,
    ))
}

pub(super) fn encode(session: &BrowserSession) -> Vec<u8> {
    let mut out = Out::default();
    out.u128(session.key.as_u128());
    out.u8(u8::from(session.secure));
    out.u64(session.created_at.as_millis());
    out.u64(session.ends_at.as_millis());
    out.0
}

fn decode(bytes: &[u8]) -> Result<BrowserSession, Unreadable> {
    let mut from = In(bytes);
    let session = BrowserSession {
        key: KeyId::from_u128(from.u128()?),
        secure: match from.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Unreadable),
        },
        created_at: from.time()?,
        ends_at: from.time()?,
    };
    from.fields(|_, _| Ok(()))?;
    Ok(session)
}
