//! Who follows the log. One who follows a part of it is woken by that part alone: however many wait,
//! an arrival costs a look at each and wakes those it is for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use doorbell_core::{acl::Scope, message::Cursor, pattern::Pattern, ports::Arrived};
use tokio::sync::Notify;

/// All who follow.
#[derive(Debug, Default)]
pub(super) struct Followers {
    attached: RwLock<(u64, HashMap<u64, Follower>)>,
}

#[derive(Debug)]
struct Follower {
    scope: Scope,
    pattern: Option<Pattern>,
    heard: Arc<Heard>,
}

/// What one who follows has not looked at yet.
#[derive(Debug, Default)]
struct Heard {
    first: Mutex<Option<Cursor>>,
    bell: Notify,
}

/// Someone who follows. Dropping it hangs up.
#[derive(Debug)]
pub struct Follow {
    number: u64,
    heard: Arc<Heard>,
    followers: Arc<Followers>,
}

impl Follow {
    /// Waits for what came after this was last asked, and says where the first of it stands: between
    /// there and what was read before there is nothing for this one.
    pub async fn rung(&self) -> Cursor {
        loop {
            let first = self.heard.first.lock();
            let first = first.unwrap_or_else(PoisonError::into_inner).take();
            match first {
                Some(place) => return place,
                None => self.heard.bell.notified().await,
            }
        }
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        let attached = self.followers.attached.write();
        let mut attached = attached.unwrap_or_else(PoisonError::into_inner);
        attached.1.remove(&self.number);
    }
}

impl Followers {
    pub(super) fn attach(self: &Arc<Self>, scope: Scope, pattern: Option<Pattern>) -> Follow {
        let heard = Arc::new(Heard::default());
        let follower = Follower {
            scope,
            pattern,
            heard: Arc::clone(&heard),
        };
        let attached = self.attached.write();
        let mut attached = attached.unwrap_or_else(PoisonError::into_inner);
        attached.0 += 1;
        let number = attached.0;
        attached.1.insert(number, follower);
        Follow {
            number,
            heard,
            followers: Arc::clone(self),
        }
    }

    pub(super) fn count(&self) -> usize {
        let attached = self.attached.read();
        attached.unwrap_or_else(PoisonError::into_inner).1.len()
    }

    pub(super) fn grown(&self, arrived: &[Arrived<'_>]) {
        let attached = self.attached.read();
        let attached = attached.unwrap_or_else(PoisonError::into_inner);
        for follower in attached.1.values() {
            let is_for = |one: &&Arrived<'_>| {
                let pattern = follower.pattern.as_ref();
                follower.scope.covers(one.folder)
                    && pattern.is_none_or(|pattern| pattern.matches(one.address))
            };
            let Some(place) = arrived.iter().filter(is_for).map(|one| one.place).min() else {
                continue;
            };
            let first = follower.heard.first.lock();
            let mut first = first.unwrap_or_else(PoisonError::into_inner);
            *first = Some(first.map_or(place, |known| known.min(place)));
            drop(first);
            follower.heard.bell.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use doorbell_core::{
        acl::{UseMessages, authorize},
        folder::Folder,
        principal::Principal,
    };
    use futures_util::FutureExt;

    use super::*;

    fn folder(text: &str) -> Folder {
        text.parse().expect("legal")
    }

    fn scope(whose: &str) -> Scope {
        let agent = Principal::Agent(folder(whose));
        authorize(&agent, UseMessages)
            .expect("everyone may")
            .scope()
    }

    fn arrive(followers: &Followers, place: u64, whose: &str, address: &str) {
        let (place, folder) = (Cursor(place), &folder(whose));
        followers.grown(&[Arrived {
            place,
            folder,
            address,
        }]);
    }

    fn heard(follow: &Follow) -> Option<u64> {
        follow.rung().now_or_never().map(|place| place.0)
    }

    #[test]
    fn who_follows_is_woken_by_what_is_in_scope_and_matches_and_by_nothing_else() {
        let followers = Arc::new(Followers::default());
        let all = followers.attach(scope("acme"), None);
        let github = followers.attach(scope("acme"), "hook:*/github".parse().ok());
        let other = followers.attach(scope("acmecorp"), None);
        assert_eq!(followers.count(), 3);
        arrive(&followers, 7, "acme/eng", "hook:acme/eng/linear");
        arrive(&followers, 8, "acme", "hook:acme/github");
        arrive(&followers, 9, "acme", "hook:acme/github");
        assert_eq!(heard(&all), Some(7));
        assert_eq!(heard(&github), Some(8));
        assert_eq!(heard(&other), None);
        assert_eq!(heard(&all), None, "each once");
        drop(github);
        assert_eq!(followers.count(), 2);
    }
}
