//! What whoever is handed a URL has to know of where printed URLs lead.

use std::sync::atomic::Ordering;

use doorbell_core::{
    acl::{ManageGrants, authorize},
    principal::Principal,
};

use super::local::Local;

impl Local {
    /// That a URL reaches only this machine or its network, and that there are older ones.
    pub(super) fn url_warning(&self) -> Option<String> {
        let said = [self.house.url_warning(), self.older_urls()];
        let said: Vec<String> = said.into_iter().flatten().collect();
        (!said.is_empty()).then(|| said.join(" "))
    }

    /// How many live URLs in reach were printed with another address than today's, in words, if any
    /// were.
    pub(super) fn older_urls(&self) -> Option<String> {
        let some = &self.house.older_urls;
        if !some.load(Ordering::Relaxed) {
            return None;
        }
        let count = self.older(self.principal());
        if count == 0 {
            // A URL that is printed while we run has today's address: once there is none left, there
            // will be none, and nobody need count again.
            if self.older(&Principal::Operator) == 0 {
                some.store(false, Ordering::Relaxed);
            }
            return None;
        }
        let (were, them) = match count {
            1 => ("1 live URL was".to_owned(), "it"),
            _ => (format!("{count} live URLs were"), "them"),
        };
        Some(format!(
            "{were} printed with another address than {}: where that no longer leads here, what is posted to {them} is lost. Issue {them} anew, and paste what is printed where the old URL stood.",
            self.house.public_url
        ))
    }

    fn older(&self, principal: &Principal) -> usize {
        let Ok(permit) = authorize(principal, ManageGrants) else {
            return 0;
        };
        let grants = self.house.registry.list(&permit, None);
        let printed = grants
            .iter()
            .filter_map(|of| of.grant.public_url.as_deref());
        printed.filter(|url| *url != self.house.public_url).count()
    }
}
