//! One row for each sender: its question, and the exact answer.

use doorbell_core::message::Mode;

use super::{answer, asked, asked_at};

const JSON: &str = "content-type: application/json";
const TEXT: &str = "content-type: text/plain; charset=utf-8";

/// Fails unless this is a handshake, observed, and answered so.
#[track_caller]
fn answers(request: &str, body: &str, expected: &str) {
    let handshake = asked(request, body).unwrap_or_else(|| panic!("a message: {request}\n{body}"));
    assert_eq!(handshake.mode, Mode::Observe, "{request}");
    assert_eq!(answer(handshake), expected, "{request}\n{body}");
}

#[test]
fn slack_and_lark_get_their_challenge_as_json() {
    let slack = r#"{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}"#;
    let expected = format!(
        "{JSON}\n\n{}",
        r#"{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}"#
    );
    answers(&format!("POST /hook/t\n{JSON}"), slack, &expected);
    let lark = r#"{ "challenge": "ajls384k-\"js\\", "token": "v", "type": "url_verification" }"#;
    let typed = "POST /hook/t\ncontent-type: Application/JSON; charset=utf-8";
    let expected = format!("{JSON}\n\n{}", r#"{"challenge":"ajls384k-\"js\\"}"#);
    answers(typed, lark, &expected);
}

#[test]
fn monday_and_miro_get_their_bare_challenge_as_json() {
    let expected = format!(
        "{JSON}\n\n{}",
        r#"{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY"}"#
    );
    let bare = r#"{"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY"}"#;
    for media in [
        "application/json",
        "text/json",
        "application/vnd.x+json ;q=1",
    ] {
        answers(
            &format!("POST /hook/t\ncontent-type: {media}"),
            bare,
            &expected,
        );
    }
}

#[test]
fn microsoft_graph_gets_its_token_decoded_as_text() {
    let target = "/hook/t?validationToken=Validation%3a+Testing%20client+application%2B%26";
    let expected = format!("{TEXT}\n\nValidation: Testing client application+&");
    let posted = format!("POST {target}\ncontent-type: text/plain; charset=utf-8");
    answers(&posted, "", &expected);
}

#[test]
fn event_grid_gets_its_validation_code_and_no_visit() {
    let body = r#"[{"id":"2d1781af","topic":"/subscriptions/x","subject":"","data":{"validationCode":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6","validationUrl":"https://rp-eastus2.eventgrid.azure.net:553/eventsubscriptions/x/validate?id=0"},"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","eventTime":"2018-01-25T22:12:19.4556811Z","metadataVersion":"1","dataVersion":"1"}]"#;
    let request = "POST /hook/t\naeg-event-type: SubscriptionValidation\n\
                   content-type: application/json; charset=utf-8";
    let expected = r#"{"validationResponse":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}"#;
    answers(request, body, &format!("{JSON}\n\n{expected}"));
}

#[test]
fn cloudevents_senders_are_let_in_at_the_rate_asked_for_up_to_the_tokens() {
    for (rate, allowed) in [
        (None, "*"),
        (Some("120"), "120"),
        (Some("600"), "600"),
        (Some("100000"), "600"),
        (Some("0"), "*"),
        (Some("-1"), "*"),
        (Some("fast"), "*"),
    ] {
        let mut request = "OPTIONS /hook/t\nWebHook-Request-Origin: eventemitter.example.com\n\
                           WebHook-Request-Callback: https://example.com/confirm?id=1"
            .to_owned();
        if let Some(rate) = rate {
            request.push_str(&format!("\nWebHook-Request-Rate: {rate}"));
        }
        let expected = format!(
            "allow: POST\nwebhook-allowed-origin: eventemitter.example.com\n\
             webhook-allowed-rate: {allowed}\n\n"
        );
        answers(&request, "", &expected);
    }
    let unlimited =
        super::head("OPTIONS /h\nwebhook-request-origin: o\nwebhook-request-rate: 9000");
    let unlimited = super::recognise(&unlimited, b"", "events", 0).expect("a handshake");
    assert!(answer(unlimited).contains("webhook-allowed-rate: 9000"));
}

#[test]
fn asana_gets_its_secret_back_and_so_does_the_agent() {
    let secret = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81";
    for body in ["", "{}", " {}\r\n"] {
        let request = format!("POST /hook/t\nX-Hook-Secret: {secret}\n{JSON}");
        let handshake = asked(&request, body).expect("a handshake");
        assert_eq!(handshake.mode, Mode::Trigger);
        assert_eq!(answer(handshake), format!("x-hook-secret: {secret}\n\n"));
    }
}

#[test]
fn smartsheet_gets_its_challenge_in_both_ways() {
    let request = format!("POST /hook/t\nSmartsheet-Hook-Challenge: e7c5\"-7\n{JSON}");
    answers(
        &request,
        r#"{"challenge":"e7c5\"-7","webhookId":8444254503626628}"#,
        &format!(
            "{JSON}\nsmartsheet-hook-response: e7c5\"-7\n\n{}",
            r#"{"smartsheetHookResponse":"e7c5\"-7"}"#
        ),
    );
}

#[test]
fn twitch_gets_its_challenge_as_raw_text() {
    let request = format!(
        "POST /hook/t\nTwitch-Eventsub-Message-Id: e76c6bd4\n\
         Twitch-Eventsub-Message-Type: webhook_callback_verification\n{JSON}"
    );
    let body = r#"{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"id":"f1c2a387","status":"webhook_callback_verification_pending"}}"#;
    answers(
        &request,
        body,
        &format!("{TEXT}\n\npogchamp-kappa-360noscope-vohiyo"),
    );
}

#[test]
fn a_get_with_a_known_parameter_gets_its_value_as_raw_text() {
    for (query, value) in [
        (
            "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=mytoken",
            "1158201444",
        ),
        (
            "hub.topic=https%3A%2F%2Fx%2Ffeed&hub.challenge=a%20b&hub.mode=unsubscribe&hub.lease_seconds=864000",
            "a b",
        ),
        ("challenge=dropbox-6f%2Fa", "dropbox-6f/a"),
        ("check=onfleet", "onfleet"),
    ] {
        answers(
            &format!("GET /hook/t?{query}"),
            "",
            &format!("{TEXT}\n\n{value}"),
        );
    }
}

#[test]
fn okta_gets_its_verification_as_json() {
    let request = "GET /hook/t\nX-Okta-Verification-Challenge: my verification";
    let expected = format!("{JSON}\n\n{}", r#"{"verification":"my verification"}"#);
    answers(request, "", &expected);
}

#[test]
fn strava_gets_its_challenge_as_json_where_the_url_is_called_so() {
    let request =
        "GET /hook/t?hub.verify_token=STRAVA&hub.challenge=15f7d1a91c1f40f8&hub.mode=subscribe";
    let json = format!("{JSON}\n\n{}", r#"{"hub.challenge":"15f7d1a91c1f40f8"}"#);
    for (label, expected) in [
        ("strava", json.as_str()),
        ("Strava", &json),
        ("strava2", &format!("{TEXT}\n\n15f7d1a91c1f40f8")),
    ] {
        let handshake = asked_at(label, request, "").expect("a handshake");
        assert_eq!(answer(handshake), expected, "{label}");
    }
}

#[test]
fn sharepoint_gets_its_token_as_text() {
    let request = "POST /hook/t?validationtoken=aaa%20b%2F1\ncontent-type: text/plain";
    answers(request, "", &format!("{TEXT}\n\naaa b/1"));
}

#[test]
fn an_mcp_events_server_gets_its_challenge_as_json() {
    let request = format!("POST /hook/t?mcp_event_subscription=s\nwebhook-id: w1\n{JSON}");
    for body in [
        r#"{"type":"verification","challenge":"n\"1"}"#,
        r#"{"challenge":"n\"1","type":"verification","more":{"a":1}}"#,
    ] {
        let expected = format!("{JSON}\n\n{}", r#"{"challenge":"n\"1"}"#);
        answers(&request, body, &expected);
    }
}

#[test]
fn a_byte_order_mark_does_not_hide_a_question() {
    let mark = "\u{feff}";
    let expected = format!("{JSON}\n\n{}", r#"{"challenge":"x"}"#);
    let request = format!("POST /hook/t\nwebhook-id: w1\n{JSON}");
    for body in [
        r#"{"challenge":"x"}"#,
        r#"{"type":"url_verification","challenge":"x"}"#,
        r#"{"type":"verification","challenge":"x"}"#,
    ] {
        answers(&request, &format!("{mark}{body}"), &expected);
    }
    let twitch = "POST /hook/t\ntwitch-eventsub-message-type: webhook_callback_verification";
    answers(
        twitch,
        &format!("{mark}{{\"challenge\":\"x\"}}"),
        &format!("{TEXT}\n\nx"),
    );
    let grid = "POST /hook/t\naeg-event-type: SubscriptionValidation";
    let body = format!("{mark}[{{\"data\":{{\"validationCode\":\"c\"}}}}]");
    answers(
        grid,
        &body,
        &format!("{JSON}\n\n{{\"validationResponse\":\"c\"}}"),
    );
    let asana = asked("POST /hook/t\nx-hook-secret: s", &format!("{mark}{{}}"));
    assert_eq!(asana.map(answer).as_deref(), Some("x-hook-secret: s\n\n"));
}

#[test]
fn notions_token_is_kept_and_not_said_back() {
    let body = r#"{"verification_token":"secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"}"#;
    answers(&format!("POST /hook/t\n{JSON}"), body, "\n");
}
