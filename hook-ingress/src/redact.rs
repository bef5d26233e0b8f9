//! Doorbell's own secrets are cut out of what is stored.
//!
//! A proxy in front of us writes the path, token and all, into headers such as `X-Original-URI`;
//! a browser brings our session cookie. Everything else stays as it came.

use std::borrow::Cow;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use doorbell_core::token::{CHANNEL_TOKEN_PREFIX, token_at_start};
use memchr::memmem;

use crate::admit::hex;

/// What stands where a token stood.
const REDACTED: &[u8] = b"[token]";

/// The name of our session cookie.
pub const SESSION_COOKIE: &str = "doorbell_session";

/// Its name where the browser speaks https: only a secure origin can set it, for its own host alone.
pub const SECURE_SESSION_COOKIE: &str = "__Host-doorbell_session";

/// Its name where the browser speaks https and sees us under a path, which the name before rules
/// out.
pub const PATH_SESSION_COOKIE: &str = "__Secure-doorbell_session";

/// The fewest characters of a channel token's claims, and of its MAC: 31 bytes and 32, as
/// [`doorbell_core::capability`] writes them. A text such as `dbc_lib.so` is no token.
const LEAST_CLAIMS: usize = 42;
const LEAST_MAC: usize = 43;

/// Reads base64 as senders write it, padded or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A text with every Doorbell token in it replaced, those with percent-encoded characters too.
pub fn redact(text: &[u8]) -> Cow<'_, [u8]> {
    let escaped = memchr::memchr(b'%', text).is_some();
    if !escaped && memmem::find(text, b"db").is_none() {
        return Cow::Borrowed(text);
    }
    let plain = if escaped {
        Plain::decode(text)
    } else {
        Plain::verbatim(text)
    };
    let mut out = Vec::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(found) = memmem::find(&plain.bytes[at..], b"db") {
        at += found;
        match token_length(&plain.bytes[at..]) {
            Some(length) => {
                out.extend_from_slice(&text[kept..plain.start_of(at)]);
                out.extend_from_slice(REDACTED);
                at += length;
                kept = plain.start_of(at);
            }
            None => at += 1,
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(&text[kept..]);
    Cow::Owned(out)
}

/// Whether an `Authorization` holds a Doorbell token, plain or inside Basic's base64.
pub fn authorization_holds_token(value: &[u8]) -> bool {
    if matches!(redact(value), Cow::Owned(_)) {
        return true;
    }
    let Some(blank) = memchr::memchr(b' ', value) else {
        return false;
    };
    let (scheme, credentials) = (&value[..blank], value[blank..].trim_ascii());
    scheme.eq_ignore_ascii_case(b"basic")
        && LENIENT
            .decode(credentials)
            .is_ok_and(|plain| matches!(redact(&plain), Cow::Owned(_)))
}

/// A `Cookie` without our session; `None` if nothing else is in it.
pub fn without_session(cookie: &[u8]) -> Option<Cow<'_, [u8]>> {
    if memmem::find(cookie, SESSION_COOKIE.as_bytes()).is_none() {
        return Some(Cow::Borrowed(cookie));
    }
    let kept: Vec<&[u8]> = cookie
        .split(|byte| *byte == b';')
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !is_session(pair))
        .collect();
    (!kept.is_empty()).then(|| Cow::Owned(kept.join(&b"; "[..])))
}

fn is_session(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or(pair);
    let name = name.trim_ascii();
    [SESSION_COOKIE, SECURE_SESSION_COOKIE, PATH_SESSION_COOKIE]
        .iter()
        .any(|own| name == own.as_bytes())
}

/// How long the token is that `text` begins with, if it does.
fn token_length(text: &[u8]) -> Option<usize> {
    token_at_start(text).or_else(|| channel_token_length(text))
}

fn channel_token_length(text: &[u8]) -> Option<usize> {
    let claims = text.strip_prefix(CHANNEL_TOKEN_PREFIX.as_bytes())?;
    let claims_length = base64url_run(claims);
    let mac = claims[claims_length..].strip_prefix(b".")?;
    let mac_length = base64url_run(mac);
    (claims_length >= LEAST_CLAIMS && mac_length >= LEAST_MAC)
        .then_some(CHANNEL_TOKEN_PREFIX.len() + claims_length + 1 + mac_length)
}

fn base64url_run(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        .count()
}

/// A text with its percent-encoding undone, which knows where each byte came from.
struct Plain<'a> {
    bytes: Cow<'a, [u8]>,
    /// Where each byte began in the text; empty where nothing was encoded.
    starts: Vec<usize>,
    end: usize,
}

impl<'a> Plain<'a> {
    fn verbatim(text: &'a [u8]) -> Self {
        Self {
            bytes: Cow::Borrowed(text),
            starts: Vec::new(),
            end: text.len(),
        }
    }

