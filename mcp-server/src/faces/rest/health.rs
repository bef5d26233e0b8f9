//! Whether the process lives, and whether it takes messages.

use std::sync::{Arc, atomic::Ordering};

use axum::{extract::State, http::StatusCode};

use super::problem::Problem;
use crate::{house::House, refusal::Refusal};

/// The process lives.
pub(super) async fn alive() -> &'static str {
    "ok"
}

/// The store takes messages, or why it does not.
pub(super) async fn ready(
    State(house): State<Arc<House>>,
) -> Result<(StatusCode, &'static str), Problem> {
    if house.leaving.load(Ordering::Relaxed) {
        return Err(Refusal::Unavailable("the server is stopping".to_owned()).into());
    }
    house.store.ready().map_err(Refusal::from)?;
    if let Some(why) = house.store.no_room() {
        return Err(Refusal::NoRoom(why).into());
    }
    Ok((StatusCode::OK, "ready"))
}
