//! The issuer's public keys (RFC 7517), and what they say to a token.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, Validation, decode,
    errors::{Error, ErrorKind},
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    claims::{Claims, TokenError},
    jws::Token,
    signature,
};

/// How many keys of a set are kept.
const MAX_KEYS: usize = 64;

/// The keys that an issuer signs with.
#[derive(Debug, Default)]
pub(super) struct KeySet(Vec<PublicKey>);

#[derive(Debug)]
struct PublicKey {
    kid: Option<String>,
    /// Those of its own kind, or the one that it is for, where the issuer says.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl KeySet {
    /// Reads `{"keys": […]}`. Keys that are of no use to us, or not well made, are left out, for an
    /// issuer may have others beside them.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        // Nothing is checked without a key, and there is none but from here.
        signature::install();
        let document: Document = serde_json::from_slice(bytes).ok()?;
        let keys = document.keys.into_iter().take(MAX_KEYS);
        Some(Self(keys.filter_map(PublicKey::read).collect()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What a token claims, if one of these keys signed it and it is from this issuer and for this
    /// audience. Nothing if the key is not among these: there may be newer ones.
    pub(super) fn open(
        &self,
        token: &Token<'_>,
        issuer: &str,
        audience: &str,
    ) -> Option<Result<Claims, TokenError>> {
        let named = |key: &&PublicKey| token.kid.is_none() || key.kid == token.kid;
        let mut known = false;
        for key in self.0.iter().filter(named) {
            match key.open(token, issuer, audience).map_err(Error::into_kind) {
                Err(ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm) => known = true,
                opened => return Some(opened.map_err(|error| refusal(&error))),
            }
        }
        // The key it names is here, and did not sign it: it is forged or damaged.
        (known && token.kid.is_some()).then_some(Err(TokenError::NotTheirs))
    }
}

/// What to say to a token that a key signed, or whose signature cannot be read.
fn refusal(error: &ErrorKind) -> TokenError {
    match error {
        ErrorKind::InvalidAudience => TokenError::Audience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => TokenError::Audience,
        _ => TokenError::NotTheirs,
    }
}

impl PublicKey {
    fn read(mut jwk: Value) -> Option<Self> {
        // RFC 9864's name for what the library knows by its older one alone.
        if let Some(alg) = jwk.get_mut("alg").filter(|alg| *alg == "Ed25519") {
            *alg = json!("EdDSA");
        }
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let Jwk { common, algorithm } = &jwk;
        let usage = common.public_key_use.as_ref();
        let signs = usage.is_none_or(|usage| *usage == PublicKeyUse::Signature);
        let ops = common.key_operations.as_ref();
        let verifies = ops.is_none_or(|ops| ops.contains(&KeyOperations::Verify));
        if !(signs && verifies) {
            return None;
        }
        let mut algorithms = match algorithm {
            AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms().to_vec(),
            AlgorithmParameters::EllipticCurve(point) => {
                let (alg, length) = match point.curve {
                    EllipticCurve::P256 => (Algorithm::ES256, 32),
                    EllipticCurve::P384 => (Algorithm::ES384, 48),
                    _ => return None,
                };
                let whole = holds(&point.x, length) && holds(&point.y, length);
                whole.then(|| vec![alg])?
            }
            AlgorithmParameters::OctetKeyPair(pair) => {
                let whole = pair.curve == EllipticCurve::Ed25519 && holds(&pair.x, 32);
                whole.then(|| vec![Algorithm::EdDSA])?
            }
            _ => return None,
        };
        if let Some(own) = common.key_algorithm {
            algorithms.retain(|alg| KeyAlgorithm::from(*alg) == own);
        }
        Some(Self {
            key: DecodingKey::from_jwk(&jwk).ok()?,
            kid: jwk.common.key_id,
            algorithms,
        })
    }

    fn open(&self, token: &Token<'_>, issuer: &str, audience: &str) -> Result<Claims, Error> {
        let mut wanted = Validation::new_for_family(self.key.family());
        wanted.algorithms.clone_from(&self.algorithms);
        wanted.set_issuer(&[issuer]);
        wanted.set_audience(&[audience]);
        wanted.set_required_spec_claims(&["iss", "aud"]);
        // The library asks the machine what time it is: that is checked with the other claims.
        wanted.validate_exp = false;
        decode(token.text, &self.key, &wanted).map(|token| token.claims)
    }
}

/// Whether a text in base64 holds so many bytes. The library puts the halves of a point together
/// as they come.
fn holds(text: &str, bytes: usize) -> bool {
    text.len() == (bytes * 4).div_ceil(3)
}

#[cfg(test)]
mod tests;
