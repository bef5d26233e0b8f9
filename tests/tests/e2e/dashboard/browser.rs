//! The page in a real browser: Chromium, driven by playwright (`tests/clients/node/dashboard.mjs`).

use std::{path::Path, process::Command, time::Duration};

use e2e::{
    api::{Caller, Hook},
    foreign::{self, Dialogue, node},
    http::{self, Wire},
    pace::assert_within,
    secrets::BODIES_HOLD_TOKENS,
    server::{Doorbell, Home},
};
use serde_json::{Value, json};

/// `node dashboard.mjs <scenario>`.
#[track_caller]
fn driver(home: &Home, scenario: &str) -> Command {
    let chromium = std::env::var_os("CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
    assert!(
        Path::new(&chromium).exists(),
        "the dashboard's tests need Chromium: apt-get install chromium, or CHROMIUM=<path>"
    );
    let mut command = node(home, "dashboard.mjs");
    command.arg(scenario).env("CHROMIUM", chromium);
    command
}

fn told(server: &Doorbell<'_>, key: &str, more: Value) -> Value {
    let mut told = json!({"control": format!("http://{}", server.control), "key": key});
    let told_map = told.as_object_mut().expect("an object");
    told_map.extend(more.as_object().expect("an object").clone());
    told
}

/// Runs a scenario to its end; the steps it took.
#[track_caller]
pub(super) fn run(server: &Doorbell<'_>, key: &str, scenario: &str, more: Value) -> Vec<Value> {
    let told = told(server, key, more);
    let (code, said) = foreign::talk(server.home, &mut driver(server.home, scenario), &[told]);
    let failed = said.iter().find_map(|line| line["failed"].as_str());
    assert!(
        failed.is_none() && code == 0,
        "{code}: {}",
        failed.unwrap_or_default()
    );
    assert!(!said.is_empty(), "it took no step");
    said
}

/// The ids of the log, newest first.
fn newest_first(caller: &Caller) -> Vec<String> {
    let log = caller.log();
    let ids = log.iter().rev().map(|message| message["id"].as_str());
    ids.map(|id| id.expect("an id").to_owned()).collect()
}

#[test]
fn a_person_signs_in_issues_watches_replays_revokes_and_signs_out() {
    let home = Home::new();
    let server = home.serve();
    let steps = run(&server, server.operator().key(), "walk", json!({}));
    let arrived = steps
        .iter()
        .find(|step| step["step"] == "arrived")
        .expect("it arrived");
    let after = arrived["after_ms"].as_u64().expect("a number");
    assert_within(Duration::from_secs(5), Duration::from_millis(after));
}

#[test]
fn everything_can_be_done_without_a_pointer() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "github");
    for body in ["1", "2", "3"] {
        hook.deliver(body.as_bytes());
    }
    run(
        &server,
        operator.key(),
        "keyboard",
        json!({"ids": newest_first(&operator)}),
    );
}

#[test]
fn every_view_fits_a_phone_and_has_nothing_that_axe_minds_light_and_dark() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.mint(json!({
        "target_folder": "acme/eng/a-folder-with-quite-a-long-name/and-another-below-it",
        "source_label": "github", "jid_suffix": "comments-on-everything-there-is", "context": "x".repeat(300),
    }));
    operator.make("/v1/sessions", json!({"id": "build", "folder": "acme"}));
    operator.make("/v1/routes", json!({"match": "hook:acme/eng/**", "target": "acme#observe", "headers": {"x-github-event": "ping"}}));
    hook.post(
        &[("X-GitHub-Event", "push"), ("X-Long", &"y".repeat(900))],
        br#"{"a":[1,true,"two"]}"#,
    )
    .expect(200);
    hook.post(&[("X-GitHub-Event", "ping")], "z".repeat(5_000).as_bytes())
        .expect(200);
    run(&server, operator.key(), "sizes", json!({}));
}

#[test]
fn what_is_typed_filters_by_pattern_and_by_words_and_stands_in_the_address() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "github");
    hook.post(
        &[("X-Kind", "odd"), ("X-GitHub-Event", "pull_request")],
        b"{}",
    )
    .expect(200);
    hook.deliver(b"a Needle in the HAY".to_ascii_lowercase().as_slice());
    // Beyond what the list shows of a body.
    hook.deliver(format!("{}deep", "x".repeat(5_000)).as_bytes());
    operator.hook("other", "x").deliver(b"1");
    run(&server, operator.key(), "filter", json!({"url": hook.url}));
}

