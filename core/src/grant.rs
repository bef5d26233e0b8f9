//! The persisted record behind a URL.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use ulid::Ulid;

use crate::{
    address::Jid,
    folder::Folder,
    label::{Label, Suffix},
    time::Timestamp,
};

/// Declares an id that is a ULID and nothing else.
macro_rules! ulid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// From the moment it was made and 80 bits of chance (the upper 48 are dropped).
            pub fn new(at: $crate::time::Timestamp, chance: u128) -> Self {
                Self(Ulid::from_parts(at.as_millis(), chance))
            }

            /// From the 128 bits a store kept.
            pub const fn from_u128(bits: u128) -> Self {
                Self(Ulid(bits))
            }

            /// The 128 bits a store keeps.
            pub const fn as_u128(self) -> u128 {
                self.0.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::grant::IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                // Crockford's alphabet reads lower case too; an id has one spelling here.
                let id = Ulid::from_string(text).map_err(|_| $crate::grant::IdError)?;
                let spelt = id.array_to_str(&mut [0; ulid::ULID_LEN]) == text;
                if spelt { Ok(Self(id)) } else { Err($crate::grant::IdError) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}
pub(crate) use ulid_newtype;

/// A text that is not a ULID: 26 characters of Crockford's base32, upper case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id; ids are ULIDs, 26 characters such as 01KA3Y6Z1V8Q4T2M7N5P9R0S3W")]
pub struct IdError;

ulid_newtype! {
    /// Names a grant. Not a secret.
    GrantId
}

/// The longest context, in characters: what JSON Schema counts.
pub const MAX_CONTEXT: usize = 4_096;

/// What the minting agent wants said beside each message: "push events; summarise daily".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context(Arc<str>);

/// A context over [`MAX_CONTEXT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a context is at most {MAX_CONTEXT} characters long")]
pub struct ContextError;

impl Context {
    /// The text, exactly as it was given: it may hold line breaks and control characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Context {
    type Err = ContextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.chars().count() > MAX_CONTEXT {
            Err(ContextError)
        } else {
            Ok(Self(text.into()))
        }
    }
}

/// How long a grant lives. Zero and absent both mean the server's default for its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl(Option<Duration>);

/// The longest TTL: a hundred years of 365 days, in seconds.
pub const MAX_TTL_SECONDS: u64 = 100 * 365 * 24 * 3600;

/// A TTL over [`MAX_TTL_SECONDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a ttl is at most {MAX_TTL_SECONDS} seconds; 0 takes the default")]
pub struct TtlError;

impl Ttl {
    /// The server's default for the kind of grant.
    pub const DEFAULT: Self = Self(None);

    /// From seconds, as callers give it.
    pub fn from_seconds(seconds: u64) -> Result<Self, TtlError> {
        match seconds {
            0 => Ok(Self::DEFAULT),
            1..=MAX_TTL_SECONDS => Ok(Self(Some(Duration::from_secs(seconds)))),
            _ => Err(TtlError),
        }
    }

    /// The same, but no longer than what only tries something out may live.
    #[must_use]
    pub fn of_a_probe(self) -> Self {
        Self(Some(self.0.map_or(PROBE_TTL, |ttl| ttl.min(PROBE_TTL))))
    }

    /// When a grant made at `now` dies; a route token's default is never.
    pub fn expiry(self, now: Timestamp, default: Option<Duration>) -> Option<Timestamp> {
        self.0.or(default).map(|ttl| now.plus(ttl))
    }
}

/// How long what only tries something out lives at the most.
pub const PROBE_TTL: Duration = Duration::from_secs(600);

/// Which kind of door a route token opens, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// A webhook: `hook:<folder>/<label>[/<suffix>]`.
    Hook {
        /// The source's name.
        label: Label,
        /// The optional last segment.
        suffix: Option<Suffix>,
    },
    /// A browser chat: `web:<folder>[/<suffix>]`.
    Web {
        /// The optional last segment.
        suffix: Option<Suffix>,
    },
}

