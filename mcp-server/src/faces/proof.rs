//! `GET /proof?nonce=…`: this server holds the operator's key of its data directory. Open to anyone:
//! the answer is of use only to who has the key.

use std::net::SocketAddr;

use axum::{
    Json, Router,
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;

use super::rest::Problem;
use crate::{
    caller::proof::{Nonce, ProofKey},
    refusal::Refusal,
};

/// What this server proves, and where it is.
#[derive(Clone, Debug)]
pub struct Prover {
    /// Made of the key in the data directory.
    pub key: ProofKey,
    /// Where the control listener listens.
    pub address: SocketAddr,
}

#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    nonce: String,
}

/// The endpoint.
pub fn proof(prover: Prover) -> Router {
    Router::new().route("/proof", get(prove)).with_state(prover)
}

async fn prove(State(prover): State<Prover>, question: Query<Question>) -> Response {
    let Some(nonce) = Nonce::parse(&question.nonce) else {
        let rule = "64 hexadecimal digits that were never asked before";
        return Problem(Refusal::invalid("nonce", rule)).into_response();
    };
    let proof = prover.key.prove(&nonce, prover.address);
    ([(header::CACHE_CONTROL, "no-store")], Json(proof)).into_response()
}
