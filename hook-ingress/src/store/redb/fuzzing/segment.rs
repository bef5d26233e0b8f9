//! A file of the chain: what is written to it is read from it, and rows of any content are read
//! without harm.

use ::redb::{Builder, Database, ReadableDatabase, backends::InMemoryBackend};
use doorbell_core::fuzzing::take;

use crate::store::redb::{
    schema::{BODIES, CARRIED, HEADS},
    segment::{Layout, Records, View},
    stream::Tail,
};

/// The most bytes that an input has written.
const MOST: usize = 256 << 10;
/// The most rows that an input makes.
const MOST_ROWS: usize = 64;

/// A list of batches, an empty one, and rows.
pub(crate) fn segment(data: &[u8]) {
    let mut rest = data;
    let db = Builder::new()
        .set_cache_size(1 << 20)
        .create_with_backend(InMemoryBackend::new())
        .expect("it is in memory");
    let written = write(&db, &mut rest);
    let view = |layout| View::of(db.begin_read().expect("it is in memory"), layout);
    let mut records = Records::open(&view(Layout::V2)).expect("its tables are there");
    let read = records
        .bytes(0, written.len())
        .expect("it was just written");
    assert!(
        read == written,
        "a record reads otherwise than it was written"
    );
    if !written.is_empty() {
        let at = data.len() % written.len();
        let some = records.bytes(at as u64, written.len() - at);
        assert!(some.expect("it was just written") == written[at..]);
    }
    assert!(records.bytes(written.len() as u64, 1).is_err());

    let numbers = put_rows(&db, rest);
    for layout in [Layout::V1, Layout::V2] {
        let view = view(layout);
        let mut records = Records::open(&view).expect("its tables are there");
        for number in &numbers {
            for seq in [*number, number.saturating_add(1), u64::MAX] {
                // What is damaged is said to be.
                let _ = records.entry(seq);
                let _ = records
                    .bytes(seq, 10_000)
                    .map(|bytes| assert_eq!(bytes.len(), 10_000));
            }
        }
    }
}

/// Pushes records, each with its length and whether a batch ends behind it, and gives all bytes.
fn write(db: &Database, rest: &mut &[u8]) -> Vec<u8> {
    let txn = db.begin_write().expect("it is in memory");
    let mut all = Vec::new();
    {
        txn.open_table(HEADS).expect("it is in memory");
        txn.open_table(CARRIED).expect("it is in memory");
        let mut bodies = txn.open_table(BODIES).expect("it is in memory");
        let mut tail = Tail::default();
        loop {
            let [low, high, how] = take(rest);
            let len =
                (usize::from(u16::from_le_bytes([low, high])) << (how & 3)).min(MOST - all.len());
            if len == 0 {
                break;
            }
            let from = all.len();
            all.extend((from..from + len).map(|at| (at * 31 + at / 251) as u8));
            tail.push(&mut bodies, &all[from..])
                .expect("it is in memory");
            if how & 4 != 0 {
                tail.flush(&mut bodies).expect("it is in memory");
            }
            assert_eq!(tail.end(), all.len() as u64);
        }
        tail.flush(&mut bodies).expect("it is in memory");
    }
    txn.commit().expect("it is in memory");
    all
}

/// Rows of any content: a table, a key, a length, so many bytes.
fn put_rows(db: &Database, mut rest: &[u8]) -> Vec<u64> {
    let txn = db.begin_write().expect("it is in memory");
    let mut numbers = Vec::new();
    while !rest.is_empty() && numbers.len() < MOST_ROWS {
        let [table, low, high, times] = take(&mut rest);
        let key = match table & 0x80 {
            0 => u64::from(u16::from_le_bytes([low, high])),
            _ => u64::MAX - u64::from(low),
        };
        let row: [u8; 32] = take(&mut rest);
        let row = row.repeat(usize::from(times));
        let table = [HEADS, BODIES, CARRIED][usize::from(table & 0x7f) % 3];
        let mut table = txn.open_table(table).expect("it is in memory");
        table.insert(key, &row[..]).expect("it is in memory");
        numbers.push(key);
    }
    txn.commit().expect("it is in memory");
    numbers
}
