//! Rules that route messages: decided in a turn, kept in the control file.

use std::{collections::HashMap, sync::Arc};

use ::redb::{ReadTransaction, ReadableTable, WriteTransaction};
use doorbell_core::{
    label::SessionId,
    message::RouteId,
    ports::SetRuleError,
    route::{HeaderGlobs, NewRule, Owner, Rule, Table, Target},
    time::Timestamp,
};

use super::{
    codec::{In, Out, Unreadable, unseal},
    command::Answer,
    control::{Change, key, unkey, whole_row},
    fault::Fault,
    schema::ROUTES,
    shared::Shared,
    turn::{Turn, reply},
};

/// The field of when a target's session was made.
const SESSION_MADE: u8 = 1;

/// A change to the rules.
#[derive(Debug)]
pub(super) enum RuleChange {
    /// A rule is new.
    Set(Arc<Rule>),
    /// A rule is no more.
    Remove(RouteId),
}

impl Turn {
    /// A new rule, in its place among those that this turn set before it.
    pub(super) fn set_rule(
        &mut self,
        shared: &Shared,
        new: NewRule,
        answer: Answer<Arc<Rule>, SetRuleError>,
    ) {
        match self.rules(shared).with(new) {
            Ok((table, rule)) => {
                self.change_rules(table, RuleChange::Set(rule.clone()));
                self.control_replies.push(reply(answer, rule));
            }
            Err(full) => drop(answer.send(Err(full.into()))),
        }
    }

    /// Removes a rule.
    pub(super) fn remove_rule(&mut self, shared: &Shared, id: RouteId, answer: Answer<bool>) {
        let left = self.rules(shared).without(id);
        let removed = left.is_some();
        if let Some(table) = left {
            self.change_rules(table, RuleChange::Remove(id));
        }
        self.control_replies.push(reply(answer, removed));
    }

    /// The rules as this turn leaves them.
    fn rules(&self, shared: &Shared) -> Arc<Table> {
        self.routes.clone().unwrap_or_else(|| {
            let registry = shared.registry.read();
            registry
                .expect("nothing panics under this lock")
                .routes
                .clone()
        })
    }

    fn change_rules(&mut self, table: Table, change: RuleChange) {
        let table = Arc::new(table);
        self.routes = Some(table.clone());
        self.changes.push(Change::Rule(change, table));
    }
}

/// Every rule that the control file has.
pub(super) fn read(txn: &ReadTransaction) -> Result<Table, Fault> {
    let mut rules = Vec::new();
    for row in txn.open_table(ROUTES)?.iter()? {
        let (id, value) = row?;
        let rule = row_of(id.value(), value.value());
        rules.extend(whole_row("routes", id.value(), rule).map(Arc::new));
    }
    Ok(Table::new(rules))
}

/// One of them.
pub(super) fn row_of(key: &[u8], value: &[u8]) -> Result<Rule, Unreadable> {
    decode(RouteId::from_u128(unkey(key)?), unseal(key, value)?)
}

pub(super) fn encode(rule: &Rule) -> Vec<u8> {
    let mut out = Out::default();
    out.maybe_text(rule.owner.folder().map(|folder| folder.as_str()));
    out.text(rule.pattern.as_str());
    out.maybe_text(rule.sender.as_ref().map(|sender| sender.as_str()));
    out.len(rule.headers.iter().len());
    for (name, glob) in rule.headers.iter() {
        out.text(name);
        out.text(glob.as_str());
    }
    out.text(&rule.target.to_string());
    out.u64(rule.seq.into());
    out.u64(rule.created_at.as_millis());
    if let Some(made) = rule.session_made {
        out.field(SESSION_MADE, |out| out.u64(made.as_millis()));
    }
    out.0
}

/// Gives rules of format 1 the session that bears their target's id now.
pub(super) fn upgrade(
    txn: &WriteTransaction,
    made: &HashMap<SessionId, Timestamp>,
) -> Result<(), Fault> {
    let mut table = txn.open_table(ROUTES)?;
    let mut rules = Vec::new();
    for row in table.iter()? {
        let (id, value) = row?;
        rules.push(decode(
            RouteId::from_u128(unkey(id.value())?),
            value.value(),
        )?);
    }
    for mut rule in rules {
        if let Target::Session(id) = &rule.target {
            rule.session_made = made.get(id).copied();
            table.insert(&key(rule.id.as_u128())[..], &encode(&rule)[..])?;
        }
    }
    Ok(())
}

fn decode(id: RouteId, bytes: &[u8]) -> Result<Rule, Unreadable> {
    let mut from = In(bytes);
    let owner = from.maybe_parsed()?.map_or(Owner::Root, Owner::Folder);
    let pattern = from.parsed()?;
    let sender = from.maybe_parsed()?;
    let mut headers = Vec::new();
    for _ in 0..from.len()? {
        headers.push((from.text()?, from.text()?));
    }
    let mut rule = Rule {
        id,
        owner,
        pattern,
        sender,
        headers: HeaderGlobs::new(headers).map_err(|_| Unreadable)?,
        target: from.parsed()?,
        session_made: None,
        seq: u32::try_from(from.u64()?).map_err(|_| Unreadable)?,
        created_at: from.time()?,
    };
    from.fields(|tag, from| {
        if tag == SESSION_MADE {
            rule.session_made = Some(from.time()?);
        }
        Ok(())
    })?;
    Ok(rule)
}
