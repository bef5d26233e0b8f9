//! `doorbell route`: rules that say where messages go.

use std::collections::BTreeMap;

use clap::Subcommand;
use doorbell_core::{message::RouteId, route};

use super::{
    Common, Failure,
    clock::Times,
    connect,
    list::{Column, List},
    terminal,
};
use crate::{
    desk::Desk,
    refusal::Refusal,
    wire::{Count, RouteEntry, RouteTested, SetRoute, TestRoute, Text},
};

/// The highest place a rule may be given.
const MAX_SEQ: u64 = route::MAX_SEQ as u64;

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Set a rule that says where messages go
    ///
    /// The first rule that matches wins, those of containing folders first. A folder rings; a
    /// folder#observe keeps the message as context and rings nobody; a session's address types it
    /// there.
    #[command(after_help = "Examples:
  doorbell route add 'hook:acme/eng/*' acme/ops
  doorbell route add 'hook:acme/eng/*' acme/eng#observe --header 'x-github-event: star'
  doorbell route add 'hook:acme/ci/**' doorbell:/sessions/build --seq 5")]
    Add {
        /// Which messages, by address: * is one segment, a trailing ** one or more
        #[arg(value_name = "MATCH")]
        pattern: String,
        /// Where they go: a folder, a folder#observe, doorbell:/sessions/<id>
        target: String,
        /// Only messages of this sender: the label of the URL
        #[arg(long, value_name = "LABEL")]
        sender: Option<String>,
        /// Only messages with this header; in its glob * is any run of characters and ? is one
        #[arg(long = "header", value_name = "NAME: GLOB")]
        headers: Vec<String>,
        /// Its place among its owner's rules, the lowest first [10 behind the last]
        #[arg(long, value_name = "N")]
        seq: Option<u64>,
    },
    /// List rules, in the order in which they are tried
    #[command(after_help = "Examples:
  doorbell route ls
  doorbell route ls --json")]
    Ls,
    /// Remove a rule, at once
    #[command(after_help = "Examples:
  doorbell route rm 01K9GQ5W7E1T3N8ZB4C6D2F0HA")]
    Rm {
        /// Its id, as `route ls` shows it
        route_id: String,
    },
    /// Say where a message would go and which rule says so; nothing is stored
    #[command(after_help = "Examples:
  doorbell route test hook:acme/eng/github
  doorbell route test hook:acme/eng/github --header 'x-github-event: star'")]
    Test {
        /// The address it would arrive at, as `token ls` shows it
        jid: String,
        /// A header it would have
        #[arg(long = "header", value_name = "NAME: VALUE")]
        headers: Vec<String>,
    },
}

const COLUMNS: [Column; 6] = [
    Column::whole("ROUTE ID"),
    Column::whole("SEQ").spare(2),
    Column::cut("MATCH", 12).keeping_end(),
    Column::cut("ONLY", 8).spare(1),
    Column::cut("TARGET", 8).keeping_end(),
    Column::cut("OWNER", 5).spare(3),
];

pub(super) async fn run(common: &Common, command: Command) -> Result<(), Failure> {
    let desk = connect::desk(common, None)?;
    match command {
        Command::Add {
            pattern,
            target,
            sender,
            headers,
            seq,
        } => {
            let ask = SetRoute {
                pattern: Text(connect::parsed("match", &pattern)?),
                sender: sender
                    .map(|text| connect::parsed("sender", &text).map(Text))
                    .transpose()?,
                headers: pairs(&headers)?,
                target: Text(connect::parsed("target", &target)?),
                seq: seq.map(within).transpose()?,
            };
            let set = desk.set_route(ask).await?;
            if common.json {
                return Ok(set.routes.iter().try_for_each(terminal::json)?);
            }
            Ok(set.routes.iter().try_for_each(|rule| {
                let Text(id) = &rule.route_id;
                terminal::say(&format!(
                    "Set route {id} (seq {}): {}",
                    rule.seq,
                    line(rule)
                ))
            })?)
        }
        Command::Ls => {
            let found = desk.list_routes().await?;
            if common.json {
                return Ok(found.routes.iter().try_for_each(terminal::json)?);
            }
            let mut list = List::new(Times::default(), COLUMNS);
            for rule in &found.routes {
                list.row([
                    rule.route_id.0.to_string(),
                    rule.seq.to_string(),
                    rule.pattern.0.to_string(),
                    conditions(rule),
                    rule.target.0.to_string(),
                    rule.owner_folder.clone(),
                ]);
            }
            Ok(list.print("no routes: every message goes to the folder of its URL")?)
        }
        Command::Rm { route_id } => {
            let id: RouteId = connect::parsed("route-id", &route_id)?;
            let left = desk.remove_route(id).await?;
            if common.json {
                return Ok(left.routes.iter().try_for_each(terminal::json)?);
            }
            Ok(terminal::say(&format!("Removed route {id}"))?)
        }
        Command::Test { jid, headers } => {
            let ask = TestRoute {
                jid: Text(connect::parsed("jid", &jid)?),
                headers: pairs(&headers)?,
            };
            let tested = desk.test_route(ask).await?;
            if common.json {
                return Ok(terminal::json(&tested)?);
            }
            show(&tested)
        }
    }
}

