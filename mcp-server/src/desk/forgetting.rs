//! What was only tried out goes without a trace: nothing that came through it is pending any more.
//! That it is not shown is the store's part.

use std::time::Duration;

use doorbell_core::{
    acl::{ManageGrants, UseMessages, UseSession, authorize},
    address::Inbox,
    grant::{Grant, PROBE_TTL},
    message::{Cursor, Receiver},
    ports::{Order, ReadRequest, SettleRequest, Settlement},
    principal::Principal,
};

use super::Answer;
use crate::house::House;

/// How many messages are settled at once.
const AT_ONCE: usize = 100;
/// How long after its end something is looked after: what was leased or rested then is back.
const LOOKED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Settles what is left of what was tried out and is over, and ends its sessions.
pub async fn probes(house: &House) -> Answer<()> {
    let now = house.clock.now();
    let scope = authorize(&Principal::Operator, ManageGrants)?.scope();
    let since = now.minus(LOOKED_AFTER + PROBE_TTL);
    for entry in house.store.list_grants(&scope) {
        let grant = &entry.grant;
        let used = entry.last_used_at.is_some();
        if used && grant.is_forgotten(now) && grant.created_at >= since {
            settle(house, grant).await?;
        }
    }
    for session in house.store.list_sessions(&scope) {
        if session.is_forgotten(now) && session.ended_at.is_none() {
            let folder = session.folder.clone();
            let permit = authorize(&Principal::Operator, UseSession { folder })?;
            let ended = house.registry.end_session(&permit, session.id.clone());
            ended.await?;
        }
    }
    Ok(())
}

/// Settles what is ready of a grant's messages. Others may have come to the same address, through a
/// grant that stays.
async fn settle(house: &House, grant: &Grant) -> Answer<()> {
    let scope = authorize(&Principal::Operator, UseMessages)?.scope();
    let (inbox, pattern) = (
        Inbox::Folder(grant.target_folder.clone()),
        grant.jid().as_str().parse().ok(),
    );
    let now = house.clock.now();
    let mut place = Cursor(0);
    loop {
        let ready = (house.store).peek(&inbox, pattern.as_ref(), place, AT_ONCE, now);
        let mut ids = Vec::new();
        for at in &ready {
            // As it stood before it was forgotten.
            let request = ReadRequest {
                scope: scope.clone(),
                within: None,
                pattern: pattern.clone(),
                state: None,
                since: None,
                until: None,
                cursor: Some(Cursor(at.0.saturating_sub(1))),
                order: Order::OldestFirst,
                limit: 1,
                body_limit: 0,
                budget: usize::MAX,
                now: (grant.ends_at()).map_or(now, |end| end.minus(Duration::from_millis(1))),
            };
            let page = house.store.read(request).await?;
            let found = page.messages.into_iter();
            let own = found.filter(|message| message.cursor == *at && message.grant == grant.id);
            ids.extend(own.map(|message| message.id));
        }
        let Some(last) = ready.last() else {
            return Ok(());
        };
        place = *last;
        if !ids.is_empty() {
            let request = SettleRequest {
                ids,
                how: Settlement::Ack,
                receiver: Receiver::named(&[0; 16], "probe"),
                scope: scope.clone(),
                now,
            };
            house.store.settle(request).await?;
            house.switchboard.settled();
        }
    }
}
