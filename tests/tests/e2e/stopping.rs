//! The order in which a server stops: not ready first, then nothing new, then what is in flight.

use std::time::{Duration, Instant};

use e2e::{
    http::{Wire, request, send},
    pace::assert_within,
    server::{Doorbell, Home, wait_for},
};
use serde_json::json;

/// Waits until the server says that it is not ready; it has to answer all the while.
fn until_not_ready(server: &Doorbell<'_>) {
    wait_for("it to say that it is not ready", || {
        let reply = send(server.control, "GET", "/readyz", &[], b"").expect("it answers");
        (reply.status == 503).then_some(())
    });
}

/// An upload of eight bytes of which four have come.
fn half_an_upload(server: &Doorbell<'_>, path: &str) -> Wire {
    let mut wire = Wire::open(server.front).expect("connected");
    let head = request("POST", path, &[("Content-Length", "8")], b"half");
    wire.write(&head).expect("written");
    wire
}

#[test]
fn told_to_stop_it_is_not_ready_at_once_and_serves_on_for_as_long_as_it_is_told() {
    let home = Home::new();
    let mut server = home.serve_with(&["--drain", "2s"]);
    let operator = server.operator();
    let hook = operator.hook("acme", "github");
    let began = std::time::Instant::now();
    server.signal("TERM");
    wait_for("it to say that it is not ready", || {
        let ready = e2e::http::send(server.control, "GET", "/readyz", &[], b"");
        (ready.expect("it answers").status == 503).then_some(())
    });
    hook.deliver(b"still taken");
    assert_eq!(operator.log().len(), 1);
    assert!(server.wait().success());
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(2), "{took:?}");
    assert_within(Duration::from_secs(20), took);
}

#[test]
fn while_an_upload_is_in_flight_it_says_that_it_is_not_ready_and_then_stores_it() {
    let home = Home::new();
    let mut server = home.serve();
    let hook = server.operator().hook("acme", "github");
    // Answered, so the half before it has arrived and was let in.
    let mut uploading = half_an_upload(&server, &hook.path());
    hook.deliver(b"whole");
    server.signal("TERM");
    until_not_ready(&server);
    wait_for("the front door to close", || {
        Wire::open(server.front).is_err().then_some(())
    });
    until_not_ready(&server);
    uploading.write(b"half").expect("written");
    uploading.reply(false).expect("an answer").expect(200);
    assert!(server.wait().success());
    let bodies: Vec<_> = home.serve().operator().log();
    let bodies: Vec<_> = bodies.iter().map(|message| &message["body"]).collect();
    assert_eq!(bodies, [&json!("whole"), &json!("halfhalf")]);
}

#[test]
fn an_upload_that_never_ends_does_not_keep_it_for_ever() {
    let home = Home::new();
    let mut server = home.serve();
    let hook = server.operator().hook("acme", "github");
    let _hanging = half_an_upload(&server, &hook.path());
    hook.deliver(b"whole");
    let began = Instant::now();
    server.signal("TERM");
    assert!(server.wait().success());
    assert_within(Duration::from_secs(25), began.elapsed());
}

#[test]
fn a_second_word_ends_it_at_once_and_what_was_stored_is_there() {
    let home = Home::new();
    let mut server = home.serve();
    let hook = server.operator().hook("acme", "github");
    let _hanging = half_an_upload(&server, &hook.path());
    hook.deliver(b"whole");
    server.signal("TERM");
    until_not_ready(&server);
    let began = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(1));
    assert_within(Duration::from_secs(5), began.elapsed());
    assert_eq!(home.server_file(), None);
    assert_eq!(home.serve().operator().log().len(), 1);
}
