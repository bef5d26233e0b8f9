//! docs/reference.md, held to what the program does.

use doorbell_core::{
    bound::{self, CHANNEL_GRANTS, SESSIONS, URLS},
    browser::MAX_BROWSERS_PER_KEY,
    route::{MAX_OWNED, MAX_RULES, MAX_WITHIN},
};
use doorbell_ingress::{
    budget::Bound,
    limits::{ConnectionLimits, Limits, Rate},
};

use crate::{
    desk::MAX_IDS,
    shares::{STREAMS, WAITS},
    wire::DEFAULT_CHARS,
};

const PAGE: &str = include_str!("../../docs/reference.md");

/// A size as the page has it.
fn size(bytes: usize) -> String {
    match bytes {
        0..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

#[test]
fn the_table_says_what_holds() {
    let limits = Limits::default();
    let connections = ConnectionLimits::default();
    let flight = Bound::quartered(limits.in_flight_bytes, 0);
    let pace = limits.body_pace;
    let rows = [
        format!(
            "| bytes of requests in flight at the front door | {} | {} a URL |",
            size(flight.all),
            size(flight.part)
        ),
        format!(
            "| connections of a listener | {} | {} a peer |",
            connections.connections,
            connections.bound().part
        ),
        format!(
            "| requests a minute with one URL | {} | {} at once |",
            Rate::HOOK.per_minute,
            Rate::HOOK.burst
        ),
        format!("| a body at the front door | {} |", size(limits.body_bytes)),
        format!(
            "| headers of a request | {}, {} |",
            limits.header_count,
            size(limits.header_bytes)
        ),
        format!(
            "| time for a head | {} s |",
            connections.head_time.as_secs()
        ),
        format!(
            "| time for a body | {} s, after {} s at {} B/s |",
            pace.time.as_secs(),
            pace.grace.as_secs(),
            pace.rate
        ),
        format!(
            "| rest of a connection between requests | {} s |",
            connections.idle_time.as_secs()
        ),
        format!(
            "| calls that wait for a message | {} | {} a key |",
            WAITS.all, WAITS.part
        ),
        format!(
            "| event streams | {} | {} a key |",
            STREAMS.all, STREAMS.part
        ),
        format!(
            "| rules | {MAX_RULES} | {MAX_WITHIN} a folder and what is below it, {MAX_OWNED} its own |"
        ),
        format!(
            "| URLs that were not revoked | {} | {} a folder and what is below it |",
            URLS.all, URLS.part
        ),
        format!(
            "| channel grants that were not revoked | {} | {} a folder and what is below it |",
            CHANNEL_GRANTS.all, CHANNEL_GRANTS.part
        ),
        format!(
            "| sessions that have not ended | {} | {} a folder and what is below it |",
            SESSIONS.all, SESSIONS.part
        ),
        format!(
            "| URLs and channel grants that are over and still remembered, of each | | {} a folder",
            bound::GRANTS_REMEMBERED
        ),
        format!(
            "| sessions that have ended and are still remembered | | {} a folder",
            bound::SESSIONS_REMEMBERED
        ),
        format!("| browser sessions | | {MAX_BROWSERS_PER_KEY} a key |"),
        format!("| ids of one `ack`, `nack` or `replay` | {MAX_IDS} |"),
        format!("| characters of a tool's result | {DEFAULT_CHARS} |"),
    ];
    for row in rows {
        assert!(PAGE.contains(&row), "not in docs/reference.md: {row}");
    }
}
