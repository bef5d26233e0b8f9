//! One table of refusals: each is a problem on REST, a tool error on MCP, a line and an exit code
//! on the command line.

use std::fmt;

use doorbell_core::{
    acl::Denied,
    ports::{InsertGrantError, SetRuleError, StoreError},
    registry::{ExposeError, IssueError, MakeSessionError, RevokeError},
};

/// Why a request was not done. What it says is for whoever asked: it names no secret, and nothing
/// that lies outside the asker's reach.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An argument breaks a rule.
    #[error("{field}: {rule}")]
    Invalid {
        /// Which argument, as it is spelt on the wire.
        field: String,
        /// The rule it broke.
        rule: String,
    },
    /// No credential, or one that is not good.
    #[error("{0}")]
    Unauthenticated(String),
    /// The credential is good and does not reach so far.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such thing in reach.
    #[error("{0}")]
    NotFound(String),
    /// The path is right and the method is not; these would be.
    #[error("this path takes {0}")]
    Method(String),
    /// It contradicts what stands already.
    #[error("{0}")]
    Conflict(String),
    /// It was, and is over for good.
    #[error("{0}")]
    Gone(String),
    /// The request is larger than is read.
    #[error("{0}")]
    TooLarge(String),
    /// The request's body did not come as fast as it must.
    #[error("{0}")]
    TooSlow(String),
    /// Not now: the store or the server is not ready.
    #[error("{0}")]
    Unavailable(String),
    /// Nothing more is stored until there is room; all else goes on.
    #[error("{0}")]
    NoRoom(String),
    /// Nobody answers where the server should be. Nothing was sent, so asking another time does
    /// nothing twice. Only a client says it.
    #[error("{0}")]
    Unreachable(String),
    /// What answers is not the server that was meant, or cannot be believed to be. Asking again does
    /// not help. Only a client says it.
    #[error("{0}")]
    BadServer(String),
    /// Our fault. The log says more.
    #[error("{0}")]
    Internal(String),
}

impl Refusal {
    /// An argument that breaks a rule.
    pub fn invalid(field: impl Into<String>, rule: impl fmt::Display) -> Self {
        Self::Invalid {
            field: field.into(),
            rule: rule.to_string(),
        }
    }

    /// The HTTP status it is answered with.
    pub fn status(&self) -> u16 {
        self.row().0
    }

    /// Names it for programs.
    pub fn code(&self) -> &'static str {
        self.row().1
    }

    /// Seconds after which trying again makes sense, where it does.
    pub fn retry_after(&self) -> Option<u64> {
        matches!(self, Self::Unavailable(_)).then_some(1)
    }

    /// Reads one back from a problem document.
    pub fn from_parts(code: &str, field: Option<String>, detail: String) -> Self {
        match code {
            "invalid_argument" => {
                let field = field.unwrap_or_else(|| "request".to_owned());
                let prefix = format!("{field}: ");
                let rule = detail.strip_prefix(&prefix).unwrap_or(&detail).to_owned();
                Self::Invalid { field, rule }
            }
            "unauthenticated" => Self::Unauthenticated(detail),
            "forbidden" => Self::Forbidden(detail),
            "not_found" => Self::NotFound(detail),
            "conflict" => Self::Conflict(detail),
            "gone" => Self::Gone(detail),
            "too_large" => Self::TooLarge(detail),
            "body_timeout" => Self::TooSlow(detail),
            "unavailable" => Self::Unavailable(detail),
            "no_room" => Self::NoRoom(detail),
            _ => Self::Internal(detail),
        }
    }

    /// The table.
    fn row(&self) -> (u16, &'static str) {
        match self {
            Self::Invalid { .. } => (400, "invalid_argument"),
            Self::Unauthenticated(_) => (401, "unauthenticated"),
            Self::Forbidden(_) => (403, "forbidden"),
            Self::NotFound(_) => (404, "not_found"),
            Self::Method(_) => (405, "method_not_allowed"),
            Self::Conflict(_) => (409, "conflict"),
            Self::Gone(_) => (410, "gone"),
            Self::TooLarge(_) => (413, "too_large"),
            Self::TooSlow(_) => (408, "body_timeout"),
            Self::Unavailable(_) => (503, "unavailable"),
            Self::NoRoom(_) => (503, "no_room"),
            Self::Unreachable(_) => (503, "unreachable"),
            Self::BadServer(_) => (502, "bad_server"),
            Self::Internal(_) => (500, "internal"),
        }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::Forbidden(denied.to_string())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotReady(_) => Self::Unavailable(format!("{error}; try again shortly")),
            StoreError::Damaged(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<InsertGrantError> for Refusal {
    fn from(error: InsertGrantError) -> Self {
        match error {
            InsertGrantError::Clash(_) => Self::Conflict(format!(
                "{error}; revoke that one, or choose another label or suffix"
            )),
            InsertGrantError::Store(error) => error.into(),
        }
    }
}

impl From<IssueError> for Refusal {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::TooMany(_) => Self::Conflict(format!(
                "{error}; revoke those that nothing is posted to any more: the list says when each was \
                 last used"
            )),
            IssueError::Insert(error) => error.into(),
        }
    }
}

impl From<ExposeError> for Refusal {
    fn from(error: ExposeError) -> Self {
        match error {
            ExposeError::TooMany(_) => Self::Conflict(format!(
                "{error}; revoke those that nobody uses any more: the list says when each was last used"
            )),
            ExposeError::Store(error) => error.into(),
        }
    }
}

impl From<SetRuleError> for Refusal {
    fn from(error: SetRuleError) -> Self {
        match error {
            SetRuleError::TooMany(_) => Self::Conflict(format!("{error}; remove some first")),
            SetRuleError::Store(error) => error.into(),
        }
    }
}

impl From<RevokeError> for Refusal {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::NotFound(_) => Self::NotFound(error.to_string()),
            RevokeError::Store(error) => error.into(),
        }
    }
}

impl From<MakeSessionError> for Refusal {
    fn from(error: MakeSessionError) -> Self {
        match error {
            MakeSessionError::Taken(_) => Self::Conflict(error.to_string()),
            MakeSessionError::TooMany(_) => {
                Self::Conflict(format!("{error}; end those that are idle for good first"))
            }
            MakeSessionError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_survives_the_trip_through_a_problem_document() {
        for refusal in [
            Refusal::invalid("max", "at most 100"),
            Refusal::NotFound("no live grant of hook:a/b".into()),
            Refusal::Conflict("taken".into()),
            Refusal::Unavailable("later".into()),
        ] {
            let field = match &refusal {
                Refusal::Invalid { field, .. } => Some(field.clone()),
                _ => None,
            };
            let back = Refusal::from_parts(refusal.code(), field, refusal.to_string());
            assert_eq!(back, refusal);
        }
    }
}
