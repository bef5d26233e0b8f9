//! An instance's figures, as they stand when they are asked for.

use std::sync::Arc;

use doorbell_core::{
    acl::{ManageGrants, authorize},
    backlog::{Backlog, Backlogs},
    principal::Principal,
    time::Timestamp,
};
use doorbell_ingress::Presence;
use tokio::task::spawn_blocking;

use super::{
    exposition::{Dialect, Exposition, Label},
    lines, process,
};
use crate::house::House;

/// Of how many inboxes the figures are shown one by one. A label with a value per folder would be
/// as large as whoever mints likes.
const INBOXES: usize = 200;
/// What the inboxes beyond are called together; no folder can be.
const OTHERS: &str = "(other)";
/// Seconds in a microsecond.
const MICROSECOND: f64 = 1e-6;

/// Writes all figures down. Where the store is not ready, what waits in it is left out.
pub async fn scrape(house: &Arc<House>, dialect: Dialect) -> String {
    let now = house.clock.now();
    let backlogs = house.store.backlogs(INBOXES, now).await;
    let house = Arc::clone(house);
    // Files are looked at.
    let written = spawn_blocking(move || {
        let mut page = Exposition::new(dialect);
        door(&mut page, &house);
        store(&mut page, &house);
        if let Ok(backlogs) = &backlogs {
            inboxes(&mut page, backlogs, now);
        }
        listeners(&mut page, &house);
        instance(&mut page, &house);
        page.finish()
    });
    written.await.expect("writing figures down does not panic")
}

/// What comes in.
fn door(page: &mut Exposition, house: &House) {
    let figures = &house.instruments.door;
    let mut accepted = page.counter(
        "doorbell_messages_accepted",
        "Messages that were stored, by kind.",
    );
    for (kind, count) in figures.stored() {
        accepted.put(&[("kind", &kind.as_str())], count);
    }
    page.counter(
        "doorbell_messages_deduplicated",
        "Requests answered with an earlier message, whose id they repeat.",
    )
    .is(figures.duplicates.get());
    page.counter(
        "doorbell_accepted_body_bytes",
        "Bytes of the bodies of messages that were stored.",
    )
    .is(figures.body_bytes.get());
    let mut refused = page.counter(
        "doorbell_requests_refused",
        "Requests that the front door refused, by the code of the refusal.",
    );
    for (code, count) in figures.refused() {
        refused.put(&[("reason", &code)], count);
    }
    let mut times = page.histogram(
        "doorbell_request_duration_seconds",
        "How long the front door took to answer, from the head of a request to its answer.",
    );
    for (outcome, figures) in [
        ("accepted", &figures.accepted_times),
        ("refused", &figures.refused_times),
    ] {
        times.put_all(&[("outcome", &outcome)], figures, MICROSECOND);
    }
}

/// How it is kept.
fn store(page: &mut Exposition, house: &House) {
    let commits = &house.instruments.commits;
    page.histogram(
        "doorbell_commit_messages",
        "How many messages a commit stored; each is one sync of the disk.",
    )
    .put_all(&[], &commits.sizes, 1.0);
    page.histogram(
        "doorbell_commit_duration_seconds",
        "How long a commit of the log took, with its sync.",
    )
    .put_all(&[], &commits.times, MICROSECOND);
    page.gauge(
        "doorbell_store_ready",
        "1 while the store takes messages, else 0.",
    )
    .is(u8::from(
        house.store.ready().is_ok() && house.store.no_room().is_none(),
    ));
    if let Some(Ok(bytes)) = house.instruments.disk.as_ref().map(|disk| disk.bytes()) {
        page.gauge("doorbell_store_disk_bytes", "Bytes of the store's files.")
            .is(bytes);
    }
}

