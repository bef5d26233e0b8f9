//! Where messages come from and go to, said once per file instead of once per message.
//!
//! A grant never changes but for being revoked, nor does a rule, so a grant, a destination and the
//! rule that chose it settle everything that a message says of them. Each such triple has a number;
//! numbers are never given anew while a file that names them is there.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use doorbell_core::{
    address::{Address, Inbox, SessionRef},
    folder::Folder,
    grant::{Context, GrantId},
    message::{Destination, Matched, RouteId, Via},
    time::Timestamp,
};

use super::{
    codec::{In, Out, Unreadable, seal, unseal},
    segment::Layout,
};

/// The field of the rule that chose the destination.
const RULE: u8 = 1;
/// The field that says that the grant only tries something out.
const PROBE: u8 = 2;
/// The field of when the session was made that it goes to.
const SESSION_MADE: u8 = 3;

/// What every message through one grant, by one rule or none, to one destination has in common.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) grant: GrantId,
    pub(super) address: Address,
    /// The address as text: what patterns are matched against.
    pub(super) address_text: Arc<str>,
    pub(super) sender: Arc<str>,
    pub(super) context: Option<Context>,
    pub(super) to: Destination,
    pub(super) rule: Option<Arc<Matched>>,
    /// Whether the grant only tries something out. It is said here too, for messages may be kept
    /// longer than their grant is.
    pub(super) probe: bool,
}

impl Origin {
    fn new(via: &Via, to: &Destination, rule: Option<&Arc<Matched>>) -> Self {
        let address = via.address();
        Self {
            grant: via.id(),
            address_text: address.to_string().into(),
            address,
            sender: via.sender().into(),
            context: via.context().cloned(),
            to: to.clone(),
            rule: rule.cloned(),
            probe: via.is_probe(),
        }
    }

    /// As it stands in a file.
    pub(super) fn encode(&self, number: u32) -> Vec<u8> {
        let mut out = Out::default();
        out.u128(self.grant.as_u128());
        out.text(&self.address_text);
        out.text(&self.sender);
        out.maybe_text(self.context.as_ref().map(Context::as_str));
        match &self.to.inbox {
            Inbox::Folder(folder) => {
                out.u8(0);
                out.text(folder.as_str());
            }
            Inbox::Session(session) => {
                out.u8(1);
                out.text(session.id.as_str());
            }
        }
        out.text(self.to.folder.as_str());
        if let Inbox::Session(session) = &self.to.inbox {
            out.field(SESSION_MADE, |out| out.u64(session.made.as_millis()));
        }
        if let Some(rule) = &self.rule {
            out.field(RULE, |out| {
                out.u128(rule.id.as_u128());
                out.text(&rule.said);
            });
        }
        if self.probe {
            out.field(PROBE, |_| {});
        }
        seal(&number.to_be_bytes(), &out.0)
    }

    /// From a file.
    pub(super) fn decode(layout: Layout, number: u32, bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut from = In(match layout {
            Layout::V1 => bytes,
            Layout::V2 => unseal(&number.to_be_bytes(), bytes)?,
        });
        let grant = GrantId::from_u128(from.u128()?);
        let address_text = from.text()?;
        let address = address_text.parse().map_err(|_| Unreadable)?;
        let sender = from.text()?.into();
        let context = from.maybe_parsed()?;
        let mut inbox = match from.u8()? {
            0 => Inbox::Folder(from.parsed()?),
            1 => Inbox::Session(SessionRef {
                id: from.parsed()?,
                made: Timestamp::default(),
            }),
            _ => return Err(Unreadable),
        };
        let folder: Folder = from.parsed()?;
        let mut rule = None;
        let mut probe = false;
        let matched = |from: &mut In<'_>| {
            Ok::<_, Unreadable>(Arc::new(Matched {
                id: RouteId::from_u128(from.u128()?),
                said: from.text()?.into(),
            }))
        };
        match layout {
            // Where no rule did it, it ends here.
            Layout::V1 if from.end().is_ok() => {}
            Layout::V1 => {
                rule = Some(matched(&mut from)?);
                from.end()?;
            }
            Layout::V2 => from.fields(|tag, from| {
                match (tag, &mut inbox) {
                    (RULE, _) => rule = Some(matched(from)?),
                    (PROBE, _) => probe = true,
                    (SESSION_MADE, Inbox::Session(session)) => session.made = from.time()?,
                    _ => {}
                }
                Ok(())
            })?,
        }
        let to = Destination { inbox, folder };
        Ok(Self {
            grant,
            address,
            address_text: address_text.into(),
            sender,
            context,
            to,
            rule,
            probe,
        })
    }
}