/// The record behind a URL: what it opens, whose it is, and until when.
///
/// Folder, label and suffix are held here apart, because the JID they are written as cannot be
/// split again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Names this grant.
    pub id: GrantId,
    /// What the door is called.
    pub door: Door,
    /// The folder of whoever minted it; bounds who may list and revoke it.
    pub owner_folder: Folder,
    /// Where its messages go when no rule says otherwise; the owner's folder or below it.
    pub target_folder: Folder,
    /// Said beside each message, as it stood when the message arrived.
    pub context: Option<Context>,
    /// What the URL began with that its minter was shown: `https://bell.example.com`. Unknown of what
    /// the first released version minted, and where no URL was shown.
    pub public_url: Option<Arc<str>>,
    /// Whether it only tries something out: once it is not live any more, it and what came through it
    /// are forgotten.
    pub probe: bool,
    /// When it was minted.
    pub created_at: Timestamp,
    /// When it dies by itself, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl Grant {
    /// The address messages arrive at.
    pub fn jid(&self) -> Jid {
        match &self.door {
            Door::Hook { label, suffix } => Jid::hook(&self.target_folder, label, suffix.as_ref()),
            Door::Web { suffix } => Jid::web(&self.target_folder, suffix.as_ref()),
        }
    }

    /// Who a message through this door is said to be from: the label, or `web`.
    pub fn sender(&self) -> &str {
        match &self.door {
            Door::Hook { label, .. } => label.as_str(),
            Door::Web { .. } => "web",
        }
    }

    /// Whether a request at `now` is let in: neither revoked nor past its time.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// When it ended, or will.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match (self.revoked_at, self.expires_at) {
            (Some(revoked), Some(expires)) => Some(revoked.min(expires)),
            (revoked, expires) => revoked.or(expires),
        }
    }

    /// Whether it tried something out and is over at `now`: nothing is shown of it any more.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        self.probe && self.ends_at().is_some_and(|end| end <= now)
    }

    /// Whether both write the same JID from different folders, labels and suffixes. Two live
    /// grants may not: a message's address would say two things.
    pub fn clashes_with(&self, other: &Self) -> bool {
        self.jid() == other.jid()
            && (self.target_folder != other.target_folder || self.door != other.door)
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hook { .. } => "hook",
            Self::Web { .. } => "web",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(folder: &str, label: &str, suffix: Option<&str>) -> Grant {
        let folder: Folder = folder.parse().expect("legal");
        Grant {
            id: GrantId::new(Timestamp::from_millis(1), 2),
            door: Door::Hook {
                label: label.parse().expect("legal"),
                suffix: suffix.map(|s| s.parse().expect("legal")),
            },
            owner_folder: folder.clone(),
            target_folder: folder,
            context: None,
            public_url: None,
            probe: false,
            created_at: Timestamp::from_millis(1),
            expires_at: Some(Timestamp::from_millis(10)),
            revoked_at: None,
        }
    }

    #[test]
    fn two_splits_of_one_jid_clash_and_twins_do_not() {
        let split = grant("acme/eng", "linear", Some("comments"));
        assert!(split.clashes_with(&grant("acme/eng/linear", "comments", None)));
        assert!(!split.clashes_with(&split.clone()));
        assert!(!split.clashes_with(&grant("acme/eng", "linear", None)));
    }

    #[test]
    fn a_grant_dies_at_its_expiry_and_not_before() {
        let grant = grant("acme", "github", None);
        assert!(grant.is_live(Timestamp::from_millis(9)));
        assert!(!grant.is_live(Timestamp::from_millis(10)));
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = GrantId::new(Timestamp::from_millis(1_795_277_640_000), 99);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().to_lowercase().parse::<GrantId>().is_err());
        assert!("01K".parse::<GrantId>().is_err());
    }

    #[test]
    fn what_tries_something_out_lives_for_ten_minutes_at_the_most() {
        let now = Timestamp::from_millis(0);
        let seconds = |ttl: u64| {
            let ttl = Ttl::from_seconds(ttl).expect("legal").of_a_probe();
            ttl.expiry(now, None).expect("it ends").as_millis() / 1_000
        };
        assert_eq!([seconds(0), seconds(60), seconds(6_000)], [600, 60, 600]);
        let probe = Grant {
            probe: true,
            ..grant("acme", "github", None)
        };
        assert!(!probe.is_forgotten(Timestamp::from_millis(9)));
        assert!(probe.is_forgotten(Timestamp::from_millis(10)));
        assert!(!grant("acme", "github", None).is_forgotten(Timestamp::from_millis(10)));
    }

    #[test]
    fn a_ttl_of_zero_takes_the_default() {
        let now = Timestamp::from_millis(1_000);
        let ttl = Ttl::from_seconds(0).expect("legal");
        assert_eq!(ttl.expiry(now, None), None);
        assert_eq!(
            ttl.expiry(now, Some(Duration::from_secs(1))),
            Some(Timestamp::from_millis(2_000))
        );
        assert_eq!(Ttl::from_seconds(MAX_TTL_SECONDS + 1), Err(TtlError));
    }
}
