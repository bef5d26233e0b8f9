//! What the writer is asked, and how it answers.

use std::sync::{Arc, mpsc};

use ::redb::ReadTransaction;
use bytes::Bytes;
use doorbell_core::{
    address::SessionRef,
    browser::BrowserSession,
    grant::{Grant, GrantId},
    key::{ApiKey, KeyId},
    message::{Kind, MessageId, Mode, Receiver, RouteId, Via},
    ports::{InsertGrantError, LeaseRequest, Put, SetRuleError, Settlement, StoreError},
    route::{NewRule, Rule},
    time::Timestamp,
    token::TokenHash,
};
use roaring::RoaringBitmap;
use tokio::sync::oneshot;

use super::{
    backup::Snapshot,
    channels::ChannelCommand,
    control::Change,
    decide::{Picked, Target},
    entry::Dedupe,
    origin::NumberedOrigin,
    reroute::{Replayable, Reroute},
    retention::{Carry, Farewell},
};

/// Where an answer goes.
pub(super) type Answer<T, E = StoreError> = oneshot::Sender<Result<T, E>>;

/// An arrival, written down as far as it can be before it has an id.
pub(super) struct PutCommand {
    /// As the caller knows it: it may be older than a revocation.
    pub(super) via: Via,
    /// The session it is for, if it is for one.
    pub(super) session: Option<SessionRef>,
    pub(super) origin: NumberedOrigin,
    pub(super) kind: Kind,
    pub(super) mode: Mode,
    pub(super) received_at: Timestamp,
    pub(super) head: Vec<u8>,
    pub(super) body: Bytes,
    /// The checksum of both.
    pub(super) check: u32,
    pub(super) test: bool,
    /// The provider's id and what came with it, mixed with the grant.
    pub(super) dedupe: Option<Dedupe>,
    pub(super) answer: Answer<Put>,
}

/// Messages to settle, and what the files know of each.
pub(super) struct SettleCommand {
    pub(super) targets: Vec<Option<Target>>,
    pub(super) how: Settlement,
    pub(super) receiver: Receiver,
    pub(super) now: Timestamp,
    pub(super) answer: Answer<Vec<bool>>,
}

/// What the writer is asked.
pub(super) enum Command {
    Put(Box<PutCommand>),
    Lease(Box<LeaseRequest>, Answer<Picked>),
    Settle(Box<SettleCommand>),
    Replay(Replayable, Timestamp, Answer<bool>),
    /// Those of them that nobody is to lease any more.
    ReplayMany(Vec<Option<Replayable>>, Timestamp, Answer<Vec<bool>>),
    /// Route anew what waits for a session that has ended: how many.
    Reroute(Box<Reroute>, Answer<usize>),
    /// Give up those that are damaged.
    Bury(Vec<MessageId>, Timestamp, Answer<()>),
    InsertGrant(
        Box<Grant>,
        TokenHash,
        Timestamp,
        Answer<Arc<Grant>, InsertGrantError>,
    ),
    RevokeGrants(Vec<GrantId>, Timestamp, Answer<Vec<GrantId>>),
    InsertKey(Box<ApiKey>, TokenHash, Answer<()>),
    RevokeKey(KeyId, Timestamp, Answer<bool>),
    KeepBrowser(Box<BrowserSession>, TokenHash, Answer<bool>),
    EndBrowser(TokenHash, Answer<bool>),
    Channel(Box<ChannelCommand>),
    SetRule(Box<NewRule>, Answer<Arc<Rule>, SetRuleError>),
    RemoveRule(RouteId, Answer<bool>),
    /// Write down the deaths of those whose last lease has ended: whether there are more.
    Expire(Timestamp, Answer<bool>),
    /// Let go of those of these origins that nothing names any more.
    ForgetOrigins(RoaringBitmap, Answer<()>),
    /// Seal the newest file although it is not full.
    Rotate(Answer<()>),
    /// Forget grants that nobody asks for, and the providers' ids of messages before this one, where
    /// that was found out.
    Prune(Option<u64>, Answer<()>),
    /// Write down or forget providers' ids that outlived their files.
    ChangeSeen(Vec<Change>, Answer<()>),
    /// The control file as it is between two turns.
    ReadControl(Answer<ReadTransaction>),
    /// Take pending messages over from a file that is to go.
    Carry(Box<Carry>, Answer<()>),
    /// Let a file go.
    Farewell(Box<Farewell>, Answer<bool>),
    /// A view of everything between two turns.
    Snapshot(mpsc::Sender<Result<Snapshot, StoreError>>),
    /// Write down what is not yet, and end.
    Close(Answer<()>),
}

impl Command {
    /// How many bytes of bodies it brings.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Put(put) => put.head.len() + put.body.len(),
            _ => 0,
        }
    }

    /// Answers that the store is not ready.
    pub(super) fn refuse(self, why: &StoreError) {
        // Nobody waits any more: that is not the store's business.
        match self {
            Self::Put(put) => drop(put.answer.send(Err(why.clone()))),
            Self::Lease(_, answer) => drop(answer.send(Err(why.clone()))),
            Self::Settle(settle) => drop(settle.answer.send(Err(why.clone()))),
            Self::Replay(_, _, answer)
            | Self::RevokeKey(_, _, answer)
            | Self::KeepBrowser(_, _, answer)
            | Self::EndBrowser(_, answer)
            | Self::RemoveRule(_, answer)
            | Self::Expire(_, answer) => {
                drop(answer.send(Err(why.clone())));
            }
            Self::Reroute(_, answer) => drop(answer.send(Err(why.clone()))),
            Self::ReplayMany(_, _, answer) => drop(answer.send(Err(why.clone()))),
            Self::ReadControl(answer) => drop(answer.send(Err(why.clone()))),
            Self::Prune(_, answer)
            | Self::ChangeSeen(_, answer)
            | Self::ForgetOrigins(_, answer) => {
                drop(answer.send(Err(why.clone())));
            }
            Self::Bury(_, _, answer) => drop(answer.send(Err(why.clone()))),
            Self::InsertGrant(_, _, _, answer) => drop(answer.send(Err(why.clone().into()))),
            Self::RevokeGrants(_, _, answer) => drop(answer.send(Err(why.clone()))),
            Self::InsertKey(_, _, answer) => drop(answer.send(Err(why.clone()))),
            Self::Channel(command) => command.refuse(why),
            Self::SetRule(_, answer) => drop(answer.send(Err(why.clone().into()))),
            Self::Carry(_, answer) => drop(answer.send(Err(why.clone()))),
            Self::Farewell(_, answer) => drop(answer.send(Err(why.clone()))),
            Self::Snapshot(answer) => drop(answer.send(Err(why.clone()))),
            Self::Close(answer) => drop(answer.send(Ok(()))),
            Self::Rotate(answer) => drop(answer.send(Err(why.clone()))),
        }
    }
}
