//! A signed token as text (RFC 7515, compact), taken apart and not believed yet.
//!
//! Read by hand, on the `ring` that TLS brings along anyway: the JWT crates would bring a second
//! set of cryptography, read the machine's clock instead of ours, and let `crit` pass.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest token that is looked at, in bytes.
pub(super) const MAX_TOKEN: usize = 8 * 1024;

/// How a token may be signed: by a key whose public half is enough to check it. There is no `none`
/// here and no HMAC, so a public key can never be taken for a shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    /// Ed25519; RFC 9864 gives it that name.
    #[serde(rename = "EdDSA", alias = "Ed25519")]
    EdDsa,
}

/// What a token says of its own signature. Keys that it brings along, or the addresses of some,
/// are not even read.
#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) alg: Algorithm,
    pub(super) kid: Option<String>,
    typ: Option<String>,
    /// Extensions that must be understood; we know none.
    crit: Option<Value>,
}

/// A token in its parts.
#[derive(Debug)]
pub(super) struct Compact<'a> {
    pub(super) header: Header,
    /// What is signed.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    claims: &'a str,
}

impl<'a> Compact<'a> {
    /// Takes a token apart; nothing if it is none, or one of a kind that is not accepted.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_TOKEN {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        let known = header.crit.is_none() && is_access_token(header.typ.as_deref());
        known.then_some(Self {
            header,
            signed: signed.as_bytes(),
            signature: decode(signature)?,
            claims,
        })
    }

    /// What it claims; to be asked once the signature is known to hold.
    pub(super) fn claims(&self) -> Option<Map<String, Value>> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(self.claims).ok()?;
        serde_json::from_slice(&bytes).ok()
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
    use super::*;

    fn token(header: &str) -> String {
        let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(header), encode("{}"), encode("x"))
    }

    #[test]
    fn only_signatures_that_a_public_key_checks_are_read() {
        for good in [
            "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
            "Ed25519",
        ] {
            let text = token(&format!(r#"{{"alg":"{good}"}}"#));
            assert!(Compact::parse(&text).is_some(), "{good}");
        }
        for bad in [
            "none", "None", "NONE", "HS256", "HS384", "HS512", "ES512", "ES256K", "rs256", "",
        ] {
            let text = token(&format!(r#"{{"alg":"{bad}"}}"#));
            assert!(Compact::parse(&text).is_none(), "{bad}");
        }
        assert!(Compact::parse(&token(r#"{"typ":"JWT"}"#)).is_none());
        assert!(Compact::parse(&token(r#"{"alg":"RS256","alg":"none"}"#)).is_none());
    }

    #[test]
    fn a_token_of_another_kind_is_not_read() {
        let text = |typ: &str| token(&format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#));
        for good in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
            assert!(Compact::parse(&text(good)).is_some(), "{good}");
        }
        for bad in ["dpop+jwt", "logout+jwt", "secevent+jwt", "JOSE", "", "é"] {
            assert!(Compact::parse(&text(bad)).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_extension_that_must_be_understood_is_not() {
        for crit in [r#"["b64"]"#, "[]", r#""x""#] {
            let text = token(&format!(r#"{{"alg":"RS256","crit":{crit}}}"#));
            assert!(Compact::parse(&text).is_none(), "{crit}");
        }
    }

    #[test]
    fn what_has_not_three_parts_or_is_too_long_is_no_token() {
        let good = token(r#"{"alg":"ES256"}"#);
        assert!(Compact::parse(&good).is_some());
        for bad in [
            String::new(),
            "..".to_owned(),
            "a.b".to_owned(),
            format!("{good}.x"),
            format!("{good}="),
            format!(" {good}"),
            format!("{good}{}", "A".repeat(MAX_TOKEN)),
        ] {
            assert!(Compact::parse(&bad).is_none());
        }
    }
}
