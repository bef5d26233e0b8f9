//! A request as bytes: everything but the body, which follows it verbatim.

use std::net::IpAddr;

use doorbell_core::message::{Head, Headers};

use super::codec::{In, Out, Unreadable};

/// Writes a request down, less its body.
pub(super) fn encode_head(head: &Head) -> Vec<u8> {
    let guess = 64
        + head.query.len()
        + head
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4)
            .sum::<usize>();
    let mut out = Out(Vec::with_capacity(guess));
    out.text(&head.method);
    out.text(&head.query);
    match head.peer {
        None => out.u8(0),
        Some(IpAddr::V4(peer)) => {
            out.u8(4);
            out.0.extend_from_slice(&peer.octets());
        }
        Some(IpAddr::V6(peer)) => {
            out.u8(6);
            out.0.extend_from_slice(&peer.octets());
        }
    }
    out.maybe_text(head.from.as_deref());
    out.len(head.headers.iter().len());
    for (name, value) in head.headers.iter() {
        out.text(name);
        out.text(value);
    }
    out.0
}

/// Reads it back.
pub(super) fn decode_head(bytes: &[u8]) -> Result<Head, Unreadable> {
    let mut from = In(bytes);
    let method = from.text()?.to_owned();
    let query = from.text()?.to_owned();
    let peer = match from.u8()? {
        0 => None,
        4 => Some(IpAddr::from(from.array::<4>()?)),
        6 => Some(IpAddr::from(from.array::<16>()?)),
        _ => return Err(Unreadable),
    };
    let claimed = from.maybe_text()?.map(str::to_owned);
    let count = from.len()?;
    let mut headers = Headers::with_capacity(count.min(1024), from.0.len());
    for _ in 0..count {
        let name = from.text()?;
        headers.push(name, from.text()?);
    }
    from.end()?;
    Ok(Head {
        method,
        query,
        peer,
        headers: headers.in_order(),
        from: claimed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_back_as_it_was_written() {
        for peer in [
            None,
            Some("10.1.2.3".parse().unwrap()),
            Some("::1".parse().unwrap()),
        ] {
            let head = Head {
                method: "POST".into(),
                query: "a=1&b=\u{e9}".into(),
                peer,
                headers: Headers::from_pairs(vec![
                    ("x-long".into(), "v".repeat(70_000)),
                    ("x-empty".into(), String::new()),
                ]),
                from: Some("ann".into()),
            };
            let bytes = encode_head(&head);
            assert_eq!(decode_head(&bytes), Ok(head));
            assert_eq!(decode_head(&bytes[..bytes.len() - 1]), Err(Unreadable));
        }
    }
}
