//! Signatures, for the library that reads tokens: checked by the `ring` that TLS brings along
//! anyway, and with a key whose public half is enough. Nothing is signed here, and there is no
//! HMAC, so a public key can never be taken for a shared secret.

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result, new_error},
    signature::{Error, Verifier},
};
use ring::{
    error::Unspecified,
    signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey},
};

static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    verifier_factory: verifier,
    // Keys come as JWKs, whose parts need no cryptography to be read.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Has the library check signatures so; to be called before it checks any.
pub(super) fn install() {
    // The first provider wins; a second install is the same one.
    let _ = RING.install_default();
}

struct Key {
    alg: Algorithm,
    key: DecodingKey,
}

fn verifier(alg: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    if key.family() != alg.family() || (rsa(*alg).is_none() && curve(*alg).is_none()) {
        return Err(new_error(ErrorKind::InvalidAlgorithm));
    }
    let (alg, key) = (*alg, key.clone());
    Ok(Box::new(Key { alg, key }))
}

impl JwtVerifier for Key {
    fn algorithm(&self) -> Algorithm {
        self.alg
    }
}

impl Verifier<Vec<u8>> for Key {
    fn verify(&self, signed: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let checked = match (self.key.kind(), rsa(self.alg), curve(self.alg)) {
            (DecodingKeyKind::RsaModulusExponent { n, e }, Some(rsa), _) => {
                let (n, e) = (strip(n), e.as_slice());
                RsaPublicKeyComponents { n, e }.verify(rsa, signed, signature)
            }
            (DecodingKeyKind::SecretOrDer(point), _, Some(curve)) => {
                UnparsedPublicKey::new(curve, point).verify(signed, signature)
            }
            _ => Err(Unspecified),
        };
        checked.map_err(|Unspecified| Error::new())
    }
}

/// What `ring` calls an algorithm of RSA's; it takes moduli of 2,048 to 8,192 bits.
fn rsa(alg: Algorithm) -> Option<&'static RsaParameters> {
    Some(match alg {
        Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// What it calls one on a curve; it takes only points that are on it.
fn curve(alg: Algorithm) -> Option<&'static dyn signature::VerificationAlgorithm> {
    Some(match alg {
        Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::EdDSA => &signature::ED25519,
        _ => return None,
    })
}

/// RFC 7518 allows no zeros before a modulus; some issuers write one.
fn strip(n: &[u8]) -> &[u8] {
    let zeros = n.iter().take_while(|byte| **byte == 0).count();
    &n[zeros..]
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, crypto::verify, encode};

    use super::*;

    #[test]
    fn a_shared_secret_neither_checks_nor_signs() {
        install();
        let public = [7; 32];
        for alg in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let secret = DecodingKey::from_secret(&public);
            assert!(verify("AA", b"signed", &secret, alg).is_err());
            assert!(verify("AA", b"signed", &DecodingKey::from_ed_der(&public), alg).is_err());
            let secret = EncodingKey::from_secret(&public);
            assert!(encode(&Header::new(alg), &(), &secret).is_err());
        }
    }

    #[test]
    fn a_key_checks_no_algorithm_of_another_family() {
        install();
        let key = DecodingKey::from_ed_der(&[7; 32]);
        assert_eq!(verify("AA", b"signed", &key, Algorithm::EdDSA), Ok(false));
        for alg in [Algorithm::ES256, Algorithm::RS256, Algorithm::PS512] {
            assert!(verify("AA", b"signed", &key, alg).is_err());
        }
    }
}
