//! A signed token as text (RFC 7515, compact): what it says of itself, and not believed yet.

use jsonwebtoken::{AlgorithmFamily, decode_header};

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 * 1024;

/// A token that may be good.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// The key that it says it is signed with. Keys that it brings along, or the addresses of
    /// some, are not asked for.
    pub(super) kid: Option<String>,
}

impl<'a> Token<'a> {
    /// Reads what a token says of itself; nothing if it is none, or one of a kind that is not
    /// accepted.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_TOKEN {
            return None;
        }
        let header = decode_header(text).ok()?;
        // Extensions that must be understood are not: we know none.
        let known = header.alg.family() != AlgorithmFamily::Hmac
            && header.crit.is_none()
            && is_access_token(header.typ.as_deref());
        let kid = header.kid;
        known.then_some(Self { text, kid })
    }
}

/// Whether a `typ` may be an access token's (RFC 9068) or any JWT's; many issuers say none. Logout
/// tokens, proofs of possession and their like name themselves and are none.
fn is_access_token(typ: Option<&str>) -> bool {
    let Some(typ) = typ else { return true };
    let short = match typ.get(..12) {
        Some(prefix) if prefix.eq_ignore_ascii_case("application/") => &typ[12..],
        _ => typ,
    };
    short.eq_ignore_ascii_case("at+jwt") || short.eq_ignore_ascii_case("jwt")
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

    use super::*;

    fn token(header: &str) -> String {
        let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(header), encode("{}"), encode("x"))
    }

    #[test]
    fn only_signatures_that_a_public_key_checks_are_read() {
        for good in [
            "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
        ] {
            let text = token(&format!(r#"{{"alg":"{good}"}}"#));
            assert!(Token::parse(&text).is_some(), "{good}");
        }
        // Ed25519 is RFC 9864's name for EdDSA, which the library does not know yet.
        for bad in [
            "none", "None", "NONE", "HS256", "HS384", "HS512", "ES512", "ES256K", "Ed25519",
            "rs256", "",
        ] {
            let text = token(&format!(r#"{{"alg":"{bad}"}}"#));
            assert!(Token::parse(&text).is_none(), "{bad}");
        }
        assert!(Token::parse(&token(r#"{"typ":"JWT"}"#)).is_none());
        assert!(Token::parse(&token(r#"{"alg":"RS256","alg":"none"}"#)).is_none());
    }

    #[test]
    fn a_token_of_another_kind_is_not_read() {
        let text = |typ: &str| token(&format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#));
        for good in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
            assert!(Token::parse(&text(good)).is_some(), "{good}");
        }
        for bad in ["dpop+jwt", "logout+jwt", "secevent+jwt", "JOSE", "", "é"] {
            assert!(Token::parse(&text(bad)).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_extension_that_must_be_understood_is_not() {
        for crit in [r#"["b64"]"#, "[]", r#""x""#] {
            let text = token(&format!(r#"{{"alg":"RS256","crit":{crit}}}"#));
            assert!(Token::parse(&text).is_none(), "{crit}");
        }
    }

    #[test]
    fn what_has_not_three_parts_or_is_too_long_is_no_token() {
        let good = token(r#"{"alg":"ES256"}"#);
        assert!(Token::parse(&good).is_some());
        for bad in [
            String::new(),
            "..".to_owned(),
            "a.b".to_owned(),
            format!("{good}.x"),
            format!(" {good}"),
            format!("{good}{}", "A".repeat(MAX_TOKEN)),
        ] {
            assert!(Token::parse(&bad).is_none());
        }
    }
}
