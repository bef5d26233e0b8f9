//! Where what is said comes from.

use doorbell_core::message::MessageId;

/// Something said to the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A text to type and submit.
    Text {
        /// The message it came in.
        id: MessageId,
        /// As it came: nothing in it is trusted.
        text: String,
    },
    /// The session is over: nothing more is typed, and the program runs on.
    Ended,
}

/// What is said to a session, in order, each message once.
pub trait Source {
    /// The next thing said. May be dropped and called again without losing anything.
    fn next(&mut self) -> impl Future<Output = Said>;

    /// This message was typed, to its last byte. Does not wait.
    fn settled(&mut self, id: MessageId);
}
