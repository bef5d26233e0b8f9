//! What each credential may have at once of what all of them share, so that nobody keeps another out.
//!
//! A credential that is narrowed to a folder is the same credential still.

use doorbell_ingress::budget::{Bound, Budget, Exhausted, Share};

use crate::{caller::Caller, refusal::Refusal};

/// How many calls may wait for a message at once.
pub const WAITS: Bound = Bound {
    all: 4096,
    part: 1024,
};
/// How many event streams may be open at once.
pub const STREAMS: Bound = Bound {
    all: 2048,
    part: 512,
};

/// Names a credential's owner.
type Holder = [u8; 16];
/// One of what is shared, until this is dropped.
pub type OneOf = Share<Holder>;

/// What is taken at the moment.
#[derive(Debug)]
pub struct Shares {
    waits: Budget<Holder>,
    streams: Budget<Holder>,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            waits: Budget::new(WAITS),
            streams: Budget::new(STREAMS),
        }
    }
}

impl Shares {
    /// One more call that waits.
    pub fn wait(&self, caller: &Caller) -> Result<OneOf, Refusal> {
        one(&self.waits, caller, "calls that wait")
    }

    /// One more stream.
    pub fn stream(&self, caller: &Caller) -> Result<OneOf, Refusal> {
        one(&self.streams, caller, "open streams")
    }
}

fn one(budget: &Budget<Holder>, caller: &Caller, what: &str) -> Result<OneOf, Refusal> {
    let Bound { all, part } = budget.bound();
    let taken = budget.take(caller.credential.identity(), 1);
    taken.map_err(|why| {
        Refusal::Unavailable(match why {
            Exhausted::All => {
                format!(
                    "this server has {all} {what}, which is as many as it may; try again shortly"
                )
            }
            Exhausted::Part => format!(
                "this credential has {part} {what} or more, and there are few left for others; \
                 end some of them first, or use another key"
            ),
        })
    })
}

#[cfg(test)]
mod tests {
    use doorbell_core::{key::KeyId, message::Receiver, principal::Principal, token::TokenHash};

    use super::*;
    use crate::caller::Credential;

    fn caller(key: u128) -> Caller {
        let credential = Credential::Key {
            id: KeyId::from_u128(key),
            hash: TokenHash::from_bytes([0; 32]),
        };
        Caller {
            principal: Principal::Operator,
            receiver: Receiver::named(&credential.identity(), ""),
            credential,
            session: None,
        }
    }

    #[test]
    fn a_key_that_takes_all_it_can_leaves_others_theirs() {
        let shares = Shares::default();
        let mut held = Vec::new();
        let refused = loop {
            match shares.stream(&caller(1)) {
                Ok(one) => held.push(one),
                Err(refusal) => break refusal,
            }
        };
        assert_eq!(held.len(), STREAMS.crowded());
        assert_eq!(refused.status(), 503);
        assert!(refused.retry_after().is_some());
        assert!(refused.to_string().contains("has 512 open streams or more"));
        assert!(shares.stream(&caller(2)).is_ok());
        assert!(shares.wait(&caller(1)).is_ok(), "each bound by itself");
    }
}
