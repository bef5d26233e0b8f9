//! A request as bytes: everything but the body, which follows it verbatim.

use std::net::IpAddr;

use doorbell_core::message::{Head, Headers, MessageId};

use super::codec::{In, Out, Unreadable};

/// The field of the first message that came with the provider's id.
const REPEAT_OF: u8 = 1;
/// The field of the checksums of a long body's later chunks.
const CHECKS: u8 = 2;
/// The field of the names of headers whose values came as Latin-1.
const LATIN_1: u8 = 3;

/// How much of a body one checksum covers, in bytes: whoever reads less reads this much.
pub(super) const CHUNK: usize = 64 << 10;

/// What stands in front of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Front {
    pub(super) head: Head,
    /// The first message that came with the provider's id, if that had other content.
    pub(super) repeat_of: Option<MessageId>,
    /// Of the body's chunks, but for the first.
    pub(super) checks: Vec<u32>,
}

/// The checksum of a record: of what stands in front and of the body's first chunk.
pub(super) fn check(front: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(front);
    hasher.update(&body[..body.len().min(CHUNK)]);
    hasher.finalize()
}

/// How much of a body has to be read so that what is shown of it can be checked.
pub(super) fn to_read(body_len: usize, shown: usize) -> usize {
    shown.max(1).next_multiple_of(CHUNK).min(body_len)
}

/// Whether a record's front and the beginning of its body, as far as it was read, are what was
/// written. One of format 1 cannot be checked.
pub(super) fn is_whole(check: Option<u32>, front: &[u8], checks: &[u32], body: &[u8]) -> bool {
    let Some(expected) = check else { return true };
    let mut later = body.chunks(CHUNK).skip(1).zip(checks);
    self::check(front, body) == expected
        && later.all(|(chunk, check)| crc32fast::hash(chunk) == *check)
}

/// Writes a request down, less its body.
pub(super) fn encode_front(head: &Head, body: &[u8]) -> Vec<u8> {
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
    if head.headers.latin_1().next().is_some() {
        out.field(LATIN_1, |out| {
            for name in head.headers.latin_1() {
                out.text(name);
            }
        });
    }
    if body.len() > CHUNK {
        out.field(CHECKS, |out| {
            for chunk in body.chunks(CHUNK).skip(1) {
                let check = crc32fast::hash(chunk);
                out.0.extend_from_slice(&check.to_le_bytes());
            }
        });
    }
    out.0
}

/// Adds which message was the first to come with the provider's id, or the one that a test repeats;
/// what is added last counts.
pub(super) fn add_repeat_of(front: &mut Vec<u8>, first: MessageId) {
    let mut out = Out(std::mem::take(front));
    out.field(REPEAT_OF, |out| out.u128(first.as_u128()));
    *front = out.0;
}

/// Reads it back.
pub(super) fn decode_front(bytes: &[u8]) -> Result<Front, Unreadable> {
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
    let mut before = None;
    for _ in 0..count {
        let name = from.text()?;
        // They were written in order, each name once.
        if before.is_some_and(|before| before >= name) {
            return Err(Unreadable);
        }
        before = Some(name);
        headers.push(name, from.text()?);
    }
    let mut front = Front {
        head: Head {
            method,
            query,
            peer,
            headers: headers.in_order(),
            from: claimed,
        },
        repeat_of: None,
        checks: Vec::new(),
    };
    from.fields(|tag, from| {
        match tag {
            REPEAT_OF => front.repeat_of = Some(MessageId::from_u128(from.u128()?)),
            CHECKS => {
                while from.end().is_err() {
                    front.checks.push(u32::from_le_bytes(from.array()?));
                }
            }
            LATIN_1 => {
                while from.end().is_err() {
                    front.head.headers.mark_latin_1(from.text()?);
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(front)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_head(peer: Option<IpAddr>) -> Head {
        let mut headers = Headers::with_capacity(4, 0);
        headers.push("x-long", &"v".repeat(70_000));
        headers.push("x-empty", "");
        headers.push("x-utf", "caf\u{e9}");
        headers.push_latin_1("x-latin", "caf\u{e9}");
        Head {
            method: "POST".into(),
            query: "a=1&b=\u{e9}".into(),
            peer,
            headers: headers.in_order(),
            from: Some("ann".into()),
        }
    }

    #[test]
    fn a_request_reads_back_as_it_was_written() {
        for peer in [
            None,
            Some("10.1.2.3".parse().unwrap()),
            Some("::1".parse().unwrap()),
        ] {
            let head = a_head(peer);
            let bytes = encode_front(&head, b"short");
            let front = decode_front(&bytes).unwrap();
            assert_eq!((front.head, front.repeat_of), (head, None));
            assert_eq!(decode_front(&bytes[..bytes.len() - 1]), Err(Unreadable));
        }
    }

    #[test]
    fn a_first_message_and_a_long_bodys_checks_read_back() {
        let body: Vec<u8> = (0..CHUNK * 2 + 1).map(|i| i as u8).collect();
        let mut bytes = encode_front(&a_head(None), &body);
        let first = MessageId::from_u128(7);
        add_repeat_of(&mut bytes, first);
        let front = decode_front(&bytes).unwrap();
        assert_eq!((front.repeat_of, front.checks.len()), (Some(first), 2));
        assert_eq!(front.checks[1], crc32fast::hash(&body[CHUNK * 2..]));
        assert_eq!(decode_front(&bytes[..bytes.len() - 1]), Err(Unreadable));
    }

    #[test]
    fn a_turned_bit_in_what_is_read_of_a_body_is_noticed_wherever_it_is_cut() {
        let body: Vec<u8> = (0..CHUNK * 2 + 100).map(|i| i as u8).collect();
        let front = encode_front(&a_head(None), &body);
        let checks = decode_front(&front).unwrap().checks;
        let whole = Some(check(&front, &body));
        for shown in [0, 1, CHUNK, CHUNK + 1, body.len()] {
            let mut read = body[..to_read(body.len(), shown)].to_vec();
            assert!(read.len() >= shown);
            assert!(is_whole(whole, &front, &checks, &read), "{shown}");
            for at in [0, shown.saturating_sub(1), read.len() - 1] {
                read[at] ^= 4;
                assert!(!is_whole(whole, &front, &checks, &read), "{at} of {shown}");
                assert!(is_whole(None, &front, &checks, &read), "nobody can know");
                read[at] ^= 4;
            }
            let mut bent = front.clone();
            bent[7] ^= 1;
            assert!(!is_whole(whole, &bent, &checks, &read));
        }
    }
}
