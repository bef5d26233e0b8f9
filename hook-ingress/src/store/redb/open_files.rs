//! Which sealed files stand open. A file is an open file of the process, and those are few: where
//! many were read, those that nobody reads at the moment are closed again, longest open first.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, RwLock, Weak},
};

use super::segment::Handle;

/// How many sealed files stand open that nobody may be reading.
const MOST: usize = 16;

/// Those of this process, in the order in which they were opened.
static OPEN: Mutex<VecDeque<Weak<RwLock<Handle>>>> = Mutex::new(VecDeque::new());

/// Notes that a sealed file was opened, and closes others that nobody reads.
pub(super) fn note(opened: &Arc<RwLock<Handle>>) {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.push_back(Arc::downgrade(opened));
    let mut looks = open.len();
    while open.len() > MOST && looks > 0 {
        looks -= 1;
        let Some(handle) = open.pop_front().and_then(|handle| handle.upgrade()) else {
            continue;
        };
        match handle.try_write() {
            Ok(mut handle) if matches!(*handle, Handle::Sealed(..)) => *handle = Handle::Closed,
            // It was closed, or belongs to nobody any more.
            Ok(_) => {}
            // It is being read, or just opened.
            Err(_) => open.push_back(Arc::downgrade(&handle)),
        };
    }
}
