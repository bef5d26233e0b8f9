//! Doorbell's own secrets are cut out of what is stored.
//!
//! A proxy in front of us writes the path, token and all, into headers such as `X-Original-URI`;
//! a browser brings our session cookie. Everything else stays as it came.

use std::{borrow::Cow, ops::Range, sync::LazyLock};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use doorbell_core::token::{CHANNEL_TOKEN_PREFIX, TOKEN_LEN, token_at_start};
use memchr::memmem;

use crate::percent::hex;

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

/// The scheme of a name and a password.
const BASIC: &[u8] = b"basic";

/// What every token begins with. It is looked for in each header's value: to be made anew for each
/// would cost more than to look.
static BEGINNING: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("db"));

/// Reads base64 as senders write it, padded or not.
pub(crate) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A text with every Doorbell token in it replaced, those with percent-encoded characters too.
///
/// It is read both ways: an escape that is none of the token's own may take a part of one that stands
/// there plainly (`%2dbh_…`).
pub fn redact(text: &[u8]) -> Cow<'_, [u8]> {
    let escaped = memchr::memchr(b'%', text).is_some();
    if !escaped && BEGINNING.find(text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut tokens: Vec<_> = Tokens::of(text).collect();
    if escaped {
        let plain = Plain::decode(text);
        let found = Tokens::of(&plain.bytes);
        tokens.extend(found.map(|token| plain.start_of(token.start)..plain.start_of(token.end)));
        tokens.sort_unstable_by_key(|token| token.start);
    }
    let mut out = Vec::new();
    let mut kept = 0;
    for token in tokens {
        if token.start >= kept {
            out.extend_from_slice(&text[kept..token.start]);
            out.extend_from_slice(REDACTED);
        }
        kept = kept.max(token.end);
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(&text[kept..]);
    Cow::Owned(out)
}

/// Whether an `Authorization` holds a Doorbell token, plain or inside Basic's base64.
pub fn authorization_holds_token(value: &[u8]) -> bool {
    matches!(redact(value), Cow::Owned(_)) || basic_holds_token(value)
}

/// The same inside Basic's base64 alone.
fn basic_holds_token(value: &[u8]) -> bool {
    basic(value).is_some_and(|plain| matches!(redact(&plain), Cow::Owned(_)))
}

/// Another header's value without our tokens; some proxies copy an `Authorization` into one of
/// theirs, and there nothing is left of Basic's credentials.
pub fn redact_value(value: &[u8]) -> Cow<'_, [u8]> {
    if basic_holds_token(value) {
        Cow::Borrowed(REDACTED)
    } else {
        redact(value)
    }
}

/// What Basic's credentials say (RFC 7617), in either of base64's alphabets, padded or not. Whoever
/// looks for a token in them asks here: what is taken is also what is not kept.
pub(crate) fn basic(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, credentials) = value.split_at_checked(BASIC.len())?;
    if !scheme.eq_ignore_ascii_case(BASIC) || !credentials.first()?.is_ascii_whitespace() {
        return None;
    }
    let standard: Vec<u8> = credentials
        .trim_ascii()
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    LENIENT.decode(standard).ok()
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

/// Finds the tokens in a text, one after the other, and looks at no byte more often than some
/// constant: whoever has a URL chooses the text.
struct Tokens<'a> {
    text: &'a [u8],
    /// Where the next token may begin.
    at: usize,
    /// The run of base64url that was looked at last as a channel token's claims, and how long the
    /// token's rest is behind it, if there is one. All that begins within the run ends there.
    claims: Range<usize>,
    mac: Option<usize>,
    /// How many bytes were looked at.
    steps: usize,
}

impl<'a> Tokens<'a> {
    fn of(text: &'a [u8]) -> Self {
        Self {
            text,
            at: 0,
            claims: 0..0,
            mac: None,
            steps: 0,
        }
    }

    /// How long the token is that begins here, if one does.
    fn length_at(&mut self, at: usize) -> Option<usize> {
        self.steps += TOKEN_LEN.min(self.text.len() - at);
        token_at_start(&self.text[at..]).or_else(|| self.channel_token_at(at))
    }

