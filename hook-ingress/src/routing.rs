//! Where messages go by the rules that a store keeps.

use std::sync::Arc;

use doorbell_core::{
    grant::Grant,
    message::Head,
    ports::{Channels, Routes},
    route::Outcome,
};

use crate::front_door::Routing;

/// Routes by a store's rules, as they stand when a message arrives.
pub struct ByRules<S: ?Sized>(pub Arc<S>);

impl<S: Routes + Channels + ?Sized> Routing for ByRules<S> {
    fn route(&self, grant: &Grant, head: &Head) -> Outcome {
        let open = |session: &_| {
            let session = self.0.session_of(session)?;
            session.ended_at.is_none().then(|| session.folder.clone())
        };
        self.0.routes().decide(grant, &head.headers, &open)
    }
}
