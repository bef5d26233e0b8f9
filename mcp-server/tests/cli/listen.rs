//! Plain `listen`.

use super::house::{House, post};

#[tokio::test]
async fn each_message_is_a_json_line_and_stays_pending() {
    let house = House::serving().await;
    let url = house.url("github").await;
    let earlier = post(&url, b"{\"n\":0}").await;
    let mut listen = house.start(&["listen", "--last", "1"]);
    let first = listen.json().await;
    assert_eq!(first["id"], earlier.as_str());

    let id = post(&url, b"{\"n\":1}").await;
    let line = listen.json().await;
    assert_eq!(line["id"], id.as_str());
    assert_eq!(line["jid"], "hook:acme/eng/github");
    assert_eq!(line["body"], "{\"n\":1}");
    assert_eq!(house.life(&id).await["state"], "pending");
}

#[tokio::test]
async fn a_program_gets_the_whole_of_a_large_body() {
    let house = House::serving().await;
    let url = house.url("github").await;
    post(&url, b"begin").await;
    let mut listen = house.start(&["listen", "--last", "1"]);
    listen.out().await;
    let body = vec![b'x'; 300_000];
    post(&url, &body).await;
    let line = listen.json().await;
    assert_eq!(line["body"].as_str().map(str::len), Some(300_000));
    assert_eq!(line.get("body_truncated"), None);
}

#[tokio::test]
async fn a_folder_narrows_what_is_seen() {
    let house = House::serving().await;
    let ours = house.url("github").await;
    let theirs = house
        .run(&["token", "issue", "other", "hook", "github"])
        .await
        .out;
    post(&ours, b"begin").await;
    let mut listen = house.start(&["listen", "--folder", "acme", "--last", "1"]);
    listen.out().await;
    post(theirs.trim(), b"theirs").await;
    post(&ours, b"ours").await;
    assert_eq!(listen.json().await["body"], "ours");
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_it_well() {
    let house = House::serving().await;
    let url = house.url("github").await;
    post(&url, b"begin").await;
    let mut listen = house.start(&["listen", "--last", "1"]);
    listen.out().await;
    listen.interrupt();
    assert_eq!(listen.ended().await, Some(0));
}

#[cfg(unix)]
#[tokio::test]
async fn it_goes_on_after_the_server_was_away_and_misses_nothing() {
    let mut house = House::serving().await;
    let url = house.url("github").await;
    post(&url, b"begin").await;
    let mut listen = house.start(&["listen", "--last", "1"]);
    listen.out().await;
    // Nothing has come through the stream itself yet: it knows its place all the same.
    house.stop().await;
    let said = listen.err().await;
    assert!(said.contains("trying again"), "{said}");
    house.serve().await;
    let url = house.url("gitlab").await;
    let missed = post(&url, b"while you were away").await;
    assert_eq!(listen.json().await["id"], missed.as_str());
    assert_eq!(listen.err().await, "connected again");
    let id = post(&url, b"after").await;
    assert_eq!(listen.json().await["id"], id.as_str());
}
