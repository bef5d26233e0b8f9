//! Channel grants, sessions and signing keys: what a knock on a session is held against.

mod command;
mod decide;
mod known;
mod ports;
mod prune;
mod record;

pub(super) use command::ChannelCommand;
pub(super) use decide::Changed;
pub(super) use known::{ChannelChange, Known};
pub(super) use prune::past;
pub(super) use record::{Tables, grant_row, read, session_row, sessions_1, signing_row, upgrade};
