//! Where messages come from and go to, said once per file instead of once per message.
//!
//! A grant never changes but for being revoked, nor does a rule, so a grant, a destination and the
//! rule that chose it settle everything that a message says of them. Each such triple has a number;
//! numbers are never given anew while a file that names them is there.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use doorbell_core::{
    address::{Address, Inbox, SessionRef},
    folder::Folder,
    grant::{Context, GrantId},
    message::{Destination, Matched, RouteId, Via},
    time::Timestamp,
};
use roaring::RoaringBitmap;

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

/// An origin and its number, which is nobody else's while this is held.
#[derive(Clone, Debug)]
pub(super) struct NumberedOrigin {
    pub(super) number: u32,
    _held: Arc<Origin>,
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
    pub(super) fn number(
        &self,
        via: &Via,
        to: &Destination,
        rule: Option<&Arc<Matched>>,
    ) -> NumberedOrigin {
        let known = self.read().find(via.id(), to, rule);
        known.unwrap_or_else(|| {
            let mut numbered = self.write();
            let known = numbered.find(via.id(), to, rule);
            known.unwrap_or_else(|| numbered.add(Origin::new(via, to, rule)))
        })
    }

    /// The number of another destination of what came through an origin's grant.
    pub(super) fn rerouted(
        &self,
        was: &Origin,
        to: &Destination,
        rule: Option<&Arc<Matched>>,
    ) -> NumberedOrigin {
        let mut numbered = self.write();
        if let Some(known) = numbered.find(was.grant, to, rule) {
            return known;
        }
        numbered.add(Origin {
            grant: was.grant,
            address: was.address.clone(),
            address_text: was.address_text.clone(),
            sender: was.sender.clone(),
            context: was.context.clone(),
            to: to.clone(),
            rule: rule.cloned(),
            probe: was.probe,
        })
    }

    /// Takes in what a file says. The first to be taken in under a number stays.
    pub(super) fn learn(&self, number: u32, origin: Origin) {
        let mut numbered = self.write();
        if !numbered.by_number.contains_key(&number) {
            numbered.insert(number, Arc::new(origin));
        }
    }

    /// A number that a file gives to an origin which does not read: it is nobody else's.
    pub(super) fn skip(&self, number: u32) {
        let mut numbered = self.write();
        numbered.next = numbered.next.max(number.saturating_add(1));
    }

    /// The origin behind a number.
    pub(super) fn get(&self, number: u32) -> Option<Arc<Origin>> {
        self.read().by_number.get(&number).cloned()
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        let numbered = self.read();
        assert!(numbered.by_grant.len() <= numbered.by_number.len());
        numbered.by_number.len()
    }

    /// The numbers that nobody holds and that are not among `named`.
    pub(super) fn unused(&self, named: &RoaringBitmap) -> RoaringBitmap {
        let numbered = self.read();
        let unused = numbered
            .by_number
            .iter()
            .filter(|(number, origin)| Arc::strong_count(origin) == 1 && !named.contains(**number));
        unused.map(|(number, _)| *number).collect()
    }

    /// Lets go of an origin unless somebody holds it. True: it is gone.
    pub(super) fn forget(&self, number: u32) -> bool {
        let mut numbered = self.write();
        // Whoever asks for its number waits for this lock.
        match numbered.by_number.get(&number) {
            Some(origin) if Arc::strong_count(origin) == 1 => {
                numbered.remove(number);
                true
            }
            _ => false,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Numbered> {
        self.0.read().expect("nothing panics under this lock")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Numbered> {
        self.0.write().expect("nothing panics under this lock")
    }
}

impl Numbered {
    fn find(
        &self,
        grant: GrantId,
        to: &Destination,
        rule: Option<&Arc<Matched>>,
    ) -> Option<NumberedOrigin> {
        let rule = rule.map(|rule| rule.id);
        let numbers = self.by_grant.get(&(grant, rule))?;
        numbers.iter().find_map(|number| {
            let origin = &self.by_number[number];
            (origin.to == *to).then(|| NumberedOrigin {
                number: *number,
                _held: origin.clone(),
            })
        })
    }

    fn add(&mut self, origin: Origin) -> NumberedOrigin {
        let (number, origin) = (self.next, Arc::new(origin));
        self.insert(number, origin.clone());
        NumberedOrigin {
            number,
            _held: origin,
        }
    }

    fn insert(&mut self, number: u32, origin: Arc<Origin>) {
        let rule = origin.rule.as_ref().map(|rule| rule.id);
        let numbers = self.by_grant.entry((origin.grant, rule)).or_default();
        numbers.push(number);
        self.by_number.insert(number, origin);
        self.next = self.next.max(number + 1);
    }

    fn remove(&mut self, number: u32) {
        let Some(origin) = self.by_number.remove(&number) else {
            return;
        };
        let key = (origin.grant, origin.rule.as_ref().map(|rule| rule.id));
        if let Some(numbers) = self.by_grant.get_mut(&key) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_grant.remove(&key);
            }
        }
    }
}
