//! What the writer must know of a message before it settles it: from memory, where that knows.

use doorbell_core::{
    acl::Scope,
    message::{MessageId, Mode},
};

use super::{decide::Target, entry::seq_of, fault::Fault, shared::Shared};

impl Shared {
    /// What the writer must know of messages to settle them, where all are held and their ids known:
    /// then no file is asked. `None` where one is not.
    pub(super) fn held(
        &self,
        ids: &[Option<MessageId>],
        scope: &Scope,
    ) -> Option<Vec<Option<Target>>> {
        let index = self.index();
        let mut last = None;
        let target = |id: &Option<MessageId>| {
            let Some(id) = *id else { return Some(None) };
            let hold = index.holds.get(&seq_of(id))?;
            if hold.id != Some(id) {
                return None;
            }
            // Messages that were leased together mostly came one way.
            let covered = match last {
                Some((origin, covered)) if origin == hold.origin => covered,
                _ => self.covers(scope, hold.origin),
            };
            last = Some((hold.origin, covered));
            Some(covered.then_some(Target {
                id,
                origin: hold.origin,
                mode: Mode::Trigger,
            }))
        };
        ids.iter().map(target).collect()
    }

    fn covers(&self, scope: &Scope, origin: u32) -> bool {
        self.origins
            .get(origin)
            .is_some_and(|origin| scope.covers(&origin.to.folder))
    }

    /// What the writer must know of a message to settle it, if it is in scope.
    pub(super) fn target(&self, id: MessageId, scope: &Scope) -> Result<Option<Target>, Fault> {
        let held = self.index().holds.get(&seq_of(id)).copied();
        let (origin, mode) = match held {
            Some(hold) if hold.id == Some(id) => (hold.origin, Mode::Trigger),
            _ => match self.entry(id)? {
                Some(entry) => {
                    let entry = self.routed(entry);
                    (entry.origin, entry.mode)
                }
                None => return Ok(None),
            },
        };
        Ok(self
            .covers(scope, origin)
            .then_some(Target { id, origin, mode }))
    }
}
