//! Route tokens and API keys: the secret, shown once; its hash, all that is kept.
//!
//! A token is `<prefix>` + base62 of 32 random bytes (43 characters, left-padded with `0`) +
//! base62 of the CRC32 (IEEE) of prefix and those 43 (6 characters). The checksum costs a
//! stranger's garbage its look-up, and lets anyone who finds a token in a text know it for one.

use std::fmt;

use zeroize::Zeroizing;

/// Characters of base62 that hold 256 bits.
const SECRET_LEN: usize = 43;
/// Characters of base62 that hold a CRC32.
const CHECK_LEN: usize = 6;
/// Every prefix is `db?_`.
const PREFIX_LEN: usize = 4;
/// How long a route token or an API key is, in bytes.
pub const TOKEN_LEN: usize = PREFIX_LEN + SECRET_LEN + CHECK_LEN;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What begins a channel token. Those are signed, not stored: see the capability room.
pub const CHANNEL_TOKEN_PREFIX: &str = "dbc_";

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// `dbh_`: a webhook's route token.
    Hook,
    /// `dbw_`: a browser chat's route token.
    Web,
    /// `dbk_`: an API key.
    Key,
}

impl TokenKind {
    const ALL: [Self; 3] = [Self::Hook, Self::Web, Self::Key];

    /// The four characters such a token begins with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Hook => "dbh_",
            Self::Web => "dbw_",
            Self::Key => "dbk_",
        }
    }
}

/// Where random bytes come from. The program's is the operating system; a test's is scripted.
pub trait Chance: Send + Sync {
    /// Fills `bytes` with bytes nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

/// A raw token. Debug does not show it, nothing displays it, and dropping it wipes it.
///
/// ```compile_fail
/// fn log(token: &doorbell_core::token::Token) { println!("{token}") }
/// ```
pub struct Token {
    kind: TokenKind,
    text: Zeroizing<String>,
}

/// Not a token: the wrong shape, or a checksum that does not hold. What was given is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a doorbell token: the shape or the checksum is wrong")]
pub struct TokenError;

impl Token {
    /// Makes a new token from 32 bytes of `chance`.
    pub fn mint(kind: TokenKind, chance: &dyn Chance) -> Self {
        let mut secret = Zeroizing::new([0_u8; 32]);
        chance.fill(&mut *secret);
        let mut text = Zeroizing::new(String::with_capacity(TOKEN_LEN));
        text.push_str(kind.prefix());
        push_base62(&mut text, *secret, SECRET_LEN);
        let check = crc32fast::hash(text.as_bytes());
        push_base62(&mut text, low_bytes(check), CHECK_LEN);
        Self { kind, text }
    }

    /// Reads a token, by shape and checksum alone. Whether it is anyone's is asked of its hash.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let kind = kind_of(text.as_bytes()).ok_or(TokenError)?;
        if text.len() != TOKEN_LEN {
            return Err(TokenError);
        }
        Ok(Self {
            kind,
            text: Zeroizing::new(text.to_owned()),
        })
    }

    /// Checks shape and checksum and goes straight to the hash, leaving no copy of the secret.
    pub fn hash_of(text: &str) -> Result<(TokenKind, TokenHash), TokenError> {
        let kind = kind_of(text.as_bytes())
            .filter(|_| text.len() == TOKEN_LEN)
            .ok_or(TokenError)?;
        Ok((kind, TokenHash::of(text)))
    }

    /// What the token opens.
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The hash that is kept in its stead.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.text)
    }

    /// The raw text. Call it only to hand the token to the one who minted it, or to send it.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}…)", self.kind.prefix())
    }
}

/// The length of the route token or API key that `bytes` begins with, checksum and all, if any.
///
/// Serves to find tokens in texts that are about to be stored or shown.
pub fn token_at_start(bytes: &[u8]) -> Option<usize> {
    kind_of(bytes).map(|_| TOKEN_LEN)
}

fn kind_of(bytes: &[u8]) -> Option<TokenKind> {
    let token = bytes.get(..TOKEN_LEN)?;
    let kind = TokenKind::ALL
        .into_iter()
        .find(|k| token.starts_with(k.prefix().as_bytes()))?;
    let (signed, check) = token.split_at(PREFIX_LEN + SECRET_LEN);
    if !signed[PREFIX_LEN..].iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    (read_check(check)? == crc32fast::hash(signed)).then_some(kind)
}

fn read_check(text: &[u8]) -> Option<u32> {
    let mut value = 0_u64;
    for byte in text {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        value = value * 62 + u64::from(digit);
    }
    u32::try_from(value).ok()
}

/// Appends the big-endian number in `bytes` as exactly `width` characters of base62.
fn push_base62(out: &mut String, mut bytes: [u8; 32], width: usize) {
    let mut digits = Zeroizing::new([0_u8; SECRET_LEN]);
    for digit in digits[..width].iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut bytes {
            let value = (rest << 8) | u32::from(*byte);
            *byte =
                u8::try_from(value / 62).expect("a remainder below 62 leaves a quotient below 256");
            rest = value % 62;
        }
        *digit = ALPHABET[rest as usize];
    }
    out.extend(digits[..width].iter().map(|digit| char::from(*digit)));
}

fn low_bytes(value: u32) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[28..].copy_from_slice(&value.to_be_bytes());
    bytes
}

/// The BLAKE3 hash of a token's text: what is stored and looked up by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    fn of(text: &str) -> Self {
        Self(*blake3::hash(text.as_bytes()).as_bytes())
    }

    /// From the bytes a store kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes a store keeps.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
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

    #[test]
    fn a_minted_token_reads_back_and_hashes_alike() {
        for kind in TokenKind::ALL {
            let token = Token::mint(kind, &Bytes(0xab));
            assert_eq!(token.expose().len(), 53);
            let back = Token::parse(token.expose()).expect("minted");
            assert_eq!(back.kind(), kind);
            assert_eq!(back.hash(), token.hash());
            assert_eq!(Token::hash_of(token.expose()), Ok((kind, token.hash())));
        }
    }

    #[test]
    fn base62_is_padded_on_the_left_and_fits_the_largest_secret() {
        let zero = Token::mint(TokenKind::Hook, &Bytes(0));
        assert!(
            zero.expose()
                .starts_with(&format!("dbh_{}", "0".repeat(43)))
        );
        let most = Token::mint(TokenKind::Hook, &Bytes(0xff));
        // 2^256 - 1 in base62, worked out independently with Python's integers.
        assert_eq!(
            &most.expose()[4..47],
            "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1"
        );
    }

    #[test]
    fn one_wrong_character_is_not_a_token() {
        let token = Token::mint(TokenKind::Hook, &Bytes(7));
        for i in 0..token.expose().len() {
            let mut bent = token.expose().as_bytes().to_vec();
            bent[i] = if bent[i] == b'x' { b'y' } else { b'x' };
            let bent = String::from_utf8(bent).expect("ascii");
            assert!(Token::parse(&bent).is_err(), "position {i}");
        }
        assert!(Token::parse("").is_err());
        assert!(Token::parse(&format!("{}0", token.expose())).is_err());
        assert!(Token::parse(&token.expose()[..52]).is_err());
    }

    #[test]
    fn debug_says_the_kind_and_nothing_else() {
        let token = Token::mint(TokenKind::Key, &Bytes(9));
        assert_eq!(format!("{token:?}"), "Token(dbk_…)");
        assert_eq!(format!("{:?}", token.hash()), "TokenHash(…)");
    }
}
