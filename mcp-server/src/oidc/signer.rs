//! Somebody who signs tokens, for tests.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

/// A key pair of somebody's, made for one test.
pub(super) struct Signer {
    pair: EcdsaKeyPair,
    chance: SystemRandom,
}

impl Signer {
    pub(super) fn new() -> Self {
        let chance = SystemRandom::new();
        let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let made = EcdsaKeyPair::generate_pkcs8(alg, &chance).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(alg, made.as_ref(), &chance).expect("a key");
        Self { pair, chance }
    }

    pub(super) fn jwk(&self, more: Value) -> Value {
        let point = self.pair.public_key().as_ref();
        let mut jwk = json!({
            "kty": "EC", "crv": "P-256",
            "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..]),
        });
        let own = jwk.as_object_mut().expect("an object");
        own.extend(more.as_object().expect("an object").clone());
        jwk
    }

    pub(super) fn token(&self, header: &Value, claims: &Value) -> String {
        let (header, claims) = (header.to_string(), claims.to_string());
        let signed = format!("{}.{}", B64.encode(header), B64.encode(claims));
        let signature = self.pair.sign(&self.chance, signed.as_bytes());
        format!("{signed}.{}", B64.encode(signature.expect("signed")))
    }
}
