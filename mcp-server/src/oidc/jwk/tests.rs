use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::{super::signer::Signer, *};

const ISSUER: &str = "https://id.example";

/// What came of checking a signature.
type Checked = Option<Result<(), TokenError>>;

/// One of the keys made it.
const GOOD: Checked = Some(Ok(()));
/// The key it names is here and did not make it.
const BAD: Checked = Some(Err(TokenError::NotTheirs));
/// None of the keys made it, and there may be newer ones.
const UNKNOWN: Checked = None;

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "doorbell"})
}

impl Signer {
    fn signs(&self, header: Value) -> String {
        self.token(&header, &claims())
    }
}

fn check(keys: &[Value], token: &str) -> Checked {
    let set = json!({ "keys": keys }).to_string();
    let set = KeySet::parse(set.as_bytes()).expect("a key set");
    let token = Token::parse(token).expect("a token");
    let opened = set.open(&token, ISSUER, "doorbell")?;
    Some(opened.map(|_| ()))
}

#[test]
fn the_key_that_is_named_must_have_signed() {
    let (a, b) = (Signer::new(), Signer::new());
    let keys = [a.jwk(json!({"kid": "a"})), b.jwk(json!({"kid": "b"}))];
    let named = |kid: &str| json!({"alg": "ES256", "kid": kid});
    assert_eq!(check(&keys, &a.signs(named("a"))), GOOD);
    assert_eq!(check(&keys, &b.signs(named("b"))), GOOD);
    assert_eq!(check(&keys, &a.signs(named("b"))), BAD);
    assert_eq!(check(&keys, &a.signs(named("c"))), UNKNOWN);
}

#[test]
fn a_token_that_names_no_key_may_be_of_any() {
    let (a, b) = (Signer::new(), Signer::new());
    let keys = [a.jwk(json!({"kid": "a"})), b.jwk(json!({}))];
    let header = json!({"alg": "ES256"});
    assert_eq!(check(&keys, &a.signs(header.clone())), GOOD);
    assert_eq!(check(&keys, &b.signs(header.clone())), GOOD);
    let stranger = Signer::new().signs(header);
    assert_eq!(check(&keys, &stranger), UNKNOWN);
}

#[test]
fn a_key_signs_with_its_own_algorithm_alone() {
    let a = Signer::new();
    let token = a.signs(json!({"alg": "ES256", "kid": "a"}));
    let with = |more: Value| {
        let mut more = more;
        more["kid"] = json!("a");
        check(&[a.jwk(more)], &token)
    };
    assert_eq!(with(json!({"alg": "ES256"})), GOOD);
    assert_eq!(with(json!({"use": "sig"})), GOOD);
    assert_eq!(with(json!({"key_ops": ["verify"]})), GOOD);
    assert_eq!(with(json!({"alg": "ES384"})), BAD);
    assert_eq!(with(json!({"alg": "ECDH-ES"})), BAD);
    assert_eq!(with(json!({"use": "enc"})), UNKNOWN);
    assert_eq!(with(json!({"key_ops": ["sign"]})), UNKNOWN);
    // A header that claims another algorithm than its key's is a lie.
    for alg in ["RS256", "PS256", "ES384", "EdDSA"] {
        let token = a.signs(json!({"alg": alg, "kid": "a"}));
        let keys = [a.jwk(json!({"kid": "a"}))];
        assert_eq!(check(&keys, &token), BAD, "{alg}");
    }
}

#[test]
fn an_ed25519_key_is_read_too() {
    let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    let pair = Ed25519KeyPair::from_pkcs8(made.as_ref()).expect("a key");
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": B64.encode(pair.public_key())});
    let claims = claims().to_string();
    let signed = format!(
        "{}.{}",
        B64.encode(r#"{"alg":"EdDSA"}"#),
        B64.encode(&claims)
    );
    let signature = B64.encode(pair.sign(signed.as_bytes()));
    let token = format!("{signed}.{signature}");
    assert_eq!(check(std::slice::from_ref(&jwk), &token), GOOD);
    let other = token.replace(&B64.encode(&claims), &B64.encode(format!(" {claims}")));
    assert_eq!(check(std::slice::from_ref(&jwk), &other), UNKNOWN);
    for (alg, checked) in [("EdDSA", GOOD), ("Ed25519", GOOD), ("Ed448", UNKNOWN)] {
        let mut jwk = jwk.clone();
        jwk["alg"] = json!(alg);
        assert_eq!(check(&[jwk], &token), checked, "{alg}");
    }
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
        {"kty": "EC", "crv": "P-256", "x": "A".repeat(42), "y": "A".repeat(44)},
        {"kty": "EC", "crv": "P-384", "x": "A".repeat(43), "y": "A".repeat(43)},
        {"kty": "EC", "crv": "Ed25519", "x": "A".repeat(43), "y": "A".repeat(43)},
        {"kty": "OKP", "crv": "P-256", "x": "A".repeat(43)},
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

#[test]
fn a_signature_that_is_changed_cut_or_missing_is_none() {
    let a = Signer::new();
    let keys = [a.jwk(json!({"kid": "a"}))];
    let token = a.signs(json!({"alg": "ES256", "kid": "a"}));
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let other = Signer::new().signs(json!({"alg": "ES256", "kid": "a"}));
    let (_, foreign) = other.rsplit_once('.').expect("three parts");
    for bad in [
        "",
        "=",
        "!",
        &signature[..40],
        foreign,
        &format!("{signature}="),
    ] {
        assert_eq!(check(&keys, &format!("{signed}.{bad}")), BAD, "{bad}");
    }
}

#[test]
fn a_point_that_is_not_on_its_curve_checks_nothing() {
    let a = Signer::new();
    let off = a.jwk(json!({"kid": "a", "y": "A".repeat(43)}));
    let token = a.signs(json!({"alg": "ES256", "kid": "a"}));
    assert_eq!(check(std::slice::from_ref(&off), &token), BAD);
    assert_eq!(check(&[off, a.jwk(json!({"kid": "a"}))], &token), GOOD);
}

#[test]
fn so_many_keys_of_a_set_are_kept() {
    let a = Signer::new();
    let keys = vec![a.jwk(json!({})); MAX_KEYS + 1];
    let set = KeySet::parse(json!({ "keys": keys }).to_string().as_bytes());
    assert_eq!(set.expect("a key set").len(), MAX_KEYS);
}
