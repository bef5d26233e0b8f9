//! Channel tokens: signed capabilities.
//!
//! `dbc_` + base64url(claims) + `.` + base64url(MAC), both without padding. The claims are the
//! grant, the channel, the verb, the moment the token dies and the id of the key that signed it;
//! the MAC is keyed BLAKE3 over everything before the dot. The token is not stored: its grant is,
//! and has to agree. Checking a signature touches neither a clock nor a store, so that what is
//! forged costs neither a look-up nor a read.
//!
//! Claims are bytes in a fixed order, so that one set of claims has one text:
//! version (1) · key id (4) · dies at, ms (8) · grant (16) · verb (1) · session id (the rest).
//! All numbers are big-endian.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    grant::GrantId,
    label::SessionId,
    segment,
    time::Timestamp,
    token::{CHANNEL_TOKEN_PREFIX, Chance},
};

const VERSION: u8 = 1;
/// The claims but for the session id.
const FIXED: usize = 1 + 4 + 8 + 16 + 1;
/// BLAKE3's MAC in base64url.
const MAC_CHARS: usize = 43;
/// The longest channel token, in bytes: what is longer is not looked at.
pub const MAX_CHANNEL_TOKEN: usize =
    CHANNEL_TOKEN_PREFIX.len() + (FIXED + segment::MAX_LEN).div_ceil(3) * 4 + 1 + MAC_CHARS;

/// What a capability lets its holder do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// To have a text typed into the session.
    SendInput,
}

impl Verb {
    /// As it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendInput => "send_input",
        }
    }

    /// As it is written in claims and records.
    pub const fn as_byte(self) -> u8 {
        match self {
            Self::SendInput => 1,
        }
    }

    /// Reads it back.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::SendInput),
            _ => None,
        }
    }
}

/// A verb that is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the only verb is send_input")]
pub struct VerbError;

impl FromStr for Verb {
    type Err = VerbError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "send_input" {
            Ok(Self::SendInput)
        } else {
            Err(VerbError)
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a channel token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The grant behind it.
    pub grant: GrantId,
    /// The session it speaks to.
    pub session: SessionId,
    /// What it may do there.
    pub verb: Verb,
    /// When it dies.
    pub expires_at: Timestamp,
}

/// Names a signing key. Not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SigningKeyId(pub u32);

impl fmt::Display for SigningKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// A key that signs channel tokens. Debug does not show it, and dropping it wipes it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SigningKey {
    #[zeroize(skip)]
    id: SigningKeyId,
    #[zeroize(skip)]
    created_at: Timestamp,
    secret: [u8; 32],
}

impl SigningKey {
    /// A new key.
    pub fn generate(id: SigningKeyId, created_at: Timestamp, chance: &dyn Chance) -> Self {
        let mut secret = [0; 32];
        chance.fill(&mut secret);
        Self {
            id,
            created_at,
            secret,
        }
    }

    /// From what a store kept.
    pub const fn from_parts(id: SigningKeyId, created_at: Timestamp, secret: [u8; 32]) -> Self {
        Self {
            id,
            created_at,
            secret,
        }
    }

    /// Names it.
    pub fn id(&self) -> SigningKeyId {
        self.id
    }

    /// When it was made.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// The secret, for the store alone.
    pub fn expose(&self) -> &[u8; 32] {
        &self.secret
    }