    fn decode(text: &'a [u8]) -> Self {
        let mut bytes = Vec::with_capacity(text.len());
        let mut starts = Vec::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            starts.push(at);
            let escape = (text[at] == b'%')
                .then(|| Some(hex(*text.get(at + 1)?)? << 4 | hex(*text.get(at + 2)?)?))
                .flatten();
            bytes.push(escape.unwrap_or(text[at]));
            at += if escape.is_some() { 3 } else { 1 };
        }
        Self {
            bytes: Cow::Owned(bytes),
            starts,
            end: text.len(),
        }
    }

    fn start_of(&self, at: usize) -> usize {
        match &self.bytes {
            Cow::Borrowed(_) => at,
            Cow::Owned(_) => self.starts.get(at).copied().unwrap_or(self.end),
        }
    }
}

#[cfg(test)]
mod tests {
    use doorbell_core::{
        capability::{Claims, KeyRing, SigningKey, SigningKeyId, Verb},
        grant::GrantId,
        time::Timestamp,
        token::{Chance, Token, TokenKind},
    };

    use super::*;

    struct Sevens;

    impl Chance for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn token(kind: TokenKind) -> String {
        Token::mint(kind, &Sevens).expose().to_owned()
    }

    fn redacted(text: &str) -> String {
        String::from_utf8(redact(text.as_bytes()).into_owned()).expect("utf-8")
    }

    #[test]
    fn every_kind_of_token_is_cut_out_wherever_it_stands() {
        for kind in [TokenKind::Hook, TokenKind::Web, TokenKind::Key] {
            let token = token(kind);
            assert_eq!(redacted(&token), "[token]");
            assert_eq!(redacted(&format!("/hook/{token}?a=1")), "/hook/[token]?a=1");
            assert_eq!(redacted(&format!("{token},{token}")), "[token],[token]");
            assert_eq!(redacted(&format!("dbdb{token}x")), "dbdb[token]x");
        }
    }

    #[test]
    fn a_channel_token_is_cut_out_even_of_the_shortest_session() {
        let key = SigningKey::generate(SigningKeyId(1), Timestamp::from_millis(1), &Sevens);
        let claims = Claims {
            grant: GrantId::from_u128(1),
            session: "s".parse().expect("legal"),
            verb: Verb::SendInput,
            expires_at: Timestamp::from_millis(2),
        };
        let token = KeyRing::new(vec![key])
            .sign(&claims)
            .expect("there is a key");
        let token = token.expose();
        assert_eq!(redacted(&format!("a={token}&b")), "a=[token]&b");
        assert_eq!(redacted(&token.replace('.', "%2E")), "[token]");
        assert_eq!(
            redacted(&token[..token.len() - 1]),
            token[..token.len() - 1]
        );
    }

    #[test]
    fn a_percent_encoded_token_is_cut_out_and_its_surroundings_stay_as_they_are() {
        let token = token(TokenKind::Hook);
        for encoded in [
            token.replace('_', "%5F"),
            token.replace('_', "%5f"),
            token.replace('d', "%64"),
        ] {
            assert_eq!(
                redacted(&format!("u=%2Fhook%2F{encoded}%20&x=100%")),
                "u=%2Fhook%2F[token]%20&x=100%"
            );
        }
    }

    #[test]
    fn what_only_looks_like_a_token_stays() {
        let mut bent = token(TokenKind::Hook);
        bent.pop();
        let near = format!("{bent}!");
        for text in [
            near.as_str(),
            bent.as_str(),
            "dbh_",
            "dbc_lib.so",
            "dbc_",
            "adb shell db",
            "%",
            "%5",
            "100%25",
            "",
        ] {
            assert_eq!(redacted(text), text);
        }
    }

    #[test]
    fn an_authorization_with_a_token_is_known_in_both_spellings() {
        let token = token(TokenKind::Key);
        let basic = LENIENT.encode(format!("x:{token}"));
        for holds in [
            format!("Bearer {token}"),
            format!("Basic {basic}"),
            format!("basic  {}", basic.trim_end_matches('=')),
        ] {
            assert!(authorization_holds_token(holds.as_bytes()), "{holds}");
        }
        for other in ["Bearer abc", "Basic dTpw", "Basic", "Basic !!", "", "dbh_"] {
            assert!(!authorization_holds_token(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn our_session_leaves_the_other_cookies() {
        for (cookie, rest) in [
            ("a=1; doorbell_session=s; b=2", Some("a=1; b=2")),
            ("doorbell_session=s", None),
            ("__Host-doorbell_session=s; b=2", Some("b=2")),
            ("b=2; __Secure-doorbell_session=s", Some("b=2")),
            ("my_doorbell_session=s", Some("my_doorbell_session=s")),
            ("a=1;b=2", Some("a=1;b=2")),
        ] {
            let kept = without_session(cookie.as_bytes());
            assert_eq!(kept.as_deref(), rest.map(str::as_bytes), "{cookie}");
        }
    }
}
