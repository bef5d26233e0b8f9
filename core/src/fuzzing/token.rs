//! Route tokens, API keys and channel tokens.

use super::take;
use crate::{
    capability::{Claims, KeyRing, MAX_CHANNEL_TOKEN, SigningKey, SigningKeyId, Verb},
    grant::GrantId,
    time::Timestamp,
    token::{Chance, TOKEN_LEN, Token, TokenKind, token_at_start},
};

/// The bytes of an input, over and over.
struct Given([u8; 32]);

impl Chance for Given {
    fn fill(&self, bytes: &mut [u8]) {
        for (byte, given) in bytes.iter_mut().zip(self.0.iter().cycle()) {
            *byte = *given;
        }
    }
}

/// What is read as a token is one to the letter, and what was made here and then changed is none.
pub(super) fn token(mut data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let parsed = Token::parse(&text);
    assert_eq!(parsed.is_ok(), Token::hash_of(&text).is_ok());
    if let Ok(token) = &parsed {
        assert_eq!(token.expose(), text);
        assert_eq!(text.len(), TOKEN_LEN);
        assert_eq!(Token::hash_of(&text), Ok((token.kind(), token.hash())));
    }
    let first = data.get(..TOKEN_LEN).map(String::from_utf8_lossy);
    let begins = first.is_some_and(|first| Token::parse(&first).is_ok());
    assert_eq!(token_at_start(data).is_some(), begins);

    let given = Given(take(&mut data));
    let [kind, at, other] = take(&mut data);
    let kind = [TokenKind::Hook, TokenKind::Web, TokenKind::Key][usize::from(kind) % 3];
    let minted = Token::mint(kind, &given);
    let back = Token::parse(minted.expose()).expect("what was minted is a token");
    assert_eq!((back.kind(), back.hash()), (kind, minted.hash()));
    if let Some(bent) = bent(minted.expose(), at, other) {
        assert!(Token::parse(&bent).is_err(), "a changed token is one");
    }
    signed(&given, data, at, other);
}

/// The same of a channel token.
fn signed(given: &Given, mut data: &[u8], at: u8, other: u8) {
    let text = String::from_utf8_lossy(data).into_owned();
    let key = SigningKey::generate(SigningKeyId(1), Timestamp::from_millis(1), given);
    let ring = KeyRing::new(vec![key]);
    if let Ok(claims) = ring.verify(&text) {
        let again = ring.sign(&claims).expect("there is a key");
        assert_eq!(again.expose(), text, "one set of claims has two texts");
    }
    let claims = Claims {
        grant: GrantId::from_u128(u128::from_le_bytes(take(&mut data))),
        expires_at: Timestamp::from_millis(u64::from_le_bytes(take(&mut data))),
        verb: Verb::SendInput,
        session: match String::from_utf8_lossy(data).parse() {
            Ok(session) => session,
            Err(_) => "s".parse().expect("a segment"),
        },
    };
    let token = ring.sign(&claims).expect("there is a key");
    assert!(token.expose().len() <= MAX_CHANNEL_TOKEN);
    assert_eq!(ring.verify(token.expose()), Ok(claims));
    if let Some(bent) = bent(token.expose(), at, other) {
        assert!(ring.verify(&bent).is_err(), "a changed token is one");
    }
    assert!(KeyRing::default().verify(token.expose()).is_err());
}

/// A text with another character in one place, if it is another.
fn bent(text: &str, at: u8, other: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let at = usize::from(at) % bytes.len();
    bytes[at] = other & 0x7f;
    let bent = String::from_utf8(bytes).expect("ASCII");
    (bent != text).then_some(bent)
}
