//! Nothing but printable ASCII up to 1 KiB is ever said back, and never as a page.

use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;
use serde_json::json;

use super::{answer, head};
use crate::handshake::{Handshake, echo::MAX_ECHO, recognise};

/// Every way to have a text said back, given the text.
const WAYS: usize = 13;

fn ask(way: usize, text: &str) -> Option<Handshake> {
    let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let header = |name: &'static str| (HeaderName::from_static(name), text.as_bytes().to_vec());
    let json_type = (
        HeaderName::from_static("content-type"),
        b"application/json".to_vec(),
    );
    let twitch = HeaderName::from_static("twitch-eventsub-message-type");
    let grid = HeaderName::from_static("aeg-event-type");
    let (line, headers, body) = match way {
        0 => (
            "POST /h".into(),
            vec![json_type],
            json!({"challenge": text}),
        ),
        1 => (
            "POST /h".into(),
            vec![json_type],
            json!({"type": "url_verification", "challenge": text}),
        ),
        2 => (
            "POST /h".into(),
            vec![(twitch, b"webhook_callback_verification".to_vec())],
            json!({"challenge": text}),
        ),
        3 => (
            "POST /h".into(),
            vec![(grid, b"SubscriptionValidation".to_vec())],
            json!([{"data": {"validationCode": text}}]),
        ),
        4 => ("POST /h".into(), vec![header("x-hook-secret")], json!({})),
        5 => (
            "POST /h".into(),
            vec![header("smartsheet-hook-challenge")],
            json!({}),
        ),
        6 => (
            "GET /h".into(),
            vec![header("x-okta-verification-challenge")],
            json!({}),
        ),
        7 => (
            "OPTIONS /h".into(),
            vec![header("webhook-request-origin")],
            json!({}),
        ),
        8 => (
            format!("POST /h?validationToken={escaped}"),
            vec![],
            json!({}),
        ),
        9 => (
            format!("POST /h?validationtoken={escaped}"),
            vec![],
            json!({}),
        ),
        10 => (
            format!("GET /h?hub.mode=x&hub.challenge={escaped}"),
            vec![],
            json!({}),
        ),
        11 => (format!("GET /h?challenge={escaped}"), vec![], json!({})),
        12 => (format!("GET /h?check={escaped}"), vec![], json!({})),
        _ => unreachable!("there are {WAYS}"),
    };
    let mut head = head(&line);
    for (name, value) in headers {
        // What cannot be a header's value cannot come.
        head.headers
            .insert(name, HeaderValue::from_bytes(&value).ok()?);
    }
    recognise(&head, body.to_string().as_bytes(), "strava", 0)
}

/// Whether the text came back with an answer, as it is or inside JSON.
fn comes_back(handshake: Handshake, text: &str) -> bool {
    let said = answer(handshake);
    let (head, body) = said
        .split_once("\n\n")
        .unwrap_or(("", said.trim_start_matches('\n')));
    let quoted = json!(text).to_string();
    body == text || body.contains(&quoted) || head.contains(&format!(": {text}"))
}

fn may_come_back(text: &str) -> bool {
    (1..=MAX_ECHO).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

#[test]
fn chance_finds_no_text_that_comes_back_though_it_may_not_nor_the_reverse() {
    let mut reader = blake3::Hasher::new().update(b"reflection").finalize_xof();
    let mut chance = || {
        let mut bytes = [0; 8];
        reader.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) >> 1).expect("63 bits")
    };
    let (mut back, mut kept) = (0, 0);
    for _ in 0..20_000 {
        let way = chance() % WAYS;
        let length = match chance() % 8 {
            0 => MAX_ECHO - 1 + chance() % 3,
            1 => 0,
            _ => 1 + chance() % 40,
        };
        // Mostly printable, so that one odd character among many is tried, too.
        let odd = chance() % 3;
        let text: String = (0..length)
            .map(|_| match (odd, chance() % 200) {
                (0, 0) => char::from_u32((chance() % 0x300) as u32).expect("no surrogate"),
                _ => char::from(b'!' + (chance() % 94) as u8),
            })
            .collect();
        let came = ask(way, &text).is_some_and(|handshake| comes_back(handshake, &text));
        assert!(
            !came || may_come_back(&text) || text.is_empty(),
            "{way}: {text:?}"
        );
        if may_come_back(&text) && text.trim() == text {
            assert!(came, "{way}: {text:?}");
            back += 1;
        } else {
            kept += 1;
        }
    }
    assert!(back > 5_000 && kept > 2_000, "{back} {kept}");
}

#[test]
fn a_script_comes_back_only_where_no_browser_runs_it() {
    let script = "<script>alert(document.domain)</script>";
    for way in 0..WAYS {
        let handshake = ask(way, script).expect("printable");
        let mut response = http::Response::new(Full::default());
        handshake.clone().answer.write(&mut response);
        let content_type = response.headers().get("content-type");
        let inert = ["text/plain; charset=utf-8", "application/json"];
        assert!(content_type.is_none_or(|have| inert.iter().any(|inert| have == inert)));
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert!(!response.headers().contains_key("location"));
        assert!(comes_back(handshake, script), "{way}");
    }
}

#[test]
fn a_get_whose_value_may_not_come_back_is_a_message() {
    let long = "x".repeat(MAX_ECHO + 1);
    for bad in ["caf\u{e9}", "a\r\nset-cookie: b", "\0", "", &long] {
        for way in 9..WAYS {
            assert_eq!(ask(way, bad), None, "{way} {bad:?}");
        }
    }
    let request = Request::get("/h?challenge=%ff")
        .body(())
        .expect("a request");
    let (head, ()) = request.into_parts();
    assert_eq!(recognise(&head, b"", "github", 0), None);
}
