//! The persisted record behind a channel token: who may say what to which session.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use crate::{
    address::{Address, SessionRef},
    capability::{Claims, Verb},
    folder::Folder,
    grant::GrantId,
    time::Timestamp,
};

/// How long a channel token lives when neither its minter nor the operator says: 30 days.
pub const DEFAULT_CHANNEL_TTL: Duration = Duration::from_secs(30 * 24 * 3600);

/// The longest label of a channel grant, in characters.
pub const MAX_CHANNEL_LABEL: usize = 200;

/// What a channel grant is called: 1 to 200 printable characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelLabel(Arc<str>);

/// A text that is no channel label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a channel's label is 1 to {MAX_CHANNEL_LABEL} printable characters")]
pub struct ChannelLabelError;

impl ChannelLabel {
    /// The text, exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChannelLabel {
    type Err = ChannelLabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = (1..=MAX_CHANNEL_LABEL).contains(&text.chars().count())
            && !text.chars().any(char::is_control);
        if legal {
            Ok(Self(text.into()))
        } else {
            Err(ChannelLabelError)
        }
    }
}

impl fmt::Display for ChannelLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The record behind a channel token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelGrant {
    /// Names this grant.
    pub id: GrantId,
    /// The session it speaks to: a later one of the same id has nothing of it.
    pub session: SessionRef,
    /// What it may do there.
    pub verb: Verb,
    /// What its minter called it.
    pub label: Option<ChannelLabel>,
    /// The folder of whoever minted it; bounds who may list and revoke it.
    pub owner_folder: Folder,
    /// Whether it only tries something out: once it is not live any more, it and what came through it
    /// are forgotten.
    pub probe: bool,
    /// When it was minted.
    pub created_at: Timestamp,
    /// When it dies by itself.
    pub expires_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl ChannelGrant {
    /// What the token says.
    pub fn claims(&self) -> Claims {
        Claims {
            grant: self.id,
            session: self.session.id.clone(),
            verb: self.verb,
            expires_at: self.expires_at,
        }
    }

    /// Whether a token with these claims is let in at `now`: token and record say the same, and
    /// neither is over.
    pub fn agrees_with(&self, claims: &Claims, now: Timestamp) -> bool {
        *claims == self.claims() && self.is_live(now)
    }

    /// Whether it is neither revoked nor past its time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }

    /// Whether it tried something out and is over: nothing is shown of it any more.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        self.probe && !self.is_live(now)
    }

    /// The address its messages arrive at.
    pub fn address(&self) -> Address {
        Address::Channel(self.session.id.clone())
    }

    /// Who a message through it is said to be from.
    pub fn sender(&self) -> &str {
        self.label.as_ref().map_or("channel", ChannelLabel::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_to_two_hundred_printable_characters() {
        assert!("nightly build, prod".parse::<ChannelLabel>().is_ok());
        assert!("é".repeat(200).parse::<ChannelLabel>().is_ok());
        for bad in ["", "a\nb", "\u{1b}[0m", "\u{9b}"] {
            assert_eq!(
                bad.parse::<ChannelLabel>(),
                Err(ChannelLabelError),
                "{bad:?}"
            );
        }
        assert!("a".repeat(201).parse::<ChannelLabel>().is_err());
    }

    #[test]
    fn token_and_record_have_to_say_the_same() {
        let grant = ChannelGrant {
            id: GrantId::from_u128(1),
            session: SessionRef {
                id: "build".parse().expect("legal"),
                made: Timestamp::from_millis(1),
            },
            verb: Verb::SendInput,
            label: None,
            owner_folder: "acme".parse().expect("legal"),
            probe: false,
            created_at: Timestamp::from_millis(1),
            expires_at: Timestamp::from_millis(10),
            revoked_at: None,
        };
        let now = Timestamp::from_millis(9);
        assert!(grant.agrees_with(&grant.claims(), now));
        assert!(!grant.agrees_with(&grant.claims(), grant.expires_at));
        let elsewhere = Claims {
            session: "other".parse().expect("legal"),
            ..grant.claims()
        };
        assert!(!grant.agrees_with(&elsewhere, now));
        let longer = Claims {
            expires_at: Timestamp::from_millis(99),
            ..grant.claims()
        };
        assert!(!grant.agrees_with(&longer, now));
        let revoked = ChannelGrant {
            revoked_at: Some(now),
            ..grant.clone()
        };
        assert!(!revoked.agrees_with(&grant.claims(), now));
        assert_eq!(grant.sender(), "channel");
    }
}
