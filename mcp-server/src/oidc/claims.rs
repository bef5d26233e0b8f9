//! What a token must claim before anybody is let in on it.

use std::{fmt, time::Duration};

use doorbell_core::{folder::Folder, principal::Principal, time::Timestamp};
use serde_json::{Map, Value};

/// How far the issuer's clock may be ahead of ours.
const AHEAD: Duration = Duration::from_secs(60);
/// How far it may be behind: a token is good for so much longer than it says. Less than for the
/// other way round, since this prolongs tokens, while a client renews one that is refused.
const BEHIND: Duration = Duration::from_secs(10);
/// The longest subject, in bytes (OpenID Connect Core 1.0 section 2).
const MAX_SUBJECT: usize = 255;
/// What the folder claim of an operator reads.
const EVERYTHING: &str = "*";

/// What a token claims, by name.
pub(super) type Claims = Map<String, Value>;

/// Why a token is not good. It says what to do and repeats nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not a token of this issuer's, or not one any more. Which of its parts is wrong is
    /// not told to whoever cannot sign.
    #[error(
        "this credential is neither an API key nor a token signed by this server's issuer; get a new one"
    )]
    NotTheirs,
    /// Its time is over.
    #[error("this token has expired; get a new one from its issuer")]
    Expired,
    /// Its time has not come.
    #[error("this token is not good yet (nbf); are the clocks right?")]
    Early,
    /// It is meant for somebody else.
    #[error(
        "this token is meant for another audience (aud); ask its issuer for one for this server"
    )]
    Audience,
    /// A claim is missing or malformed.
    #[error("this token's claim {0} is missing or malformed")]
    Claim(&'static str),
    /// The issuer's keys are not known.
    #[error("the issuer's keys cannot be fetched just now; try again shortly, or use an API key")]
    IssuerAway,
}

/// Who a token was issued to, as its issuer calls them: no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    fn read(claims: &Claims) -> Option<Self> {
        let text = claims.get("sub")?.as_str()?;
        (!text.is_empty() && text.len() <= MAX_SUBJECT).then(|| Self(text.to_owned()))
    }

    /// Tells it from every other; the same after a restart. An instance believes one issuer.
    pub fn identity(&self) -> [u8; 16] {
        let hash = blake3::derive_key("doorbell 2026 subject of an issuer", self.0.as_bytes());
        let (short, _) = hash.split_at(16);
        short.try_into().expect("it is 16 bytes long")
    }
}

/// For a log: nothing that a terminal would obey, whatever the issuer lets people call themselves.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_debug())
    }
}

/// What a good token says.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Who it was issued to.
    pub subject: Subject,
    /// From when on it is not good any more.
    pub expires_at: Timestamp,
    /// Who may do what on it; nothing where the folder claim is missing or malformed.
    pub principal: Option<Principal>,
}

/// Checks the claims of a token that a key of the issuer's has opened.
pub(super) fn check(
    claims: &Claims,
    folder_claim: &str,
    now: Timestamp,
) -> Result<Verified, TokenError> {
    // The library compares it, and would take several that hold the right one.
    if !claims.get("iss").is_some_and(Value::is_string) {
        return Err(TokenError::NotTheirs);
    }
    let expires_at = moment(claims.get("exp"))
        .ok_or(TokenError::Claim("exp"))?
        .plus(BEHIND);
    if now >= expires_at {
        return Err(TokenError::Expired);
    }
    if let Some(begins) = claims.get("nbf") {
        let begins = moment(Some(begins)).ok_or(TokenError::Claim("nbf"))?;
        if now.plus(AHEAD) < begins {
            return Err(TokenError::Early);
        }
    }
    Ok(Verified {
        subject: Subject::read(claims).ok_or(TokenError::Claim("sub"))?,
        expires_at,
        principal: claims
            .get(folder_claim)
            .and_then(Value::as_str)
            .and_then(principal),
    })
}

/// Whose folder it is, or an operator.
fn principal(claim: &str) -> Option<Principal> {
    if claim == EVERYTHING {
        return Some(Principal::Operator);
    }
    let folder: Folder = claim.parse().ok()?;
    Some(Principal::Agent(folder))
}

/// A NumericDate (RFC 7519 section 2): seconds, perhaps with a fraction.
fn moment(claim: Option<&Value>) -> Option<Timestamp> {
    let seconds = claim?.as_f64()?;
    let millis = (seconds * 1_000.0).floor();
    // Beyond what can be shown it reads as the last moment that can.
    (millis >= 0.0).then(|| Timestamp::from_millis(millis as u64))
}

#[cfg(test)]
mod tests;
