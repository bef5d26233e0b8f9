//! Channels, sessions and the keys that sign.

use axum::extract::Path;
use axum::http::StatusCode;
use doorbell_core::{grant::GrantId, label::SessionId};

use super::ask::{Answer, At, Body, Reply, created, named, ok};
use crate::{
    desk::Desk,
    wire::{
        ChannelList, ExposeChannel, ExposedChannel, OpenSession, RotateSigningKey, SessionEntry,
        SessionList, SigningKeyRotated,
    },
};

pub(super) async fn expose(At(desk): At, Body(ask): Body<ExposeChannel>) -> Answer<ExposedChannel> {
    created(desk.expose_channel(ask).await?)
}

pub(super) async fn list(At(desk): At) -> Answer<ChannelList> {
    ok(desk.list_channels().await?)
}

pub(super) async fn revoke(At(desk): At, Path(id): Path<String>) -> Answer<ChannelList> {
    ok(desk
        .revoke_channel(named::<GrantId>("channel grant", &id)?)
        .await?)
}

/// 201 where it is new, 200 where it stood already.
pub(super) async fn open_session(
    At(desk): At,
    Body(ask): Body<OpenSession>,
) -> Answer<SessionEntry> {
    let (session, new) = desk.make_session(ask).await?;
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(Reply(status, session))
}

pub(super) async fn list_sessions(At(desk): At) -> Answer<SessionList> {
    ok(desk.list_sessions().await?)
}

pub(super) async fn end_session(At(desk): At, Path(id): Path<String>) -> Answer<SessionEntry> {
    ok(desk
        .end_session(named::<SessionId>("session", &id)?)
        .await?)
}

pub(super) async fn rotate(
    At(desk): At,
    Body(ask): Body<RotateSigningKey>,
) -> Answer<SigningKeyRotated> {
    created(desk.rotate_signing_key(ask).await?)
}