#[test]
fn a_token_in_a_body_is_shown_nowhere_on_the_page() {
    let home = Home::new();
    home.log(BODIES_HOLD_TOKENS);
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "github");
    let key = operator.issue_key("acme");
    operator.make("/v1/sessions", json!({"id": "build", "folder": "acme"}));
    let channel = operator.make("/v1/channels", json!({"session_id": "build"}));
    let channel = channel["token"].as_str().expect("a token").to_owned();
    let json = |text: &str| json!({"hook": {"config": {"url": text}}, "zen": "x"}).to_string();
    let mut latin = b"\xff\xfe ".to_vec();
    latin.extend_from_slice(hook.url.as_bytes());
    let bodies: Vec<Vec<u8>> = vec![
        json(&hook.url).into(),
        json(&key).into(),
        json(&channel).into(),
        format!("url={}", hook.url.replace('_', "%5F")).into(),
        // Where the list's preview, and what is brought of a body, are cut.
        format!("{}{}", "\u{e9}".repeat(130), hook.url).into(),
        format!("[token] {}{}", "x".repeat(256 * 1024 - 40), hook.token).into(),
        latin,
        format!("{} plain", hook.url).into(),
    ];
    for body in &bodies {
        hook.deliver(body);
    }
    let tokens = [hook.token.clone(), key, channel];
    // The newest is looked at last: it is what is copied.
    let mut ids = newest_first(&operator);
    ids.reverse();
    run(
        &server,
        operator.key(),
        "token",
        json!({"ids": ids, "tokens": tokens}),
    );
}

#[test]
fn an_empty_server_shows_what_to_do_and_a_test_arrives() {
    let home = Home::new();
    let server = home.serve();
    run(&server, server.operator().key(), "start", json!({}));
}

#[test]
fn dead_messages_are_counted_say_why_and_are_replayed_at_once() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "github");
    for body in ["1", "2", "3"] {
        hook.deliver(body.as_bytes());
    }
    for _ in 0..5 {
        let leased = operator.receive(json!({"folder": "acme"}));
        let ids = e2e::api::ids(&leased);
        operator.settle("nack", json!({"ids": ids, "reason": "the build broke"}));
    }
    let told = json!({"count": 3, "reason": "the build broke"});
    run(&server, operator.key(), "dead", told);
}

#[test]
fn one_url_of_an_address_is_revoked_alone() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hooks = [(); 3].map(|()| operator.hook("acme", "github"));
    run(&server, operator.key(), "revoke", json!({}));
    let taken = hooks.map(|hook| hook.post(&[], b"{}").status);
    assert_eq!(taken, [200, 401, 200]);
}

#[test]
fn a_link_into_the_page_leads_there_through_signing_in() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let id = operator.hook("acme", "github").deliver(b"deep");
    run(&server, operator.key(), "deep", json!({"id": id}));
}

#[test]
fn a_session_is_over_in_the_browser_once_its_key_is_revoked() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let key = operator.make("/v1/keys", json!({"folder": "acme"}));
    let raw = key["key"].as_str().expect("a key");
    e2e::run::register(raw);
    let mut page = Dialogue::begin(&home, &mut driver(&home, "dies"));
    page.say(&told(&server, raw, json!({})));
    page.finish();
    assert_eq!(page.hear()["step"], "signed in");
    let path = format!("/v1/keys/{}", key["key_id"].as_str().expect("an id"));
    operator.call("DELETE", &path, None).expect(200);
    assert_eq!(page.hear()["step"], "signed out");
    assert_eq!(page.end(), 0);
}

const SCRIPTS: &str = r#"<script>globalThis.pwned=1</script><img src=x onerror=globalThis.pwned=1><svg onload=globalThis.pwned=1><iframe srcdoc="<script>parent.pwned=1</script>"></iframe><a href="javascript:globalThis.pwned=1">click</a><b><b>bold</b></b></pre></textarea></title></style><base href=//evil.example><meta http-equiv=refresh content="0;url=https://evil.example">{{constructor.constructor('globalThis.pwned=1')()}}${globalThis.pwned=1}"#;
const HIDDEN: &str = "\u{1b}[31m\u{0}\u{7}\u{8}\u{7f}\u{9b}\u{200b}\u{200f}\u{202e}gnp.exe\u{2066}\u{2028}\u{feff}\u{e0041}\u{ad}";

/// A word to a session, from somebody with a hostile name.
fn say_to_a_session(operator: &Caller, server: &Doorbell<'_>) {
    operator.make("/v1/sessions", json!({"id": "build", "folder": "acme"}));
    let ask = json!({"session_id": "build", "label": SCRIPTS.get(..199).expect("long enough")});
    let channel = operator.make("/v1/channels", ask);
    let target = format!("/hook/{}", channel["token"].as_str().expect("a token"));
    let words = json!({"message": format!("{SCRIPTS}{HIDDEN}"), "from": "<img src=x onerror=globalThis.pwned=1>"});
    server
        .front("POST", &target, &[], words.to_string().as_bytes())
        .expect(202);
}

