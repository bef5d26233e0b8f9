//! Rows: requests, entries, events, origins.

use crate::store::redb::{
    codec::{In, seal},
    entry::{ENTRY_LEN, Entry},
    events::{Event, decode_row},
    origin::Origin,
    record::{CHUNK, check, decode_front, encode_front},
    segment::Layout,
};

/// What is read is written so that it reads alike, and nothing is read beyond what is there.
pub(crate) fn record(data: &[u8]) {
    if let Ok(front) = decode_front(data) {
        let again = decode_front(&encode_front(&front.head, &[])).expect("it was just written");
        assert_eq!(again.head, front.head);
        assert!(front.checks.len() * 4 <= data.len());
        assert_eq!(
            check(data, data),
            check(data, &data[..data.len().min(CHUNK)])
        );
    }
    // No one guesses a checksum: here it is the right one.
    let sealed = seal(&7_u32.to_be_bytes(), data);
    for (layout, origin) in [(Layout::V1, data), (Layout::V2, &sealed)] {
        if let Ok(origin) = Origin::decode(layout, 7, origin) {
            let again = Origin::decode(Layout::V2, 7, &origin.encode(7));
            assert_eq!(again.expect("it was just written"), origin);
        }
        same_entry(Entry::decode(layout, data).ok());
        let mut count = 0;
        for event in decode_row(layout, 1, data) {
            same_event(event.ok().map(|(_, event)| event));
            count += 1;
        }
        assert!(count <= data.len());
    }
    let mut entry = data.to_vec();
    entry.resize(ENTRY_LEN - 4, 0);
    entry.extend_from_slice(&crc32fast::hash(&entry).to_le_bytes());
    same_entry(Entry::decode(Layout::V2, &entry).ok());
    if let Ok(len) = u8::try_from(data.len() + 4).map(|len| len & 0x7f)
        && usize::from(len) == data.len() + 4
    {
        let check = crc32fast::hash(data).to_le_bytes();
        let event = [&[len], data, &check].concat();
        same_event(Event::decode(Layout::V2, &mut In(&event)).ok());
    }
}

fn same_entry(entry: Option<Entry>) {
    if let Some(entry) = entry {
        let mut written = Vec::new();
        entry.encode(&mut written);
        let again = Entry::decode(Layout::V2, &written).expect("it was just written");
        // Without an id there is nothing that it came with.
        assert_eq!(again, entry);
    }
}

fn same_event(event: Option<Event>) {
    if let Some(event) = event {
        let mut written = Vec::new();
        event.encode(&mut written);
        let mut from = In(&written);
        let again = Event::decode(Layout::V2, &mut from).expect("it was just written");
        assert_eq!(again, event);
        from.end().expect("nothing is left of it");
    }
}
