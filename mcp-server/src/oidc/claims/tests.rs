use serde_json::json;

use super::{
    super::{jwk::KeySet, jws::Token, signer::Signer},
    *,
};

const NOW: u64 = 1_800_000_000;

/// What comes of a good token's claims with these instead; null leaves one out.
fn claim(more: Value) -> Result<Verified, TokenError> {
    let mut claims = json!({
        "iss": "https://id.example", "aud": "doorbell", "sub": "alice", "exp": NOW + 300,
        "doorbell_folder": "acme/eng",
    });
    let own = claims.as_object_mut().expect("an object");
    own.extend(more.as_object().expect("an object").clone());
    own.retain(|_, value| !value.is_null());
    let signer = Signer::new();
    let keys = json!({"keys": [signer.jwk(json!({}))]}).to_string();
    let keys = KeySet::parse(keys.as_bytes()).expect("a key set");
    let text = signer.token(&json!({"alg": "ES256"}), &claims);
    let token = Token::parse(&text).expect("a token");
    let opened = keys.open(&token, "https://id.example", "doorbell");
    let now = Timestamp::from_millis(NOW * 1_000);
    check(&opened.expect("signed")?, "doorbell_folder", now)
}

fn refused(more: Value) -> TokenError {
    claim(more.clone()).expect_err(&more.to_string())
}

#[test]
fn a_token_ends_ten_seconds_after_it_says() {
    for good in [json!(NOW + 1), json!(NOW), json!(NOW - 9), json!(1e18)] {
        assert!(claim(json!({ "exp": good })).is_ok(), "{good}");
    }
    for over in [json!(NOW - 10), json!(NOW as f64 - 10.001), json!(0)] {
        assert_eq!(refused(json!({ "exp": over })), TokenError::Expired);
    }
    for bad in [json!(-1), json!("1800000300"), json!(true), Value::Null] {
        assert_eq!(refused(json!({ "exp": bad })), TokenError::Claim("exp"));
    }
    // The library gives up on a list where one thing belongs.
    for claim in ["exp", "nbf", "sub"] {
        assert_eq!(refused(json!({claim: [NOW]})), TokenError::NotTheirs);
    }
    let ends = claim(json!({"exp": NOW})).expect("good").expires_at;
    assert_eq!(ends.as_millis(), (NOW + 10) * 1_000);
}

#[test]
fn a_token_begins_a_minute_before_it_says() {
    for good in [json!(0), json!(NOW), json!(NOW + 60), Value::Null] {
        assert!(claim(json!({ "nbf": good })).is_ok(), "{good}");
    }
    for early in [json!(NOW + 61), json!(1e300)] {
        assert_eq!(refused(json!({ "nbf": early })), TokenError::Early);
    }
    for bad in [json!("now"), json!(-5), json!({})] {
        assert_eq!(refused(json!({ "nbf": bad })), TokenError::Claim("nbf"));
    }
}

#[test]
fn issuer_and_audience_are_compared_letter_by_letter() {
    assert!(claim(json!({"aud": ["x", "doorbell"]})).is_ok());
    for aud in [
        json!("Doorbell"),
        json!("doorbell "),
        json!([]),
        json!([["doorbell"]]),
        json!(["doorbell", 7]),
        json!(7),
    ] {
        assert_eq!(refused(json!({ "aud": aud })), TokenError::Audience);
    }
    assert_eq!(refused(json!({"aud": null})), TokenError::Audience);
    for iss in [
        json!("https://id.example/"),
        json!("HTTPS://id.example"),
        json!([]),
        json!(["https://id.example"]),
        json!(7),
        Value::Null,
    ] {
        assert_eq!(refused(json!({ "iss": iss })), TokenError::NotTheirs);
    }
}

#[test]
fn a_subject_is_a_text_of_at_most_255_bytes() {
    assert!(claim(json!({"sub": "x".repeat(255)})).is_ok());
    for bad in [json!(""), json!("x".repeat(256)), json!(7), Value::Null] {
        assert_eq!(refused(json!({ "sub": bad })), TokenError::Claim("sub"));
    }
    let subject = |text: &str| claim(json!({"sub": text})).expect("good").subject;
    assert_eq!(subject("alice").identity(), subject("alice").identity());
    assert_ne!(subject("alice").identity(), subject("Alice").identity());
    let hostile = subject("\u{1b}]0;x\u{7}\u{9b}2J\n\u{202e}");
    assert!(!hostile.to_string().contains(char::is_control));
    assert!(!hostile.to_string().contains('\u{202e}'), "{hostile}");
}

#[test]
fn the_folder_claim_is_a_folder_or_everything() {
    let principal = |folder: Value| {
        let verified = claim(json!({ "doorbell_folder": folder }));
        verified.expect("good but for the folder").principal
    };
    assert_eq!(principal(json!("*")), Some(Principal::Operator));
    let folder = "acme/eng".parse().expect("a folder");
    assert_eq!(principal(json!("acme/eng")), Some(Principal::Agent(folder)));
    for bad in [
        json!(""),
        json!("**"),
        json!("a/"),
        json!(["a"]),
        json!(1),
        Value::Null,
    ] {
        assert_eq!(principal(bad.clone()), None, "{bad}");
    }
}
