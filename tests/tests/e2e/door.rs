//! CONTRACT section 3, row by row.

mod answers;
mod browsers;
mod dedupe;
mod headers;
mod limits;
mod looks;
mod paths;
mod slow;

use e2e::http::Reply;

/// Fails unless this is a refusal as the contract words them: JSON that names itself, echoes no
/// token and comes with nothing that a store would have made.
#[track_caller]
fn refused(reply: Reply, status: u16, code: &str) -> Reply {
    let reply = reply.expect(status);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("x-message-id"), None);
    let document = reply.json();
    assert_eq!(document["error"]["code"], code, "{document}");
    let message = document["error"]["message"].as_str().expect("a sentence");
    assert!(message.len() > 20 && !message.contains("db"), "{message}");
    let members: Vec<_> = document.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["error"]);
    reply
}
