//! A file that is read and never written: what redb writes when it opens and checks one is kept in
//! memory.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, MutexGuard},
};

use ::redb::StorageBackend;

const PAGE: u64 = 4096;

/// The file as it lies there, and what was written over it since.
#[derive(Debug)]
pub(super) struct Overlay {
    file: Box<dyn StorageBackend>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    len: u64,
    /// How much of the file itself may still be looked at.
    below: u64,
    pages: BTreeMap<u64, Box<[u8]>>,
}

impl Overlay {
    pub(super) fn over(file: Box<dyn StorageBackend>) -> io::Result<Self> {
        let len = file.len()?;
        let state = State {
            len,
            below: len,
            pages: BTreeMap::new(),
        };
        let state = Mutex::new(state);
        Ok(Self { file, state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under this lock")
    }

    /// A page as it is now.
    fn page(&self, state: &State, number: u64) -> io::Result<Box<[u8]>> {
        if let Some(page) = state.pages.get(&number) {
            return Ok(page.clone());
        }
        let mut page = vec![0; PAGE as usize];
        let start = number * PAGE;
        let there = state.below.saturating_sub(start).min(PAGE) as usize;
        if there > 0 {
            self.file.read(start, &mut page[..there])?;
        }
        Ok(page.into())
    }
}

/// The parts of a range that lie in one page each: the page, where in it, how many bytes.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let end = offset + len as u64;
    let mut at = offset;
    std::iter::from_fn(move || {
        (at < end).then(|| {
            let within = (at % PAGE) as usize;
            let bytes = (end - at).min(PAGE - within as u64) as usize;
            let part = (at / PAGE, within, bytes);
            at += bytes as u64;
            part
        })
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if offset.saturating_add(out.len() as u64) > state.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut done = 0;
        for (number, within, bytes) in parts(offset, out.len()) {
            let page = self.page(&state, number)?;
            out[done..done + bytes].copy_from_slice(&page[within..within + bytes]);
            done += bytes;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        if len < state.len {
            // What is cut off and grown again reads as zeroes.
            let number = len / PAGE;
            let mut page = self.page(&state, number)?;
            page[(len % PAGE) as usize..].fill(0);
            state.pages.retain(|at, _| *at < number);
            state.pages.insert(number, page);
            state.below = state.below.min(len);
        }
        state.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut done = 0;
        for (number, within, bytes) in parts(offset, data.len()) {
            let mut page = self.page(&state, number)?;
            page[within..within + bytes].copy_from_slice(&data[done..done + bytes]);
            state.pages.insert(number, page);
            done += bytes;
        }
        state.len = state.len.max(offset + data.len() as u64);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

#[cfg(test)]
mod tests {
    use ::redb::backends::InMemoryBackend;

    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_the_file_stays_as_it_was() {
        let file = InMemoryBackend::new();
        file.set_len(10_000).unwrap();
        file.write(0, &[7; 10_000]).unwrap();
        let overlay = Overlay::over(Box::new(file)).unwrap();
        overlay.write(4_090, &[1; 5_000]).unwrap();
        let mut out = vec![9; 10_000];
        overlay.read(0, &mut out).unwrap();
        let mut expected = vec![7; 10_000];
        expected[4_090..9_090].fill(1);
        assert_eq!(out, expected);
        overlay.set_len(5_000).unwrap();
        overlay.set_len(10_000).unwrap();
        overlay.read(0, &mut out).unwrap();
        expected[5_000..].fill(0);
        assert_eq!(out, expected);
        assert!(overlay.read(9_999, &mut [0; 2]).is_err());
        let mut below = vec![0; 10_000];
        overlay.file.read(0, &mut below).unwrap();
        assert_eq!(below, vec![7; 10_000]);
    }
}
