//! `listen --forward-to` and `listen --exec`.

use super::{
    house::{House, post, post_with},
    target::Target,
};

#[tokio::test]
async fn a_message_is_posted_on_as_it_came() {
    let house = House::serving().await;
    let url = house.url("github").await;
    let mut target = Target::answering(&[]).await;
    let body: Vec<u8> = (0..=u8::MAX).cycle().take(200_000).collect();
    let headers = [
        ("x-hub-signature-256", "sha256=00"),
        ("content-type", "application/octet-stream"),
        ("keep-alive", "timeout=5"),
    ];
    let id = post_with(&format!("{url}?a=%2F&b"), &body, &headers).await;
    let args = [
        "listen",
        "--folder",
        "acme/eng",
        "--forward-to",
        &target.url,
    ];
    let mut listen = house.start(&args);

    let came = target.next().await;
    assert_eq!(came.method, "POST");
    assert_eq!(came.uri, "/in?a=%2F&b");
    assert_eq!(came.body, body);
    assert_eq!(came.headers["x-hub-signature-256"], "sha256=00");
    assert_eq!(came.headers["content-length"], "200000");
    assert!(
        target
            .url
            .contains(came.headers["host"].to_str().expect("ASCII"))
    );
    assert!(!came.headers.contains_key("keep-alive"));

    let line = listen.json().await;
    assert_eq!(line["id"], id.as_str());
    assert_eq!(
        (&line["outcome"], &line["status"]),
        (&"204".into(), &"acked".into())
    );
    assert_eq!(house.life(&id).await["state"], "settled");
}

#[tokio::test]
async fn whatever_is_not_a_2xx_comes_again() {
    let house = House::serving().await;
    let url = house.url("github").await;
    let mut target = Target::answering(&[500, 302]).await;
    let id = post(&url, b"{}").await;
    let args = [
        "listen",
        "--folder",
        "acme/eng",
        "--forward-to",
        &target.url,
    ];
    let mut listen = house.start(&args);
    for (attempt, outcome, status) in [
        (1, "500", "nacked"),
        (2, "302", "nacked"),
        (3, "204", "acked"),
    ] {
        assert_eq!(target.next().await.body, "{}");
        let line = listen.json().await;
        assert_eq!(line["attempt"], attempt);
        assert_eq!(
            (&line["outcome"], &line["status"]),
            (&outcome.into(), &status.into())
        );
    }
    let life = house.life(&id).await;
    assert_eq!(life["state"], "settled");
    assert_eq!(reasons(&life), ["status 500", "status 302"]);
}

