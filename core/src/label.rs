//! What a source is called, and what a session is called.

use crate::segment::segment_newtype;

segment_newtype! {
    /// The source's name, one segment: `github`.
    Label, "Label"
}

segment_newtype! {
    /// The optional last segment of a JID: `comments`.
    Suffix, "Suffix"
}

segment_newtype! {
    /// A session's id: one segment, unique in an instance.
    SessionId, "SessionId"
}
