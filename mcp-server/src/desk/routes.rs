//! Routes, decided.

use std::{collections::BTreeMap, sync::Arc};

use doorbell_core::{
    acl::{ManageRules, SetRule, authorize},
    folder::Folder,
    message::{Headers, RouteId},
    registry::RuleDraft,
    route::{Considered, HeaderGlobError, HeaderGlobs, Rule, Target, Verdict},
};

use super::{Answer, local::Local};
use crate::{
    refusal::Refusal,
    wire::{
        MAX_TRIED_HEADERS, RouteEntry, RouteList, RouteTested, RouteTried, SetRoute, TestRoute,
        Text,
    },
};

impl Local {
    pub(super) async fn set(&self, ask: SetRoute) -> Answer<RouteList> {
        let pattern = ask.pattern.0.0;
        let headers = HeaderGlobs::new(&ask.headers).map_err(named)?;
        let target = ask.target.0;
        let (target_folder, session_made) = match &target {
            Target::Folder { folder, .. } => (folder.clone(), None),
            Target::Session(id) => {
                let (session, _) = self.session_to_serve(id)?;
                (session.folder.clone(), Some(session.created_at))
            }
        };
        let wanted = SetRule {
            pattern,
            target_folder,
        };
        let permit = authorize(self.principal(), wanted.clone()).map_err(|denied| {
            let field = if self.principal().contains(&wanted.target_folder) {
                "match"
            } else {
                "target"
            };
            Refusal::Forbidden(format!("{denied}: {field} lies outside its folder"))
        })?;
        let draft = RuleDraft {
            sender: ask.sender.map(|sender| sender.0),
            headers,
            target,
            session_made,
            seq: ask.seq.map(|seq| {
                u32::try_from(seq.get()).expect("a seq is bounded by what the rules can hold")
            }),
        };
        let rule = self.house.registry.set_rule(&permit, draft).await?;
        tracing::info!(
            route = %rule.id, owner = %rule.owner, pattern = %rule.pattern, target = %rule.target,
            by = %self.caller, "route set"
        );
        Ok(RouteList {
            routes: vec![RouteEntry::from(&*rule)],
        })
    }

    pub(super) fn routes(&self) -> Answer<RouteList> {
        let permit = authorize(self.principal(), ManageRules)?;
        let rules = self.house.registry.list_rules(&permit);
        Ok(RouteList {
            routes: rules.iter().map(|rule| RouteEntry::from(&**rule)).collect(),
        })
    }

    pub(super) async fn remove(&self, id: RouteId) -> Answer<RouteList> {
        let permit = authorize(self.principal(), ManageRules)?;
        if !self.house.registry.remove_rule(&permit, id).await? {
            return Err(Refusal::NotFound(format!("no route {id}")));
        }
        tracing::info!(route = %id, by = %self.caller, "route removed");
        self.routes()
    }

    pub(super) fn try_routes(&self, ask: TestRoute) -> Answer<RouteTested> {
        let permit = authorize(self.principal(), ManageRules)?;
        let scope = permit.scope();
        let jid = ask.jid.0;
        let headers = request_headers(&ask.headers)?;
        let registry = &self.house.registry;
        let grant = registry.live_grant_to(&permit, &jid).ok_or_else(|| {
            Refusal::NotFound(format!(
                "no live URL of {jid} in reach; issue one first: rules go by its folder, which a jid does not tell"
            ))
        })?;
        let store = &self.house.store;
        let open = |session: &_| {
            let session = store.session_of(session)?;
            let folder: Option<Folder> = session.ended_at.is_none().then(|| session.folder.clone());
            folder
        };
        let (outcome, considered) = store.routes().explain(&grant, &headers, &open);
        let sees = |rule: &Rule| rule.owner.is_within(&scope);
        let decides = considered
            .iter()
            .find(|tried| tried.verdict == Verdict::Matched)
            .map(|tried| tried.rule.clone());
        let why = match &decides {
            Some(rule) if sees(rule) => {
                format!("rule {}: {} -> {}", rule.id, rule.pattern, rule.target)
            }
            Some(_) => HIDDEN.to_owned(),
            None => format!(
                "no rule matches: the folder of the URL, {}",
                grant.target_folder
            ),
        };
        Ok(RouteTested {
            jid: Text(jid),
            matched: decides
                .filter(|rule| sees(rule))
                .map(|rule| RouteEntry::from(&*rule)),
            target: scope
                .covers(&outcome.to.folder)
                .then(|| outcome.to.inbox.to_string()),
            mode: outcome.mode.as_str().to_owned(),
            why,
            rules: considered
                .iter()
                .map(|tried| show(tried, sees(&tried.rule)))
                .collect(),
        })
    }
}

/// All that is said of a rule of somebody else's.
const HIDDEN: &str = "a rule of a containing folder";

fn show(tried: &Considered, seen: bool) -> RouteTried {
    let Considered { rule, verdict } = tried;
    let rule: Option<&Arc<Rule>> = seen.then_some(rule);
    RouteTried {
        route_id: rule.map(|rule| Text(rule.id)),
        pattern: rule.map(|rule| Text(rule.pattern.clone())),
        target: rule.map(|rule| Text(rule.target.clone())),
        matched: *verdict == Verdict::Matched,
        why: match (rule, verdict) {
            (Some(_), verdict) => verdict.to_string(),
            (None, Verdict::Matched) => format!("{HIDDEN}: it decides"),
            (None, _) => HIDDEN.to_owned(),
        },
    }
}

/// Names what is wrong with a rule's headers as it was given.
fn named(error: HeaderGlobError) -> Refusal {
    match error {
        HeaderGlobError::TooMany => Refusal::invalid("headers", error),
        HeaderGlobError::One { name, rule } => Refusal::invalid(format!("headers.{name}"), rule),
    }
}

/// Headers as a request would bring them.
fn request_headers(given: &BTreeMap<String, String>) -> Answer<Headers> {
    if given.len() > MAX_TRIED_HEADERS {
        let rule = format!("at most {MAX_TRIED_HEADERS} headers");
        return Err(Refusal::invalid("headers", rule));
    }
    let mut lower: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in given {
        let same = lower.entry(name.to_ascii_lowercase());
        same.and_modify(|first| *first = format!("{first}, {value}"))
            .or_insert_with(|| value.clone());
    }
    Ok(Headers::from_pairs(lower.into_iter().collect()))
}
