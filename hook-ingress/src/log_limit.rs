//! A log that whoever is refused again and again cannot fill.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// There is at most one line of a kind in this time.
const EVERY: Duration = Duration::from_secs(1);

/// When the last line of one kind was written, and how many were not since.
#[derive(Debug, Default)]
pub struct LineLimit(Mutex<(Option<Instant>, u64)>);

impl LineLimit {
    /// Nothing was written yet.
    pub const fn new() -> Self {
        Self(Mutex::new((None, 0)))
    }

    /// Takes the line of this moment, if there is one left, and how many were kept back since the
    /// last.
    pub fn take(&self, now: Instant) -> Option<u64> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, kept_back) = &mut *lines;
        if last.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            *kept_back += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_line_a_second_which_says_how_many_there_would_have_been() {
        let lines = LineLimit::default();
        let began = Instant::now();
        let at = |millis| lines.take(began + Duration::from_millis(millis));
        assert_eq!(at(0), Some(0));
        for millis in 0..1_000 {
            assert_eq!(at(millis), None);
        }
        assert_eq!(at(1_000), Some(1_000));
        assert_eq!(at(1_999), None);
        assert_eq!(at(60_000), Some(1));
    }
}