#[test]
fn nothing_that_is_posted_is_ever_more_than_text() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let context = format!("{SCRIPTS}{HIDDEN}");
    let hook = operator.mint(json!({"target_folder": "acme", "source_label": "__proto__", "jid_suffix": "constructor", "context": context}));
    say_to_a_session(&operator, &server);
    let object = json!({
        "__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}},
        "html": SCRIPTS, "hidden": HIDDEN, SCRIPTS: "a key",
        "url": "javascript:globalThis.pwned=1", "link": "https://evil.example/",
    });
    // As it would be written by somebody who escapes nothing that need not be.
    let form = format!(
        "a={}&__proto__=1&b=%1b%5b31m%e2%80%ae&{}=1",
        r#"{"x":"<script>"}"#, "%3Cscript%3E"
    );
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let many = format!("\"{}\"", "\u{202e}".repeat(60_000));
    let mut bytes: Vec<u8> = (0..=255).collect();
    bytes.extend(SCRIPTS.as_bytes());
    let bodies: [(&str, Vec<u8>); 11] = [
        ("text/html", SCRIPTS.into()),
        ("image/svg+xml", format!("<svg xmlns='http://www.w3.org/2000/svg' onload='globalThis.pwned=1'>{SCRIPTS}</svg>").into()),
        ("application/xml", format!("<?xml version='1.0'?><?xml-stylesheet href='//evil.example'?>{SCRIPTS}").into()),
        ("text/plain", format!("{HIDDEN}\r\n\tline two\r{SCRIPTS}").into()),
        ("application/x-www-form-urlencoded", form.into()),
        ("application/octet-stream", bytes),
        ("application/json", deep.into()),
        ("application/json", many.into()),
        ("application/json", br#"{"a":1,"a":2,"__proto__":{"polluted":true},"n":1e999999,"s":"\u003cscript\u003e\u202e"}"#.to_vec()),
        ("<script>globalThis.pwned=1</script>", Vec::new()),
        ("application/json", object.to_string().into()),
    ];
    for (kind, body) in &bodies {
        let target = format!(
            "{}?javascript:globalThis.pwned=1&x=%3Cscript%3E&'{{{{1}}}}'",
            hook.path()
        );
        let hidden = format!("{}\u{202e}", SCRIPTS);
        let headers = [
            ("Content-Type", *kind),
            ("X-Evil", &hidden),
            ("__proto__", "polluted"),
            ("constructor", "polluted"),
            ("X-GitHub-Event", "<img src=x onerror=globalThis.pwned=1>"),
            ("Link", "<https://evil.example/>; rel=preload"),
            ("Refresh", "0;url=https://evil.example"),
            ("Content-Security-Policy", "script-src *"),
        ];
        let reply = http::send(server.front, "POST", &target, &headers, body);
        reply.expect("the front door answers").expect(200);
    }
    let ids = newest_first(&operator);
    assert_eq!(ids.len(), bodies.len() + 1);
    let texts = [
        "<script>globalThis.pwned=1</script>",
        "https://evil.example/",
        "\\u{202e}",
    ];
    run(
        &server,
        operator.key(),
        "hostile",
        json!({"shown": {"id": ids[0], "texts": texts}, "ids": ids}),
    );
}

/// How many messages lie in the log before the page is opened; `DOORBELL_TEST_MESSAGES` says
/// otherwise.
const MANY: usize = 100_000;

/// Posts so many messages, many on each connection.
fn fill(server: &Doorbell<'_>, hooks: &[Hook], count: usize) {
    const AT_ONCE: usize = 100;
    std::thread::scope(|scope| {
        for hook in hooks {
            scope.spawn(move || {
                let mut wire = Wire::open(server.front).expect("it listens");
                let headers = [
                    ("Content-Type", "application/json"),
                    ("X-GitHub-Event", "push"),
                ];
                let body =
                    br#"{"ref":"refs/heads/main","commits":[{"message":"one of very many"}]}"#;
                let one = http::request("POST", &hook.path(), &headers, body);
                for _ in 0..count / hooks.len() / AT_ONCE {
                    wire.write(&one.repeat(AT_ONCE)).expect("written");
                    for _ in 0..AT_ONCE {
                        wire.reply(false).expect("an answer").expect(200);
                    }
                }
            });
        }
    });
}

#[test]
fn a_hundred_thousand_messages_labour_neither_the_page_nor_the_server() {
    let count = std::env::var("DOORBELL_TEST_MESSAGES")
        .map_or(MANY, |text| text.parse().expect("a number"));
    if count < MANY {
        eprintln!("NOT THE WHOLE TEST: {count} messages of {MANY}");
    }
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "0", "--log", "warn"]);
    let operator = server.operator();
    let hooks: Vec<Hook> = (0..20)
        .map(|n| operator.hook(&format!("acme/f{n}"), "github"))
        .collect();
    let began = std::time::Instant::now();
    fill(&server, &hooks, count);
    let filled = began.elapsed();
    let newest = operator.get("/v1/messages?order=newest&limit=1&max_body_bytes=0");
    let steps = run(
        &server,
        operator.key(),
        "many",
        json!({"count": count, "burst": 3_000, "url": hooks[0].url, "newest": newest["messages"][0]["id"]}),
    );
    for (step, figure, promised) in [
        ("rows", "after_ms", Duration::from_secs(5)),
        ("burst", "longest_frame_ms", Duration::from_secs(1)),
    ] {
        let taken = steps.iter().find(|taken| taken["step"] == step);
        let took = taken.and_then(|taken| taken[figure].as_u64());
        let took = took.unwrap_or_else(|| panic!("no {figure} of {step} in {steps:?}"));
        assert_within(promised, Duration::from_millis(took));
    }
    eprintln!("{count} messages in {filled:?}; {steps:?}");
}