    fn channel_token_at(&mut self, at: usize) -> Option<usize> {
        if !self.text[at..].starts_with(CHANNEL_TOKEN_PREFIX.as_bytes()) {
            return None;
        }
        let claims = at + CHANNEL_TOKEN_PREFIX.len();
        if !self.claims.contains(&claims) {
            self.claims = claims..self.run_from(claims);
            let end = self.claims.end;
            self.mac = (self.text.get(end) == Some(&b'.')).then(|| self.run_from(end + 1));
        }
        let end = self.mac?;
        let mac = self.claims.end + 1;
        (self.claims.end - claims >= LEAST_CLAIMS && end - mac >= LEAST_MAC).then_some(end - at)
    }

    /// Where the run of base64url ends that begins here.
    fn run_from(&mut self, at: usize) -> usize {
        let length = self.text[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            .count();
        self.steps += length;
        at + length
    }
}

impl Iterator for Tokens<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        for found in memmem::find_iter(&self.text[self.at..], b"db") {
            let start = self.at + found;
            if let Some(length) = self.length_at(start) {
                self.at = start + length;
                return Some(start..self.at);
            }
        }
        self.at = self.text.len();
        None
    }
}

/// A text with its percent-encoding undone, which knows where each byte came from.
struct Plain {
    bytes: Vec<u8>,
    /// Where each byte began in the text.
    starts: Vec<usize>,
    end: usize,
}

impl Plain {
    fn decode(text: &[u8]) -> Self {
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
            bytes,
            starts,
            end: text.len(),
        }
    }

    fn start_of(&self, at: usize) -> usize {
        self.starts.get(at).copied().unwrap_or(self.end)
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
    fn an_escape_before_a_token_takes_nothing_of_it() {
        let token = token(TokenKind::Hook);
        for before in ["%2", "%", "%d", "a%2"] {
            let text = format!("{before}{token}&u={}", token.replace('_', "%5F"));
            assert_eq!(redacted(&text), format!("{before}[token]&u=[token]"));
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
            format!("Basic\t{basic}"),
            format!(
                "Basic {}",
                LENIENT
                    .encode(format!("\u{ff}\u{fe}?:{token}"))
                    .replace('+', "-")
                    .replace('/', "_")
            ),
        ] {
            assert!(authorization_holds_token(holds.as_bytes()), "{holds}");
        }
        for other in ["Bearer abc", "Basic dTpw", "Basic", "Basic !!", "", "dbh_"] {
            assert!(!authorization_holds_token(other.as_bytes()), "{other}");
        }
        for kept in ["Basic dTpw", "Basic !!", "Basically", ""] {
            assert_eq!(redact_value(kept.as_bytes()), kept.as_bytes());
        }
        let copied = redact_value(b"Basic ");
        assert_eq!(copied.as_ref(), b"Basic ");
        let copied = format!("basic\t{basic}");
        assert_eq!(redact_value(copied.as_bytes()).as_ref(), REDACTED);
    }

    /// A second's worth of one core, for a request, was what the first of these cost.
    #[test]
    fn twice_the_text_costs_twice_the_steps_whatever_it_is() {
        let real = token(TokenKind::Hook);
        let claims = "a".repeat(LEAST_CLAIMS);
        for piece in [
            "dbc_".to_owned(),
            "db".to_owned(),
            "dbh_".to_owned(),
            format!("dbc_{claims}."),
            format!("dbc_{claims}.dbc_"),
            format!("dbc_dbc_{claims}.{claims}-"),
            format!("dbh_{}", "0".repeat(49)),
            real,
        ] {
            let steps = |length: usize| {
                let text = piece.repeat(length.div_ceil(piece.len()));
                let mut tokens = Tokens::of(text.as_bytes());
                while tokens.next().is_some() {}
                tokens.steps
            };
            let (one, two) = (steps(32 * 1024), steps(64 * 1024));
            assert!(two <= 2 * one + 1024, "{piece}: {one}, then {two}");
            assert!(two <= 64 * 1024 * (TOKEN_LEN + 2), "{piece}: {two}");
        }
    }

    #[test]
    fn channel_tokens_are_found_behind_what_only_begins_like_one() {
        let (claims, mac) = ("a".repeat(LEAST_CLAIMS), "b".repeat(LEAST_MAC));
        let token = format!("dbc_{claims}.{mac}");
        for (text, rest) in [
            (format!("dbc_.{token}"), "dbc_.[token]".to_owned()),
            (format!("dbc_dbc_{token} x"), "[token] x".to_owned()),
            (format!("{token}.{token}"), "[token].[token]".to_owned()),
        ] {
            assert_eq!(redacted(&text), rest, "{text}");
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
