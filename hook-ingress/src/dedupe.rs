//! The id that a provider gives one delivery and repeats when it tries again.
//!
//! Never the body: two like bodies may be two events.

use doorbell_core::message::DedupeId;
use http::{HeaderMap, HeaderValue};

/// The headers that carry such an id, in the order in which they count.
const HEADERS: [&str; 9] = [
    "webhook-id",
    "svix-id",
    "x-github-delivery",
    "idempotency-key",
    "linear-delivery",
    "x-shopify-event-id",
    "shopify-webhook-id",
    "x-atlassian-webhook-identifier",
    "x-request-uuid",
];

/// Where it is there, an MCP Events sender's `webhook-id` is only unique within it.
const SUBSCRIPTION: &str = "x-mcp-subscription-id";

/// The pair that comes last: an id is only unique within its source (CloudEvents 1.0).
const SOURCE: &str = "ce-source";
const ID: &str = "ce-id";

/// A longer value is no id.
const MAX_VALUE: usize = 255;

/// The provider's id of this delivery, if it sent one.
pub fn dedupe_id(headers: &HeaderMap) -> Option<DedupeId> {
    // One pass over the names is cheaper than ten look-ups.
    let mut best: Option<(usize, &HeaderValue)> = None;
    let (mut source, mut id, mut subscription) = (None, None, None);
    for (name, value) in headers {
        if value.is_empty() || value.len() > MAX_VALUE {
            continue;
        }
        match name.as_str() {
            SOURCE => _ = source.get_or_insert(value),
            ID => _ = id.get_or_insert(value),
            SUBSCRIPTION => _ = subscription.get_or_insert(value),
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
    match (best, subscription) {
        (Some((0, value)), Some(subscription)) => {
            let id = pair(subscription, value);
            Some(DedupeId::new("x-mcp-subscription-id webhook-id", &id))
        }
        (Some((rank, value)), _) => Some(DedupeId::new(HEADERS[rank], value.as_bytes())),
        (None, _) => Some(DedupeId::new("ce-source ce-id", &pair(source?, id?))),
    }
}

/// Both values; the first's length before it, so that no other pair reads the same.
fn pair(within: &HeaderValue, id: &HeaderValue) -> Vec<u8> {
    let mut pair = vec![u8::try_from(within.len()).expect("a value over 255 bytes was passed by")];
    pair.extend_from_slice(within.as_bytes());
    pair.extend_from_slice(id.as_bytes());
    pair
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
    fn an_mcp_events_id_is_known_within_its_subscription() {
        let plain = id(&[("webhook-id", "w")]);
        let one = id(&[("webhook-id", "w"), ("x-mcp-subscription-id", "s1")]);
        let other = id(&[("x-mcp-subscription-id", "s2"), ("webhook-id", "w")]);
        assert!(plain.is_some() && one.is_some() && other.is_some());
        assert!(plain != one && one != other && plain != other);
        assert_ne!(
            one,
            id(&[("webhook-id", "1w"), ("x-mcp-subscription-id", "s")])
        );
        // It is no id of a delivery, and belongs to this header's alone.
        assert_eq!(id(&[("x-mcp-subscription-id", "s1")]), None);
        assert_eq!(
            id(&[("svix-id", "w"), ("x-mcp-subscription-id", "s1")]),
            Some(DedupeId::new("svix-id", b"w"))
        );
        assert_eq!(
            plain,
            id(&[("webhook-id", "w"), ("x-mcp-subscription-id", "")])
        );
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
