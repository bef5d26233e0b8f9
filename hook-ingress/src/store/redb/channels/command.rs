//! What the writer is asked about channels.

use std::sync::Arc;

use doorbell_core::{
    capability::SigningKey,
    channel::ChannelGrant,
    grant::GrantId,
    label::SessionId,
    ports::{MakeSession, StoreError},
    session::Session,
    time::Timestamp,
};

use crate::store::redb::command::Answer;

/// What the writer is asked about channels.
pub(in super::super) enum ChannelCommand {
    InsertGrant(ChannelGrant, Answer<Arc<ChannelGrant>>),
    RevokeGrant(GrantId, Timestamp, Answer<bool>),
    MakeSession(Session, Answer<MakeSession>),
    EndSession(SessionId, Timestamp, Answer<bool>),
    /// A new key; true: and no other.
    AddSigningKey(SigningKey, bool, Answer<()>),
}

impl ChannelCommand {
    /// Answers that the store is not ready.
    pub(in super::super) fn refuse(self, why: &StoreError) {
        // Nobody waits any more: that is not the store's business.
        match self {
            Self::InsertGrant(_, answer) => drop(answer.send(Err(why.clone()))),
            Self::RevokeGrant(_, _, answer) | Self::EndSession(_, _, answer) => {
                drop(answer.send(Err(why.clone())));
            }
            Self::MakeSession(_, answer) => drop(answer.send(Err(why.clone()))),
            Self::AddSigningKey(_, _, answer) => drop(answer.send(Err(why.clone()))),
        }
    }
}
