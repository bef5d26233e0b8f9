//! Nothing that is kept holds a token of ours.

use doorbell_core::token::{CHANNEL_TOKEN_PREFIX, token_at_start};

use crate::{
    percent::hex,
    redact::{authorization_holds_token, redact, redact_value, without_session},
};

/// No token is left, written out or escaped, and nothing is taken where none was.
pub(super) fn redaction(data: &[u8]) {
    let rest = redact(data);
    assert!(!holds_token(&rest), "a token is left");
    if !holds_token(data) {
        assert_eq!(rest, data, "something else was cut out");
    }
    assert_eq!(redact(&rest), rest, "what is cut twice is cut further");
    let value = redact_value(data);
    assert!(!holds_token(&value));
    assert!(!authorization_holds_token(&value), "Basic's is left");
    if let Some(cookie) = without_session(data) {
        let mut pairs = cookie.split(|byte| *byte == b';');
        assert!(!pairs.any(|pair| pair.trim_ascii().starts_with(b"doorbell_session=")));
        assert!(cookie.len() <= 2 * data.len());
    }
}

/// By trying every place, of the text and of the text with its escapes undone.
pub(super) fn holds_token(text: &[u8]) -> bool {
    stands_in(text) || stands_in(&unescaped(text))
}

fn stands_in(text: &[u8]) -> bool {
    (0..text.len()).any(|at| {
        text[at] == b'd'
            && (token_at_start(&text[at..]).is_some() || begins_as_channel_token(&text[at..]))
    })
}

/// Whether claims, a dot and a MAC stand there, each as long as the shortest.
fn begins_as_channel_token(text: &[u8]) -> bool {
    let run = |text: &[u8]| {
        let legal = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        text.iter().take_while(legal).count()
    };
    let Some(claims) = text.strip_prefix(CHANNEL_TOKEN_PREFIX.as_bytes()) else {
        return false;
    };
    let end = run(claims);
    let mac = claims.get(end).is_some_and(|dot| *dot == b'.');
    end >= 42 && mac && run(&claims[end + 1..]) >= 43
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if let (b'%', [high, low, behind @ ..]) = (first, rest)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = behind;
        } else {
            out.push(*first);
        }
    }
    out
}
