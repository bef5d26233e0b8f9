//! Where a message goes, and how loudly.
//!
//! Without a rule a message goes to its grant's target folder and rings.

use crate::{
    grant::Grant,
    message::{Destination, Mode},
};

/// What routing decided about one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Where it goes.
    pub to: Destination,
    /// How loudly.
    pub mode: Mode,
}

/// No rule: the grant's own target folder, trigger.
pub fn default_outcome(grant: &Grant) -> Outcome {
    Outcome {
        to: Destination::folder(grant.target_folder.clone()),
        mode: Mode::Trigger,
    }
}
