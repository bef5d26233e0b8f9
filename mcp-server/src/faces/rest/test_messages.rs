//! Test messages.

use aide::axum::{ApiRouter, routing::post_with};

use super::{
    ask::{Answer, At, Body, ok},
    describe::{Routes, says},
};
use crate::wire::{SendTest, TestSent};

pub(super) fn routes() -> Routes {
    ApiRouter::new().api_route(
        "/v1/test_messages",
        post_with(
            send,
            says(
                "send_test_message",
                "Messages",
                "Send a message through a webhook as a sender would, marked as a test",
            ),
        ),
    )
}

async fn send(At(desk): At, Body(ask): Body<SendTest>) -> Answer<TestSent> {
    ok(desk.send_test(ask).await?)
}
