//! Who is asking.

use std::fmt;

use crate::folder::Folder;

/// Who is asking. It comes from a credential, never from an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The whole instance.
    Operator,
    /// One folder and everything below it.
    Agent(Folder),
}

impl Principal {
    /// Whether `folder` is within what this principal may touch.
    pub fn contains(&self, folder: &Folder) -> bool {
        match self {
            Self::Operator => true,
            Self::Agent(own) => own.contains(folder),
        }
    }

    /// The agent of `folder`, if that lies within; it narrows and never widens.
    pub fn narrowed_to(&self, folder: &Folder) -> Option<Self> {
        self.contains(folder).then(|| Self::Agent(folder.clone()))
    }

    /// The folder this principal is at home in; an operator has none.
    pub fn home(&self) -> Option<&Folder> {
        match self {
            Self::Operator => None,
            Self::Agent(own) => Some(own),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Agent(folder) => write!(f, "agent of {folder}"),
        }
    }
}
