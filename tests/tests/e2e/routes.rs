//! Rules decide where a message goes, and how loudly.

mod faces;
mod observed;
mod order;
mod reach;
mod sessions;
mod trying;

use e2e::{api::Caller, server::Doorbell};
use serde_json::{Value, json};

/// Sets a rule: its entry.
#[track_caller]
fn set(caller: &Caller, ask: Value) -> Value {
    let mut reply = caller.make("/v1/routes", ask);
    assert_eq!(reply["routes"].as_array().map(Vec::len), Some(1), "{reply}");
    reply["routes"][0].take()
}

/// Sets a rule that does nothing but send what matches elsewhere: its id.
#[track_caller]
fn route(caller: &Caller, pattern: &str, target: &str) -> String {
    let entry = set(caller, json!({"match": pattern, "target": target}));
    entry["route_id"].as_str().expect("an id").to_owned()
}

/// A message as the operator sees it: the folder it was routed to, mode, and the rule, if one did.
#[track_caller]
fn went(server: &Doorbell<'_>, id: &str) -> (String, String, Option<String>) {
    let detail = server.operator().get(&format!("/v1/messages/{id}"));
    let text = |name: &str| detail[name].as_str().expect("a text").to_owned();
    let rule = detail["route_id"].as_str().map(str::to_owned);
    (text("folder"), text("mode"), rule)
}

/// What its life says about how it was routed.
#[track_caller]
fn matched(server: &Doorbell<'_>, id: &str) -> String {
    let detail = server.operator().get(&format!("/v1/messages/{id}"));
    let life = detail["life"].as_array().expect("a life");
    let entry = life.iter().find(|entry| entry["what"] == "matched");
    let said = entry.and_then(|entry| entry["detail"].as_str());
    said.expect("a detail").to_owned()
}

/// The ids of the rules in reach, in order.
#[track_caller]
fn listed(caller: &Caller) -> Vec<String> {
    let list = caller.get("/v1/routes");
    let rules = list["routes"].as_array().expect("routes").iter();
    rules
        .map(|rule| rule["route_id"].as_str().expect("an id").to_owned())
        .collect()
}