/// Why a message was given back, each time.
fn reasons(life: &serde_json::Value) -> Vec<&str> {
    let events = life["life"].as_array().expect("a life").iter();
    events
        .filter(|event| event["what"] == "nacked")
        .map(|event| event["reason"].as_str().expect("a reason"))
        .collect()
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_command_ended_by_is_the_reason_it_is_given_back_for() {
    let house = House::serving().await;
    let url = house.url("github").await;
    let id = post(&url, b"1").await;
    let command = r#"case $DOORBELL_ATTEMPT in 1) exit 7;; 2) kill -KILL $$;; esac"#;
    let mut listen = house.start(&["listen", "--folder", "acme/eng", "--exec", command]);
    listen.err().await;
    for said in [
        "exit 7  again in 1 s",
        "signal 9  again in 5 s",
        "exit 0  acked",
    ] {
        let line = listen.err().await;
        assert!(line.contains(said), "{line}");
    }
    assert_eq!(reasons(&house.life(&id).await), ["exit 7", "signal 9"]);
}

#[tokio::test]
async fn a_command_gets_the_body_and_its_exit_status_settles() {
    let house = House::serving().await;
    let url = house.url("github").await;
    let hostile = format!("{url}?$(touch%20pwned);`id`");
    let id = post_with(&hostile, b"body; $(exit 3)", &[("x-github-event", "push")]).await;
    let command = r#"test "$DOORBELL_ATTEMPT" = 2 || exit 7
        printf '%s|' "$(cat)" "$DOORBELL_ID" "$DOORBELL_JID" "$DOORBELL_SENDER" "$DOORBELL_KIND" "$DOORBELL_METHOD" "$DOORBELL_QUERY"; echo
        echo "$DOORBELL_HEADERS""#;
    let mut listen = house.start(&["listen", "--folder", "acme/eng", "--exec", command]);
    listen.err().await;
    let said = listen.err().await;
    assert!(said.contains("exit 7"), "{said}");
    assert_eq!(
        listen.out().await,
        format!(
            "body; $(exit 3)|{id}|hook:acme/eng/github|github|hook|POST|$(touch%20pwned);`id`|"
        )
    );
    assert_eq!(listen.json().await["x-github-event"], "push");
    let said = listen.err().await;
    assert!(said.contains("exit 0  acked"), "{said}");
    assert_eq!(house.life(&id).await["state"], "settled");
}

#[cfg(unix)]
#[tokio::test]
async fn every_ctrl_c_is_handed_on_and_what_the_command_then_did_is_settled() {
    let house = House::serving().await;
    let url = house.url("github").await;
    let id = post(&url, b"1").await;
    // The shell takes the signals, finishes its work and ends well. It starts nothing once it has
    // begun: what dash gets between a fork and its exec is lost.
    let command = "n=0; trap 'n=$((n+1)); echo told $n' INT; sleep 600 & echo begun
        while [ $n -lt 2 ]; do wait; done; kill $!; echo finishing";
    let mut listen = house.start(&["listen", "--folder", "acme/eng", "--exec", command]);
    assert_eq!(listen.out().await, "begun");
    for told in ["told 1", "told 2"] {
        listen.interrupt();
        assert_eq!(listen.out().await, told);
    }
    assert_eq!(listen.out().await, "finishing");
    assert_eq!(listen.ended().await, Some(0));
    assert_eq!(house.life(&id).await["state"], "settled");
}

#[cfg(unix)]
#[tokio::test]
async fn what_ctrl_c_cut_short_is_there_again_at_once() {
    let house = House::serving().await;
    let url = house.url("github").await;
    let id = post(&url, b"1").await;
    let command = "echo begun; sleep 600";
    let mut listen = house.start(&["listen", "--folder", "acme/eng", "--exec", command]);
    assert_eq!(listen.out().await, "begun");
    // Once is not always enough. Between `echo` and the exec of `sleep` dash is in a vfork, and its
    // handler lets a SIGINT go by that comes there: neither dash nor `sleep` ends.
    assert_eq!(listen.interrupted().await, Some(0));
    assert_eq!(house.life(&id).await["state"], "pending");
    let mut next = house.start(&["listen", "--folder", "acme/eng", "--exec", "cat; echo"]);
    assert_eq!(next.out().await, "1");
}

#[tokio::test]
async fn an_operator_must_say_whose_inbox_it_is() {
    let house = House::serving().await;
    let ended = house.run(&["listen", "--exec", "true"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("--folder: is required"), "{}", ended.err);
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_that_ends_while_the_server_is_away_is_settled_later() {
    let mut house = House::serving().await;
    let url = house.url("github").await;
    let id = post(&url, b"1").await;
    let gate = house.path().join("gate");
    let command = format!(
        "echo begun; while [ ! -e {} ]; do sleep 0.05; done",
        gate.display()
    );
    let mut listen = house.start(&["listen", "--folder", "acme/eng", "--exec", &command]);
    assert_eq!(listen.out().await, "begun");
    house.stop().await;
    std::fs::write(&gate, "").expect("opened");
    let said = listen.err().await;
    assert!(said.contains("Ctrl-C stops"), "{said}");
    let said = listen.err().await;
    assert!(said.contains("trying again"), "{said}");
    house.serve().await;
    assert_eq!(listen.err().await, "connected again");
    let said = listen.err().await;
    assert!(said.contains("exit 0  acked"), "{said}");
    assert_eq!(house.life(&id).await["state"], "settled");
}
