//! From a request to what is stored of it. Nothing here waits or looks anything up.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use bytes::Bytes;
use doorbell_core::{
    grant::Grant,
    message::{Arrival, Head, Headers, Kind, MessageId, Mode},
    route::Outcome,
    time::Timestamp,
};
use http::{
    HeaderMap, HeaderName,
    header::{AUTHORIZATION, COOKIE},
    request,
};

use crate::{
    dedupe::dedupe_id,
    redact::{authorization_holds_token, redact, redact_value, without_session},
};

/// What is kept of a request's head: our own secrets are cut out of it.
pub fn head(request: &request::Parts, peer: Option<IpAddr>) -> Head {
    let query = request.uri.query().unwrap_or_default();
    Head {
        method: request.method.as_str().to_owned(),
        query: text(&redact(query.as_bytes())).into_owned(),
        peer,
        headers: headers(&request.headers),
        from: None,
    }
}

/// Puts a message together. Context and sender are the grant's, by way of the grant itself.
pub fn seal(
    grant: Arc<Grant>,
    request: &request::Parts,
    head: Head,
    body: Bytes,
    outcome: Outcome,
    received_at: Timestamp,
) -> Arrival {
    Arrival {
        via: grant.into(),
        to: outcome.to,
        rule: outcome.rule,
        kind: Kind::Hook,
        mode: outcome.mode,
        received_at,
        head,
        body,
        dedupe: dedupe_id(&request.headers),
        test: false,
        repeat_of: None,
    }
}

/// The same as a handshake, which goes where its message would have gone, this loudly. Each is
/// answered, so none repeats another.
pub fn handshake(arrival: Arrival, mode: Mode) -> Arrival {
    Arrival {
        kind: Kind::Handshake,
        mode,
        dedupe: None,
        ..arrival
    }
}

/// The same as a test of somebody's of ours; of the content of a message, if it says so.
pub fn test(arrival: Arrival, repeat_of: Option<MessageId>) -> Arrival {
    Arrival {
        test: true,
        repeat_of,
        dedupe: arrival.dedupe.filter(|_| repeat_of.is_none()),
        ..arrival
    }
}

/// The same, routed anew; how loud a handshake is hangs on no route.
pub fn rerouted(arrival: Arrival, outcome: Outcome) -> Arrival {
    Arrival {
        to: outcome.to,
        rule: outcome.rule,
        mode: match arrival.kind {
            Kind::Handshake => arrival.mode,
            Kind::Hook | Kind::Web | Kind::Channel => outcome.mode,
        },
        ..arrival
    }
}

/// Lower-case names, each once, repeats joined in order.
fn headers(map: &HeaderMap) -> Headers {
    let bytes = map
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 2)
        .sum();
    let mut headers = Headers::with_capacity(map.keys_len(), bytes);
    // The values of one name follow each other, whatever stood between them on the wire.
    for (name, value) in map {
        if let Some(value) = kept(name, value.as_bytes()) {
            match text(&value) {
                Cow::Borrowed(text) => headers.push(name.as_str(), text),
                Cow::Owned(text) => headers.push_latin_1(name.as_str(), &text),
            }
        }
    }
    headers.in_order()
}

/// What is kept of one header's value, if anything.
fn kept<'a>(name: &HeaderName, value: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    if name == AUTHORIZATION {
        return (!authorization_holds_token(value)).then_some(Cow::Borrowed(value));
    }
    if name == COOKIE {
        let rest = without_session(value)?;
        return Some(Cow::Owned(redact(&rest).into_owned()));
    }
    Some(redact_value(value))
}

/// Bytes as text, borrowed; those that are not UTF-8 are read as Latin-1.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn map(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_bytes(value).expect("legal"),
                )
            })
            .fold(HeaderMap::new(), |mut map, (name, value)| {
                map.append(name, value);
                map
            })
    }

    #[test]
    fn repeats_are_joined_in_order_even_when_others_stand_between() {
        let headers = headers(&map(&[
            ("x-b", b"1"),
            ("x-a", b"z"),
            ("x-b", b"2"),
            ("x-b", b""),
        ]));
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(all, [("x-a", "z"), ("x-b", "1, 2, ")]);
    }

    #[test]
    fn utf_8_stays_and_anything_else_reads_as_latin_1() {
        let headers = headers(&map(&[("x-utf", "é".as_bytes()), ("x-latin", b"caf\xe9")]));
        assert_eq!(headers.get("x-utf"), Some("é"));
        assert_eq!(headers.get("x-latin"), Some("café"));
        assert_eq!(headers.latin_1().collect::<Vec<_>>(), ["x-latin"]);
    }

    #[test]
    fn anothers_authorization_and_cookies_come_through() {
        let headers = headers(&map(&[
            ("authorization", b"Bearer shared-with-the-sender"),
            ("cookie", b"a=1; doorbell_session=s"),
        ]));
        assert_eq!(
            headers.get("authorization"),
            Some("Bearer shared-with-the-sender")
        );
        assert_eq!(headers.get("cookie"), Some("a=1"));
    }
}
