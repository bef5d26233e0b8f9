//! The issuer's public keys (RFC 7517), and whether one made a signature.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

use super::jws::{Algorithm, Compact};

/// How many keys of a set are kept.
const MAX_KEYS: usize = 64;

/// The keys that an issuer signs with.
#[derive(Debug, Default)]
pub(super) struct KeySet(Vec<PublicKey>);

#[derive(Debug)]
struct PublicKey {
    kid: Option<String>,
    /// The one algorithm it is for, where the issuer says.
    alg: Option<String>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A key as the issuer writes it.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// What came of checking a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signature {
    /// One of these keys made it.
    Good,
    /// None of these keys made it, and the key it names is here: it is forged or damaged.
    Bad,
    /// The key it names is not among these. There may be newer ones.
    UnknownKey,
}

impl KeySet {
    /// Reads `{"keys": […]}`. Keys that are of no use to us, or not well made, are left out, for an
    /// issuer may have others beside them.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_slice(bytes).ok()?;
        let jwks = document.keys.into_iter().take(MAX_KEYS);
        let keys = jwks.filter_map(|jwk| PublicKey::read(serde_json::from_value(jwk).ok()?));
        Some(Self(keys.collect()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether one of these keys signed this token.
    pub(super) fn check(&self, token: &Compact<'_>) -> Signature {
        let Compact { header, .. } = token;
        let mut named = self
            .0
            .iter()
            .filter(|key| header.kid.is_none() || key.kid == header.kid)
            .peekable();
        if named.peek().is_none() {
            return Signature::UnknownKey;
        }
        if named.any(|key| key.made(header.alg, token.signed, &token.signature)) {
            Signature::Good
        } else if header.kid.is_none() {
            Signature::UnknownKey
        } else {
            Signature::Bad
        }
    }
}

impl PublicKey {
    fn read(jwk: Jwk) -> Option<Self> {
        let signs = jwk.usage.as_deref().is_none_or(|usage| usage == "sig");
        let verifies = jwk
            .key_ops
            .is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !(signs && verifies) {
            return None;
        }
        let (x, y) = (bytes(jwk.x), bytes(jwk.y));
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Material::Rsa {
                n: bytes(jwk.n)?,
                e: bytes(jwk.e)?,
            },
            ("EC", Some("P-256")) => Material::P256(point(&x?, &y?, 32)?),
            ("EC", Some("P-384")) => Material::P384(point(&x?, &y?, 48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(x.filter(|x| x.len() == 32)?),
            _ => return None,
        };
        Some(Self {
            kid: jwk.kid,
            alg: jwk.alg,
            material,
        })
    }

    /// Whether this key made a signature: of its own kind, and with the algorithm it is for.
    fn made(&self, alg: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        if self.alg.as_deref().is_some_and(|own| !is(alg, own)) {
            return false;
        }
        let checked = match (&self.material, alg) {
            (Material::Rsa { n, e }, _) => match rsa(alg) {
                None => return false,
                Some(parameters) => {
                    let n = strip(n);
                    RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature)
                }
            },
            (Material::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                    .verify(signed, signature)
            }
            (Material::P384(point), Algorithm::Es384) => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point)
                    .verify(signed, signature)
            }
            (Material::Ed25519(key), Algorithm::EdDsa) => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(signed, signature)
            }
            _ => return false,
        };
        checked.is_ok()
    }
}

/// What `ring` calls an algorithm of RSA's; it takes moduli of 2,048 to 8,192 bits.
fn rsa(alg: Algorithm) -> Option<&'static RsaParameters> {
    Some(match alg {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return None,
    })
}

/// Whether this is the name of an algorithm.
fn is(alg: Algorithm, name: &str) -> bool {
    use serde::de::{IntoDeserializer, value::Error};
    let named: Result<_, Error> = Algorithm::deserialize(name.into_deserializer());
    named == Ok(alg)
}

fn bytes(text: Option<String>) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text?).ok()
}

/// A point as SEC 1 writes it, uncompressed.
fn point(x: &[u8], y: &[u8], length: usize) -> Option<Vec<u8>> {
    (x.len() == length && y.len() == length).then(|| [&[4], x, y].concat())
}

/// RFC 7518 allows no zeros before a modulus; some issuers write one.
fn strip(n: &[u8]) -> &[u8] {
    let zeros = n.iter().take_while(|byte| **byte == 0).count();
    &n[zeros..]
}

#[cfg(test)]
mod tests;
