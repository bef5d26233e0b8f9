use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::*;

/// A key pair of somebody's, made for one test.
struct Signer {
    pair: EcdsaKeyPair,
    chance: SystemRandom,
}

impl Signer {
    fn new() -> Self {
        let chance = SystemRandom::new();
        let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let made = EcdsaKeyPair::generate_pkcs8(alg, &chance).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(alg, made.as_ref(), &chance).expect("a key");
        Self { pair, chance }
    }

    fn jwk(&self, more: Value) -> Value {
        let point = self.pair.public_key().as_ref();
        let mut jwk = json!({
            "kty": "EC", "crv": "P-256",
            "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..]),
        });
        let own = jwk.as_object_mut().expect("an object");
        own.extend(more.as_object().expect("an object").clone());
        jwk
    }

    fn token(&self, header: Value) -> String {
        let signed = format!("{}.{}", B64.encode(header.to_string()), B64.encode("{}"));
        let signature = self.pair.sign(&self.chance, signed.as_bytes());
        format!("{signed}.{}", B64.encode(signature.expect("signed")))
    }
}

fn check(keys: &[Value], token: &str) -> Signature {
    let set = json!({ "keys": keys }).to_string();
    let set = KeySet::parse(set.as_bytes()).expect("a key set");
    set.check(&Compact::parse(token).expect("a token"))
}

#[test]
fn the_key_that_is_named_must_have_signed() {
    let (a, b) = (Signer::new(), Signer::new());
    let keys = [a.jwk(json!({"kid": "a"})), b.jwk(json!({"kid": "b"}))];
    let named = |kid: &str| json!({"alg": "ES256", "kid": kid});
    assert_eq!(check(&keys, &a.token(named("a"))), Signature::Good);
    assert_eq!(check(&keys, &b.token(named("b"))), Signature::Good);
    assert_eq!(check(&keys, &a.token(named("b"))), Signature::Bad);
    assert_eq!(check(&keys, &a.token(named("c"))), Signature::UnknownKey);
}

#[test]
fn a_token_that_names_no_key_may_be_of_any() {
    let (a, b) = (Signer::new(), Signer::new());
    let keys = [a.jwk(json!({"kid": "a"})), b.jwk(json!({}))];
    let header = json!({"alg": "ES256"});
    assert_eq!(check(&keys, &a.token(header.clone())), Signature::Good);
    assert_eq!(check(&keys, &b.token(header.clone())), Signature::Good);
    let stranger = Signer::new().token(header);
    assert_eq!(check(&keys, &stranger), Signature::UnknownKey);
}

#[test]
fn a_key_signs_with_its_own_algorithm_alone() {
    let a = Signer::new();
    let token = a.token(json!({"alg": "ES256", "kid": "a"}));
    let with = |more: Value| {
        let mut more = more;
        more["kid"] = json!("a");
        check(&[a.jwk(more)], &token)
    };
    assert_eq!(with(json!({"alg": "ES256"})), Signature::Good);
    assert_eq!(with(json!({"use": "sig"})), Signature::Good);
    assert_eq!(with(json!({"key_ops": ["verify"]})), Signature::Good);
    assert_eq!(with(json!({"alg": "ES384"})), Signature::Bad);
    assert_eq!(with(json!({"alg": "ECDH-ES"})), Signature::Bad);
    assert_eq!(with(json!({"use": "enc"})), Signature::UnknownKey);
    assert_eq!(with(json!({"key_ops": ["sign"]})), Signature::UnknownKey);
    // A header that claims another algorithm than its key's is a lie.
    for alg in ["RS256", "PS256", "ES384", "EdDSA"] {
        let token = a.token(json!({"alg": alg, "kid": "a"}));
        let keys = [a.jwk(json!({"kid": "a"}))];
        assert_eq!(check(&keys, &token), Signature::Bad, "{alg}");
    }
}

#[test]
fn an_ed25519_key_is_read_too() {
    let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    let pair = Ed25519KeyPair::from_pkcs8(made.as_ref()).expect("a key");
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": B64.encode(pair.public_key())});
    let signed = format!("{}.{}", B64.encode(r#"{"alg":"EdDSA"}"#), B64.encode("{}"));
    let signature = B64.encode(pair.sign(signed.as_bytes()));
    let token = format!("{signed}.{signature}");
    assert_eq!(check(std::slice::from_ref(&jwk), &token), Signature::Good);
    let other = token.replace(&B64.encode("{}"), &B64.encode("{ }"));
    assert_eq!(check(&[jwk], &other), Signature::UnknownKey);
}

#[test]
fn keys_that_cannot_be_used_are_left_out_and_the_others_stay() {
    let a = Signer::new();
    let keys = json!({"keys": [
        7,
        {},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "RSA", "e": "AQAB"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "Ed448", "x": "AA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        a.jwk(json!({"kid": 7})),
        a.jwk(json!({})),
    ]});
    let set = KeySet::parse(keys.to_string().as_bytes()).expect("a key set");
    assert_eq!(set.len(), 1);
    for bad in ["", "[]", "{}", r#"{"keys":{}}"#] {
        assert!(KeySet::parse(bad.as_bytes()).is_none(), "{bad}");
    }
}
