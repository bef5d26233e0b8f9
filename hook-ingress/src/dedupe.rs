//! The id that a provider gives one delivery and repeats when it tries again.
//!
//! Never the body: two like bodies may be two events.

use doorbell_core::message::DedupeId;
use http::{HeaderMap, HeaderValue};

/// The headers that carry such an id, in the order in which they count.
const HEADERS: [&str; 8] = [
    "webhook-id",
    "svix-id",
    "x-github-delivery",
    "idempotency-key",
    "linear-delivery",
    "x-shopify-event-id",
    "x-atlassian-webhook-identifier",
    "x-request-uuid",
];

/// The pair that comes last: an id is only unique within its source (CloudEvents 1.0).
const SOURCE: &str = "ce-source";
const ID: &str = "ce-id";

/// A longer value is no id.
const MAX_VALUE: usize = 255;

/// The provider's id of this delivery, if it sent one.
pub fn dedupe_id(headers: &HeaderMap) -> Option<DedupeId> {
    // One pass over the names is cheaper than ten look-ups.
    let mut best: Option<(usize, &HeaderValue)> = None;
    let (mut source, mut id) = (None, None);
    for (name, value) in headers {
        if value.is_empty() || value.len() > MAX_VALUE {
            continue;
        }
        match name.as_str() {
            SOURCE => _ = source.get_or_insert(value),
            ID => _ = id.get_or_insert(value),
            name => {
                let rank = HEADERS.iter().position(|header| *header == name);
                if let Some(rank) = rank
                    && best.is_none_or(|(have, _)| rank < have)
                {
                    best = Some((rank, value));
                }
            }
        }
    }
    if let Some((rank, value)) = best {
        return Some(DedupeId::new(HEADERS[rank], value.as_bytes()));
    }
    let (source, id) = (source?, id?);
    // The source's length first, so that no other pair reads the same.
    let mut pair = vec![u8::try_from(source.len()).expect("a value over 255 bytes was passed by")];
    pair.extend_from_slice(source.as_bytes());
    pair.extend_from_slice(id.as_bytes());
    Some(DedupeId::new("ce-source ce-id", &pair))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn id(pairs: &[(&'static str, &str)]) -> Option<DedupeId> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::from_static(name),
                value.parse().expect("a header's value"),
            );
        }
        dedupe_id(&headers)
    }

    #[test]
    fn the_earlier_header_counts_whatever_the_order_on_the_wire() {
        for pair in HEADERS.windows(2) {
            let both = id(&[(pair[1], "later"), (pair[0], "earlier")]);
            assert_eq!(both, Some(DedupeId::new(pair[0], b"earlier")));
        }
        assert_eq!(id(&[("x-request-id", "1")]), None);
    }

    #[test]
    fn empty_and_overlong_values_do_not_count() {
        let long = "x".repeat(256);
        assert_eq!(
            id(&[
                ("webhook-id", &long),
                ("svix-id", ""),
                ("x-github-delivery", "g")
            ]),
            Some(DedupeId::new("x-github-delivery", b"g"))
        );
        assert!(id(&[("webhook-id", &long[1..])]).is_some());
    }

    #[test]
    fn a_cloud_event_is_known_by_source_and_id_together() {
        let one = id(&[("ce-source", "ab"), ("ce-id", "c")]);
        assert!(one.is_some());
        assert_ne!(one, id(&[("ce-source", "a"), ("ce-id", "bc")]));
        assert_eq!(id(&[("ce-id", "c")]), None);
        assert_eq!(id(&[("ce-source", "ab")]), None);
        assert_eq!(
            id(&[("ce-source", "ab"), ("ce-id", "c"), ("x-request-uuid", "r")]),
            Some(DedupeId::new("x-request-uuid", b"r"))
        );
    }
}