/// Where it would go, then each rule that was tried and what it made of it.
fn show(tested: &RouteTested) -> Result<(), Failure> {
    let target = tested.target.as_deref().unwrap_or("(out of reach)");
    terminal::say(&format!("{} -> {target}, {}", tested.jid.0, tested.mode))?;
    terminal::say(&terminal::printable(&tested.why))?;
    for rule in &tested.rules {
        let mark = if rule.matched { '*' } else { ' ' };
        let named = match (&rule.route_id, &rule.pattern, &rule.target) {
            (Some(id), Some(pattern), Some(target)) => {
                format!("{}: {} -> {}: ", id.0, pattern.0, target.0)
            }
            _ => String::new(),
        };
        terminal::say(&format!("{mark} {named}{}", terminal::printable(&rule.why)))?;
    }
    Ok(())
}

/// A rule on one line.
fn line(rule: &RouteEntry) -> String {
    let only = conditions(rule);
    let only = if only.is_empty() {
        only
    } else {
        format!(" ({only})")
    };
    format!("{}{only} -> {}", rule.pattern.0, rule.target.0)
}

/// What a rule asks besides its pattern.
fn conditions(rule: &RouteEntry) -> String {
    let sender = rule
        .sender
        .as_ref()
        .map(|Text(label)| format!("sender {label}"));
    let headers = rule
        .headers
        .iter()
        .map(|(name, glob)| terminal::printable(&format!("{name}: {glob}")));
    let all: Vec<String> = sender.into_iter().chain(headers).collect();
    all.join(", ")
}

fn within(seq: u64) -> Result<Count<0, MAX_SEQ>, Failure> {
    let bounded = Count::clamped(seq);
    if bounded.get() == seq {
        Ok(bounded)
    } else {
        let rule = format!("is at most {MAX_SEQ}");
        Err(Refusal::invalid("seq", rule).into())
    }
}

/// `Name: value` or `Name=value`, cut at whichever comes first. A name given twice is refused by the
/// server where it matters, but a map would hide it.
fn pairs(given: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut headers = BTreeMap::new();
    for text in given {
        let Some(cut) = text.find([':', '=']) else {
            let rule = format!("{text:?} is not NAME: VALUE");
            return Err(Refusal::invalid("--header", rule).into());
        };
        let (name, value) = (text[..cut].trim(), text[cut + 1..].trim());
        if headers.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Refusal::invalid(format!("headers.{name}"), "is given twice").into());
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_value_with_a_colon_or_an_equals_sign_between() {
        let given = ["X-Event: push", "x-ref=refs/*", "x-url: a=b", "x-empty:"];
        let read = pairs(&given.map(str::to_owned)).expect("legal");
        let read: Vec<_> = read.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let expected = [
            ("X-Event", "push"),
            ("x-empty", ""),
            ("x-ref", "refs/*"),
            ("x-url", "a=b"),
        ];
        assert_eq!(read, expected);
        assert!(pairs(&["push".to_owned()]).is_err());
        assert!(pairs(&["a: 1".to_owned(), "a: 2".to_owned()]).is_err());
    }
}
