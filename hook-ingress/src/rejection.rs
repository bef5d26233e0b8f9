//! Every way to say no, and the only place where a status is chosen.
//!
//! A refusal stores nothing, says what to do, and never repeats what was sent: the path holds a
//! secret.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_body_util::Full;
use serde_json::json;

use crate::{body_clock::BodyPace, budget::Exhausted};

/// Every word that [`Rejection::code`] may say.
pub const CODES: [&str; 22] = [
    "invalid_token",
    "invalid_channel_token",
    "not_a_webhook",
    "no_session",
    "session_ended",
    "invalid_message",
    "idempotency_key_reused",
    "not_found",
    "method_not_allowed",
    "rate_limited",
    "headers_too_large",
    "body_too_large",
    "body_timeout",
    "body_incomplete",
    "overloaded",
    "not_stored",
    "storage_full",
    "bad_request",
    "uri_too_long",
    "unsupported_transfer_coding",
    "ambiguous_credentials",
    "too_many_connections",
];

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// A token that is malformed, unknown, expired or revoked: they read alike.
    Token,
    /// None at all.
    NoToken,
    /// None, where the query holds what looks like one.
    TokenInQuery,
    /// More than one `Authorization` where the token is looked for there.
    TwoCredentials,
    /// As [`Self::Token`], for a channel token.
    ChannelToken,
    /// A browser chat's token where webhooks are taken.
    WebToken,
    /// The channel's session does not exist, or is forgotten.
    NoSession,
    /// The channel's session has ended.
    SessionEnded,
    /// What was said to a channel breaks a rule; which.
    Knock(&'static str),
    /// The idempotency key came before, with another message.
    KeyReused,
    /// Nothing is served at this path.
    Path,
    /// Another method than those listed.
    Method(&'static [Method]),
    /// The token was used too often; it is let in again after this time.
    Rate(Duration),
    /// Too many headers, or too many bytes of them.
    Headers {
        /// How many are let in.
        count: usize,
        /// How many bytes of them.
        bytes: usize,
    },
    /// The body is longer than this many bytes.
    BodyTooLarge(usize),
    /// The body did not keep this pace.
    BodyTooSlow(BodyPace),
    /// The body's framing is broken, or its sender went away.
    BodyBroken,
    /// Too much is in flight.
    Overload,
    /// Too many connections are open, on the whole or of one peer.
    Connections(Exhausted),
    /// The store did not take it, or may not have.
    NotStored,
    /// The store has no room.
    Full,
    /// What was sent is not HTTP; which rule it breaks.
    NotHttp(&'static str),
    /// The request's target is too long.
    UriTooLong,
    /// The body is framed with a transfer coding other than chunked.
    TransferCoding,
}

impl Rejection {
    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Token | Self::NoToken | Self::TokenInQuery => StatusCode::UNAUTHORIZED,
            Self::ChannelToken => StatusCode::FORBIDDEN,
            Self::WebToken | Self::Path | Self::NoSession => StatusCode::NOT_FOUND,
            Self::SessionEnded => StatusCode::GONE,
            Self::Knock(_) => StatusCode::BAD_REQUEST,
            Self::KeyReused => StatusCode::CONFLICT,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Rate(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Headers { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::Overload | Self::Connections(_) | Self::NotStored | Self::Full => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::TwoCredentials | Self::NotHttp(_) => StatusCode::BAD_REQUEST,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::TransferCoding => StatusCode::NOT_IMPLEMENTED,
        }
    }

    /// A word for programs.
    pub fn code(&self) -> &'static str {
        CODES[self.place()]
    }

    /// Where its code stands among all: what counts refusals needs no look-up.
    pub(crate) fn place(&self) -> usize {
        match self {
            // Programs need not tell them apart: neither is a token that is let in.
            Self::Token | Self::NoToken | Self::TokenInQuery => 0,
            Self::ChannelToken => 1,
            Self::WebToken => 2,
            Self::NoSession => 3,
            Self::SessionEnded => 4,
            Self::Knock(_) => 5,
            Self::KeyReused => 6,
            Self::Path => 7,
            Self::Method(_) => 8,
            Self::Rate(_) => 9,
            Self::Headers { .. } => 10,
            Self::BodyTooLarge(_) => 11,
            Self::BodyTooSlow(_) => 12,
            Self::BodyBroken => 13,
            Self::Overload => 14,
            Self::NotStored => 15,
            Self::Full => 16,
            Self::NotHttp(_) => 17,
            Self::UriTooLong => 18,
            Self::TransferCoding => 19,
            Self::TwoCredentials => 20,
            Self::Connections(_) => 21,
        }
    }

    /// A sentence for people: what is wrong and what to do.
    pub fn message(&self) -> Cow<'static, str> {
        match self {
            Self::Token => "This webhook URL is not valid, has expired or was revoked. Issue a \
                            new one and paste it where this request comes from."
                .into(),
            Self::NoToken => "No token was sent. Post to the whole URL as it was issued, \
                              /hook/<token>, or to /hook with Authorization: Bearer <token>."
                .into(),
            Self::TokenInQuery => {
                "A token in the query is not taken, as proxies log queries. Send it \
                                   in the path, /hook/<token>, or to /hook as Authorization: \
                                   Bearer <token>."
                    .into()
            }
            Self::TwoCredentials => "There are two Authorization headers, and it is not clear \
                                     which is meant. Send one, or put the token in the path: \
                                     /hook/<token>."
                .into(),
            Self::ChannelToken => "This channel token is not valid, has expired or was revoked. \
                                   Expose the channel again and use the new one."
                .into(),
            Self::WebToken => "This token belongs to a browser chat and takes no webhooks. Issue \
                               a hook token for this source."
                .into(),
            Self::NoSession => {
                "There is no such session any more. Ask its agent for a new channel.".into()
            }
            Self::SessionEnded => "The session has ended, for good. Ask its agent for a new \
                                   channel."
                .into(),
            Self::Knock(rule) => format!(
                "{rule}. Send JSON: {{\"message\": \"…\", \"from\": \"…\", \
                 \"idempotency_key\": \"…\"}}, of which message alone is required."
            )
            .into(),
            Self::KeyReused => "This idempotency key came before with another message. Use a new \
                                key for a new message."
                .into(),
            Self::Path => "Nothing is served here. Webhooks go to /hook/<token>.".into(),
            Self::Method(allow) => {
                format!("This method is not taken. Use {}.", allowed(allow)).into()
            }
            Self::Rate(_) => "This token is used too often. Send again after the time in \
                              Retry-After."
                .into(),
            Self::Headers { count, bytes } => format!(
                "The request has more than {count} headers, or more than {bytes} bytes of them. \
                 Send fewer or shorter ones."
            )
            .into(),
            Self::BodyTooLarge(cap) => {
                format!("The body is over {cap} bytes. Send a smaller one, or a link to it.").into()
            }
            Self::BodyTooSlow(pace) => format!(
                "The body came too slowly: after its first {} seconds it is to bring {} bytes a \
                 second on average, and to end within {}. Send it again.",
                whole_seconds(pace.grace),
                pace.rate,
                whole_seconds(pace.time)
            )
            .into(),
            Self::BodyBroken => "The body ended too early or is not framed as HTTP says. Send it \
                                 again."
                .into(),
            Self::Overload => "Too much is arriving at once, and this was not stored. Send it \
                               again after the time in Retry-After."
                .into(),
            Self::Connections(Exhausted::Part) => {
                "Your address has too many connections open at once. Close some, or send several \
                 requests over one, and try again after the time in Retry-After."
            }
            .into(),
            Self::Connections(Exhausted::All) => {
                "Too many connections are open at once. Try again \
                                                  after the time in Retry-After."
                    .into()
            }
            Self::NotStored => "The message could not be stored just now. Send it again after \
                                the time in Retry-After."
                .into(),
            Self::Full => "There is no room to store the message: the disk is full, or what came \
                           through this URL takes its part of it. Send it again after the time in \
                           Retry-After; the operator has to make room, or the agent to settle what \
                           waits."
                .into(),
            Self::NotHttp(rule) => format!("{rule} Send the request as RFC 9112 has it.").into(),
            Self::UriTooLong => {
                "The request's target is too long. Send what is long in the body.".into()
            }
            Self::TransferCoding => "The body has a transfer coding that is not taken here. Send \
                                     it with Content-Length, or as Transfer-Encoding: chunked \
                                     alone; an encoding belongs into Content-Encoding."
                .into(),
        }
    }

    /// How long to stay away, where that is said.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rate(wait) => Some(*wait),
            Self::Overload | Self::Connections(_) => Some(Duration::from_secs(1)),
            Self::NotStored => Some(Duration::from_secs(5)),
            Self::Full => Some(Duration::from_secs(60)),
            _ => None,
        }
    }

    /// The answer. With `body_unread` the connection ends with it, because what the sender still
    /// sends would have to be read to get at its next request.
    pub fn respond(&self, body_unread: bool) -> Response<Full<Bytes>> {
        let body = json!({"error": {"code": self.code(), "message": self.message()}});
        let mut response = Response::new(Full::from(body.to_string()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if body_unread {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Self::Token | Self::NoToken | Self::TokenInQuery = self {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Self::Method(allow) = self {
            let allow = allowed(allow).try_into().expect("methods are printable");
            headers.insert(ALLOW, allow);
        }
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, whole_seconds(wait).into());
        }
        response
    }
}

/// As `Allow` lists methods.
pub(crate) fn allowed(methods: &[Method]) -> String {
    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
    names.join(", ")
}

/// Rounded up, and never 0: whoever waits so long has waited long enough.
fn whole_seconds(time: Duration) -> u64 {
    let up = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    up.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (59_999, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }

    #[test]
    fn every_429_and_503_says_when_to_come_back() {
        for no in [
            Rejection::Rate(Duration::ZERO),
            Rejection::Overload,
            Rejection::Connections(Exhausted::All),
            Rejection::Connections(Exhausted::Part),
            Rejection::NotStored,
            Rejection::Full,
        ] {
            let response = no.respond(false);
            assert!(matches!(response.status().as_u16(), 429 | 503), "{no:?}");
            assert!(response.headers().contains_key(RETRY_AFTER), "{no:?}");
        }
    }
}
