//! Links that sign a browser in, on the wire.

use doorbell_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::Text;

/// A link that signs a browser in to the dashboard.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SignInLink {
    /// Good once; whoever opens it first is signed in
    pub url: String,
    /// Good until then
    pub expires_at: Text<Timestamp>,
}

impl std::fmt::Debug for SignInLink {
    /// Without the link.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignInLink")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
