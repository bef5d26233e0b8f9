//! Sessions that nobody named end with their last attachment.

use std::{sync::Arc, time::Duration};

use doorbell_core::{
    acl::{UseSession, authorize},
    address::{Inbox, SessionRef},
    ports::Ring,
    principal::Principal,
};
use doorbell_ingress::Presence;

use crate::house::House;

/// How long a consumer whose connection broke has to come back.
const GRACE: Duration = Duration::from_secs(5);
/// How long it has after the server was started anew. An agent that reads its session itself is no
/// attachment and may live on: its channels must not die under it.
const AFTER_START: Duration = Duration::from_secs(24 * 3600);

/// Ends unnamed sessions as they are left, until the server stops: then it is the server that
/// leaves, and they may come back.
pub(super) async fn end_unnamed_sessions(house: Arc<House>) {
    let Some(mut leaving) = house.switchboard.leaving() else {
        return;
    };
    let everyone = authorize(&Principal::Operator, doorbell_core::acl::ManageGrants);
    if let Ok(permit) = everyone {
        for session in house.store.list_sessions(&permit.scope()) {
            tokio::spawn(end_if_left(
                Arc::clone(&house),
                session.reference(),
                AFTER_START,
            ));
        }
    }
    while let Some(session) = leaving.recv().await {
        tokio::spawn(end_if_left(Arc::clone(&house), session, GRACE));
    }
}

async fn end_if_left(house: Arc<House>, this: SessionRef, grace: Duration) {
    let unnamed = |house: &House| {
        house
            .store
            .session_of(&this)
            .filter(|session| !session.named && session.ended_at.is_none())
    };
    if unnamed(&house).is_none() {
        return;
    }
    tokio::time::sleep(grace).await;
    let Some(session) = unnamed(&house) else {
        return;
    };
    if house.switchboard.is_live(&this) || *house.draining.borrow() {
        return;
    }
    let owner = Principal::Agent(session.folder.clone());
    let Ok(permit) = authorize(
        &owner,
        UseSession {
            folder: session.folder.clone(),
        },
    ) else {
        return;
    };
    match house.registry.end_session(&permit, this.id.clone()).await {
        Ok(_) => {
            tracing::info!(session = %this, "session ended with its last attachment");
            house.switchboard.ring(&Inbox::Session(this), &[]);
        }
        Err(error) => {
            tracing::warn!(session = %this, %error, "a session that was left did not end")
        }
    }
}
