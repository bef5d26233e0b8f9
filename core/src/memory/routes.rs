//! Rules that route messages, in memory.

use std::sync::Arc;

use super::{MemoryStore, answer};
use crate::{
    message::RouteId,
    ports::{Answer, RouteStore, Routes, SetRuleError},
    route::{NewRule, Rule, Table},
};

impl Routes for MemoryStore {
    fn routes(&self) -> Arc<Table> {
        self.tables().routes.clone()
    }
}

impl RouteStore for MemoryStore {
    fn set_rule(&self, rule: NewRule) -> Answer<'_, Arc<Rule>, SetRuleError> {
        let routes = &mut self.tables().routes;
        answer(match routes.with(rule) {
            Ok((table, rule)) => {
                *routes = Arc::new(table);
                Ok(rule)
            }
            Err(full) => Err(full.into()),
        })
    }

    fn remove_rule(&self, id: RouteId) -> Answer<'_, bool> {
        let routes = &mut self.tables().routes;
        let left = routes.without(id);
        let removed = left.is_some();
        if let Some(table) = left {
            *routes = Arc::new(table);
        }
        answer(Ok(removed))
    }
}
