//! Globs over header values.

use std::{fmt, str::FromStr, sync::Arc};

use wildmatch::WildMatch;

/// The longest glob, in characters.
pub const MAX_GLOB: usize = 256;

/// The longest value that a glob with wildcards is tried on, in bytes: what it costs grows with
/// both. `*` alone matches a value of any length.
pub const MAX_WILD_VALUE: usize = 1_024;

/// A glob over a header's value: `*` is any run of characters, `?` is one; case-sensitive.
#[derive(Clone)]
pub struct Glob {
    text: Arc<str>,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// The value itself.
    Exact,
    /// `*`: whatever the value is.
    Any,
    Wild(WildMatch),
}

/// Why a text is no glob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// It matches nothing that a header says.
    #[error("is empty; * matches any value")]
    Empty,
    /// Over [`MAX_GLOB`].
    #[error("is at most {MAX_GLOB} characters long")]
    TooLong,
    /// No header's value holds one.
    #[error("holds a control character, which no header does")]
    Control,
}

/// What a value must have for a glob to match it: how rules are found without trying each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    /// It is this.
    Exact(&'a str),
    /// This stands somewhere in it, and it is not over [`MAX_WILD_VALUE`].
    Piece(&'a str),
    /// Nothing that could be looked for.
    Any,
}

impl Key<'_> {
    /// How long what is looked for is: the longer, the less it stands somewhere by chance.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Exact(text) | Self::Piece(text) => text.len(),
            Self::Any => 0,
        }
    }
}

impl Glob {
    /// The text, exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it matches the whole of a value.
    pub fn matches(&self, value: &str) -> bool {
        match &self.kind {
            Kind::Exact => *self.text == *value,
            Kind::Any => true,
            Kind::Wild(wild) => value.len() <= MAX_WILD_VALUE && wild.matches(value),
        }
    }

    /// How many steps trying it on a value may take.
    pub(super) fn effort(&self, value: &str) -> usize {
        match &self.kind {
            Kind::Exact | Kind::Any => 0,
            Kind::Wild(_) => self.text.len() * value.len().min(MAX_WILD_VALUE),
        }
    }

    /// What a value must have, all of it: [`Key::Any`] alone, where nothing can be looked for.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        let pieces = match &self.kind {
            Kind::Wild(_) => &*self.text,
            Kind::Exact | Kind::Any => "",
        };
        let mut keys = pieces
            .split(['*', '?'])
            .filter(|piece| !piece.is_empty())
            .map(Key::Piece)
            .peekable();
        let whole = match &self.kind {
            Kind::Exact => Some(Key::Exact(&self.text)),
            Kind::Any | Kind::Wild(_) => keys.peek().is_none().then_some(Key::Any),
        };
        whole.into_iter().chain(keys)
    }
}

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.chars().count() > MAX_GLOB {
            return Err(GlobError::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(GlobError::Control);
        }
        let kind = if text.bytes().all(|byte| byte == b'*') {
            Kind::Any
        } else if text.contains(['*', '?']) {
            Kind::Wild(WildMatch::new(text))
        } else {
            Kind::Exact
        };
        let text = text.into();
        Ok(Self { text, kind })
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(text: &str) -> Glob {
        text.parse().expect("legal")
    }

    #[test]
    fn a_star_is_any_run_and_a_question_mark_is_one_character() {
        for (text, yes, no) in [
            ("push", "push", "pusher"),
            ("push", "push", "Push"),
            ("pull_*", "pull_request", "push"),
            ("*_request", "pull_request", "pull_request_review"),
            ("*issue*", "an issue", "an Issue"),
            ("v?.0", "v2.0", "v10.0"),
            ("caf?", "café", "caf"),
            ("a*b?c", "a--bxc", "a--bc"),
        ] {
            assert!(glob(text).matches(yes), "{text} {yes}");
            assert!(!glob(text).matches(no), "{text} {no}");
        }
        assert!(glob("*").matches(""));
        assert!(!glob("?").matches(""));
    }

    #[test]
    fn what_wildcards_cost_is_bounded_by_the_lengths_of_both() {
        let long = "a".repeat(MAX_WILD_VALUE + 1);
        assert!(!glob("a*").matches(&long));
        assert!(glob("a*").matches(&long[1..]));
        assert!(glob("*").matches(&long));
        let most = "x".repeat(MAX_GLOB);
        assert!(glob(&most).matches(&most));
        assert_eq!("x".repeat(257).parse::<Glob>(), Err(GlobError::TooLong));
        assert_eq!("".parse::<Glob>(), Err(GlobError::Empty));
        assert_eq!("a\nb".parse::<Glob>(), Err(GlobError::Control));
    }

    #[test]
    fn a_value_must_have_every_piece_between_the_wildcards() {
        let keys = |text: &str| -> Vec<String> {
            let glob = glob(text);
            glob.keys().map(|key| format!("{key:?}")).collect()
        };
        assert_eq!(keys("push"), [r#"Exact("push")"#]);
        assert_eq!(keys("re*?d"), [r#"Piece("re")"#, r#"Piece("d")"#]);
        assert_eq!(keys("*?"), ["Any"]);
        assert_eq!(keys("*"), ["Any"]);
    }
}