    fn mac(&self, signed: &str) -> blake3::Hash {
        blake3::keyed_hash(&self.secret, signed.as_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

/// A raw channel token. Debug does not show it, and dropping it wipes it.
pub struct ChannelToken(Zeroizing<String>);

impl ChannelToken {
    /// The raw text. Call it only to hand the token to the one who minted it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ChannelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelToken(dbc_…)")
    }
}

/// Not signed by a key of ours: forged, cut short, or signed by a key that was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a channel token that was signed here")]
pub struct Forged;

/// The keys whose signatures hold; the last one signs.
#[derive(Clone, Debug, Default)]
pub struct KeyRing(Arc<[SigningKey]>);

impl KeyRing {
    /// From the keys that are not revoked, oldest first.
    pub fn new(keys: Vec<SigningKey>) -> Self {
        Self(keys.into())
    }

    /// The key that signs, if there is one.
    pub fn current(&self) -> Option<&SigningKey> {
        self.0.last()
    }

    /// The keys, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &SigningKey> {
        self.0.iter()
    }

    /// Signs claims; `None` while the ring is empty.
    pub fn sign(&self, claims: &Claims) -> Option<ChannelToken> {
        let key = self.current()?;
        let mut bytes = Vec::with_capacity(FIXED + segment::MAX_LEN);
        bytes.push(VERSION);
        bytes.extend(key.id.0.to_be_bytes());
        bytes.extend(claims.expires_at.as_millis().to_be_bytes());
        bytes.extend(claims.grant.as_u128().to_be_bytes());
        bytes.push(claims.verb.as_byte());
        bytes.extend(claims.session.as_str().as_bytes());
        let mut text = Zeroizing::new(String::with_capacity(MAX_CHANNEL_TOKEN));
        text.push_str(CHANNEL_TOKEN_PREFIX);
        BASE64_URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        let mac = key.mac(&text);
        text.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(mac.as_bytes(), &mut text);
        Some(ChannelToken(text))
    }

    /// Checks a token's signature and reads its claims. Whether it still lives, and whether its
    /// grant agrees, is asked afterwards.
    pub fn verify(&self, token: &str) -> Result<Claims, Forged> {
        if token.len() > MAX_CHANNEL_TOKEN {
            return Err(Forged);
        }
        let (signed, mac) = token.split_once('.').ok_or(Forged)?;
        let claims = signed.strip_prefix(CHANNEL_TOKEN_PREFIX).ok_or(Forged)?;
        let claims = decode(claims)?;
        let mac: [u8; 32] = decode(mac)?.try_into().map_err(|_| Forged)?;
        let (fixed, session) = claims.split_at_checked(FIXED).ok_or(Forged)?;
        let key_id = u32::from_be_bytes(array(&fixed[1..5]));
        let key = self.0.iter().find(|key| key.id.0 == key_id).ok_or(Forged)?;
        // blake3::Hash compares in constant time.
        if fixed[0] != VERSION || key.mac(signed) != blake3::Hash::from_bytes(mac) {
            return Err(Forged);
        }
        let session = std::str::from_utf8(session).map_err(|_| Forged)?;
        Ok(Claims {
            grant: GrantId::from_u128(u128::from_be_bytes(array(&fixed[13..29]))),
            session: session.parse().map_err(|_| Forged)?,
            verb: Verb::from_byte(fixed[29]).ok_or(Forged)?,
            expires_at: Timestamp::from_millis(u64::from_be_bytes(array(&fixed[5..13]))),
        })
    }
}

/// Strict: no padding, and no stray bits behind the last byte, so that a token has one text.
fn decode(text: &str) -> Result<Vec<u8>, Forged> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Forged)
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the slice was cut to this length")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes(u8);

    impl Chance for Bytes {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    fn key(id: u32, byte: u8) -> SigningKey {
        SigningKey::generate(SigningKeyId(id), Timestamp::from_millis(1), &Bytes(byte))
    }

    fn claims() -> Claims {
        Claims {
            grant: GrantId::from_u128(42),
            session: "build".parse().expect("legal"),
            verb: Verb::SendInput,
            expires_at: Timestamp::from_millis(1_795_277_640_000),
        }
    }

    #[test]
    fn a_signed_token_reads_back_after_the_keys_rotate_and_not_after_its_key_is_gone() {
        let old = KeyRing::new(vec![key(1, 1)]);
        let token = old.sign(&claims()).expect("a key signs");
        let rotated = KeyRing::new(vec![key(1, 1), key(2, 2)]);
        assert_eq!(rotated.verify(token.expose()), Ok(claims()));
        assert_ne!(
            rotated.sign(&claims()).expect("a key signs").expose(),
            token.expose()
        );
        let revoked = KeyRing::new(vec![key(2, 2)]);
        assert_eq!(revoked.verify(token.expose()), Err(Forged));
    }

    #[test]
    fn every_bent_character_and_every_cut_is_forged() {
        let ring = KeyRing::new(vec![key(1, 1)]);
        let token = ring.sign(&claims()).expect("a key signs");
        let text = token.expose();
        for i in 0..text.len() {
            let mut bent = text.as_bytes().to_vec();
            bent[i] = if bent[i] == b'A' { b'B' } else { b'A' };
            let bent = String::from_utf8(bent).expect("ascii");
            assert_eq!(ring.verify(&bent), Err(Forged), "position {i}");
            assert_eq!(ring.verify(&text[..i]), Err(Forged), "cut at {i}");
        }
        for more in ["A", "=", ".", " "] {
            assert_eq!(ring.verify(&format!("{text}{more}")), Err(Forged));
        }
    }

    #[test]
    fn the_same_id_with_another_secret_is_forged() {
        let token = KeyRing::new(vec![key(1, 9)])
            .sign(&claims())
            .expect("a key signs");
        assert_eq!(
            KeyRing::new(vec![key(1, 1)]).verify(token.expose()),
            Err(Forged)
        );
        assert_eq!(KeyRing::default().verify(token.expose()), Err(Forged));
    }

    #[test]
    fn the_longest_session_id_fits_and_nothing_shows_the_secret() {
        let ring = KeyRing::new(vec![key(1, 1)]);
        let long = Claims {
            session: "s".repeat(64).parse().expect("legal"),
            ..claims()
        };
        let token = ring.sign(&long).expect("a key signs");
        assert!(token.expose().len() <= MAX_CHANNEL_TOKEN);
        assert_eq!(ring.verify(token.expose()), Ok(long));
        assert_eq!(
            format!("{token:?} {:?}", key(1, 1)),
            "ChannelToken(dbc_…) SigningKey(00000001)"
        );
    }
}