/// Every origin by its number.
#[derive(Debug, Default)]
pub(super) struct Origins(RwLock<Numbered>);

#[derive(Debug, Default)]
struct Numbered {
    by_number: HashMap<u32, Arc<Origin>>,
    /// A grant and a rule have one destination, unless a session came back in another folder.
    by_grant: HashMap<(GrantId, Option<RouteId>), Vec<u32>>,
    next: u32,
}

impl Origins {
    /// The number of a grant, a destination and a rule; a new one if they have none yet.
    pub(super) fn number(&self, via: &Via, to: &Destination, rule: Option<&Arc<Matched>>) -> u32 {
        if let Some(number) =
            self.0
                .read()
                .expect("nothing panics under this lock")
                .find(via.id(), to, rule)
        {
            return number;
        }
        let mut numbered = self.0.write().expect("nothing panics under this lock");
        if let Some(number) = numbered.find(via.id(), to, rule) {
            return number;
        }
        let number = numbered.next;
        numbered.insert(number, Arc::new(Origin::new(via, to, rule)));
        number
    }

    /// The number of another destination of what came through an origin's grant.
    pub(super) fn rerouted(
        &self,
        was: &Origin,
        to: &Destination,
        rule: Option<&Arc<Matched>>,
    ) -> u32 {
        let mut numbered = self.0.write().expect("nothing panics under this lock");
        if let Some(number) = numbered.find(was.grant, to, rule) {
            return number;
        }
        let number = numbered.next;
        let origin = Origin {
            grant: was.grant,
            address: was.address.clone(),
            address_text: was.address_text.clone(),
            sender: was.sender.clone(),
            context: was.context.clone(),
            to: to.clone(),
            rule: rule.cloned(),
            probe: was.probe,
        };
        numbered.insert(number, Arc::new(origin));
        number
    }

    /// Takes in what a file says. The first to be taken in under a number stays.
    pub(super) fn learn(&self, number: u32, origin: Origin) {
        let mut numbered = self.0.write().expect("nothing panics under this lock");
        if !numbered.by_number.contains_key(&number) {
            numbered.insert(number, Arc::new(origin));
        }
    }

    /// A number that a file gives to an origin which does not read: it is nobody else's.
    pub(super) fn skip(&self, number: u32) {
        let mut numbered = self.0.write().expect("nothing panics under this lock");
        numbered.next = numbered.next.max(number.saturating_add(1));
    }

    /// The origin behind a number.
    pub(super) fn get(&self, number: u32) -> Option<Arc<Origin>> {
        self.0
            .read()
            .expect("nothing panics under this lock")
            .by_number
            .get(&number)
            .cloned()
    }
}

impl Numbered {
    fn find(&self, grant: GrantId, to: &Destination, rule: Option<&Arc<Matched>>) -> Option<u32> {
        let rule = rule.map(|rule| rule.id);
        let numbers = self.by_grant.get(&(grant, rule))?;
        numbers
            .iter()
            .copied()
            .find(|number| self.by_number[number].to == *to)
    }

    fn insert(&mut self, number: u32, origin: Arc<Origin>) {
        let rule = origin.rule.as_ref().map(|rule| rule.id);
        let numbers = self.by_grant.entry((origin.grant, rule)).or_default();
        numbers.push(number);
        self.by_number.insert(number, origin);
        self.next = self.next.max(number + 1);
    }
}
