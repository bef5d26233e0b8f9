//! Browsers that are signed in, in memory.

use std::sync::Arc;

use super::{MemoryStore, answer};
use crate::{
    browser::{BrowserSession, MAX_BROWSERS_PER_KEY},
    key::ApiKey,
    ports::{Answer, BrowserSessions},
    time::Timestamp,
    token::TokenHash,
};

impl BrowserSessions for MemoryStore {
    fn browser_session(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Option<(BrowserSession, Arc<ApiKey>)> {
        let tables = self.tables();
        let session = tables.browsers.get(hash).filter(|it| it.is_open(now))?;
        let mut keys = tables.keys.iter().map(|(_, key)| key);
        let key = keys.find(|key| key.id == session.key && key.is_live())?;
        Some((session.clone(), key.clone()))
    }

    fn keep_browser_session(&self, session: BrowserSession, hash: TokenHash) -> Answer<'_, bool> {
        let mut tables = self.tables();
        let mut keys = tables.keys.iter();
        if !keys.any(|(_, key)| key.id == session.key && key.is_live()) {
            return answer(Ok(false));
        }
        let of_key = |other: &BrowserSession| other.key == session.key;
        let others = tables.browsers.iter().filter(|(other, _)| **other != hash);
        let others: Vec<_> = others.filter(|(_, it)| of_key(it)).collect();
        if others.len() >= MAX_BROWSERS_PER_KEY {
            let first = others
                .into_iter()
                .min_by_key(|(hash, it)| (it.ends_at, *hash.as_bytes()))
                .map(|(hash, _)| *hash);
            tables.browsers.remove(&first.expect("there are some"));
        }
        tables.browsers.insert(hash, session);
        answer(Ok(true))
    }

    fn end_browser_session(&self, hash: TokenHash) -> Answer<'_, bool> {
        answer(Ok(self.tables().browsers.remove(&hash).is_some()))
    }
}