/// What waits.
fn inboxes(page: &mut Exposition, backlogs: &Backlogs, now: Timestamp) {
    let mut shown: Vec<(String, Backlog)> = backlogs
        .inboxes
        .iter()
        .map(|(inbox, backlog)| (inbox.to_string(), *backlog))
        .collect();
    if backlogs.rest.unsettled() > 0 {
        shown.push((OTHERS.to_owned(), backlogs.rest));
    }
    let which = format!(
        "by inbox: a folder, or a session's address. Empty ones are left out; those beyond the \
         {INBOXES} fullest are one, {OTHERS}"
    );
    let mut figure = |name, what: &str, value: fn(&Backlog, Timestamp) -> f64| {
        let mut samples = page.gauge(name, &format!("{what}, {which}."));
        for (inbox, backlog) in &shown {
            let label: Label<'_> = ("inbox", inbox);
            samples.put(&[label], value(backlog, now));
        }
    };
    figure(
        "doorbell_inbox_pending_messages",
        "Messages that wait to be leased",
        |backlog, _| backlog.pending as f64,
    );
    figure(
        "doorbell_inbox_leased_messages",
        "Messages that a receiver holds",
        |backlog, _| backlog.leased as f64,
    );
    figure(
        "doorbell_inbox_oldest_unacked_age_seconds",
        "How long ago the oldest message arrived that is pending or leased",
        |backlog, now| {
            backlog
                .oldest
                .map_or(0.0, |oldest| now.since(oldest).as_secs_f64())
        },
    );
    page.gauge(
        "doorbell_dead_messages",
        "Messages that nobody settled in all their attempts, as long as they are kept.",
    )
    .is(backlogs.dead);
}

/// Who is there to hear it.
fn listeners(page: &mut Exposition, house: &House) {
    let board = &house.switchboard;
    let (mut live, mut idle) = (0_u64, 0_u64);
    if let Ok(permit) = authorize(&Principal::Operator, ManageGrants) {
        for session in house.store.list_sessions(&permit.scope()) {
            if session.ended_at.is_none() {
                let count = match board.is_live(&session.reference()) {
                    true => &mut live,
                    false => &mut idle,
                };
                *count += 1;
            }
        }
    }
    let mut sessions = page.gauge(
        "doorbell_sessions",
        "Sessions that have not ended: live while something is attached, else idle.",
    );
    sessions.put(&[("state", &"live")], live);
    sessions.put(&[("state", &"idle")], idle);
    page.gauge(
        "doorbell_attachments",
        "Who waits at an inbox just now: receivers, channels, streams, terminals.",
    )
    .is(board.attachments());
    page.gauge(
        "doorbell_streams",
        "Event streams that are open: those that follow the log, and those that are pushed to.",
    )
    .is(board.streams());
    let mut rings = page.counter(
        "doorbell_messages_rung",
        "Messages that whoever waited was told of, and messages that were pushed to a session.",
    );
    rings.put(&[("how", &"waiting")], board.rings.waiting.get());
    rings.put(&[("how", &"pushed")], board.rings.pushed.get());
}

/// The program itself.
fn instance(page: &mut Exposition, house: &House) {
    page.gauge("doorbell_build_info", "Always 1; which program runs.")
        .put(&[("version", &env!("CARGO_PKG_VERSION"))], 1);
    page.counter(
        "doorbell_log_lines_dropped",
        "Lines of the log that were given up because nobody took them in time.",
    )
    .is(lines::given_up());
    let started = house.instruments.started.as_millis() as f64 / 1e3;
    page.gauge(
        "process_start_time_seconds",
        "When the process began, in seconds since 1970.",
    )
    .is(started);
    for (name, help, value) in [
        (
            "process_resident_memory_bytes",
            "Bytes of memory that are resident.",
            process::resident_bytes(),
        ),
        ("process_open_fds", "Open files.", process::open_files()),
        (
            "process_max_fds",
            "How many files may be open.",
            process::most_files(),
        ),
    ] {
        if let Some(value) = value {
            page.gauge(name, help).is(value);
        }
    }
}
