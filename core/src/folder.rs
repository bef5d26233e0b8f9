//! An agent's home: a path of one to eight segments.

use std::{fmt, str::FromStr, sync::Arc};

use crate::segment::{self, SegmentError};

/// The most segments a folder may have.
pub const MAX_DEPTH: usize = 8;

/// A folder, `acme/eng`: ASCII, case-sensitive, one to eight segments.
///
/// ```compile_fail
/// // A folder is parsed, never assembled from parts that nobody checked.
/// let f = doorbell_core::folder::Folder("../etc".into());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folder(Arc<str>);

/// Why a text is not a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FolderError {
    /// One of its segments is not one.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// More than [`MAX_DEPTH`] segments.
    #[error("a folder has at most {MAX_DEPTH} segments")]
    TooDeep,
}

impl Folder {
    /// The text, exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this folder or below it.
    ///
    /// The only containment test in the workspace: `acme` contains `acme` and `acme/eng`, and
    /// does not contain `acmecorp`.
    pub fn contains(&self, other: &Folder) -> bool {
        self.contains_path(other.as_str())
    }

    /// The same of a path that may be longer than any folder: the beginning of a pattern.
    pub(crate) fn contains_path(&self, path: &str) -> bool {
        match path.strip_prefix(&*self.0) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }

    /// The folder that contains this one and that no other contains: its first segment.
    #[must_use]
    pub fn outermost(&self) -> Self {
        let first = self.0.split('/').next().unwrap_or_default();
        Self(first.into())
    }

    /// This folder and those above it, nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        let text = &*self.0;
        std::iter::successors(Some(text), |at| at.rfind('/').map(|cut| &at[..cut]))
    }
}

impl FromStr for Folder {
    type Err = FolderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut depth = 0;
        for part in text.split('/') {
            depth += 1;
            if depth > MAX_DEPTH {
                return Err(FolderError::TooDeep);
            }
            segment::check(part)?;
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Folder({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(text: &str) -> Folder {
        text.parse().expect("legal")
    }

    #[test]
    fn a_folder_contains_itself_and_what_is_below_and_no_namesake() {
        let acme = folder("acme");
        assert!(acme.contains(&folder("acme")));
        assert!(acme.contains(&folder("acme/eng")));
        assert!(acme.contains(&folder("acme/eng/a/b/c/d/e/f")));
        assert!(!acme.contains(&folder("acmecorp")));
        assert!(!acme.contains(&folder("Acme/eng")));
        assert!(!folder("acme/eng").contains(&acme));
    }

    #[test]
    fn nine_segments_an_empty_one_and_a_dot_are_refused() {
        assert_eq!(
            "a/b/c/d/e/f/g/h/i".parse::<Folder>(),
            Err(FolderError::TooDeep)
        );
        for bad in ["", "/", "a/", "/a", "a//b", "a/..", "a/.", "a\\b", "a/b "] {
            assert!(bad.parse::<Folder>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ancestors_are_listed_nearest_first() {
        let deep = folder("a/b/c");
        assert_eq!(deep.ancestors().collect::<Vec<_>>(), ["a/b/c", "a/b", "a"]);
    }
}
