//! How many of what is over are remembered: whoever makes and ends without end within the retention
//! time must not make memory grow without end.

use std::collections::HashMap;

use doorbell_core::{folder::Folder, time::Timestamp};

/// What is over, by its folder and when that was.
pub(super) struct Over<T> {
    most: usize,
    within: HashMap<Folder, Vec<(Timestamp, T)>>,
}

impl<T: Ord> Over<T> {
    /// Of which so many are remembered within an outermost folder.
    pub(super) fn at_most(most: usize) -> Self {
        Self {
            most,
            within: HashMap::new(),
        }
    }

    /// This one is.
    pub(super) fn add(&mut self, folder: &Folder, at: Timestamp, what: T) {
        let within = self.within.entry(folder.outermost()).or_default();
        within.push((at, what));
    }

    /// Those that are to be forgotten: in each outermost folder those that were over first.
    pub(super) fn too_many(self) -> impl Iterator<Item = T> {
        let most = self.most;
        self.within.into_values().flat_map(move |mut over| {
            let beyond = over.len().saturating_sub(most);
            over.sort_unstable();
            over.truncate(beyond);
            over.into_iter().map(|(_, what)| what)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_were_over_first_are_forgotten_of_whoever_has_too_many() {
        let mut over = Over::at_most(2);
        let folder = |text: &str| text.parse::<Folder>().unwrap();
        for (of, at) in [("a/x", 3), ("a", 1), ("a/y", 2), ("a/y", 4), ("b", 0)] {
            over.add(&folder(of), Timestamp::from_millis(at), at);
        }
        let mut forgotten: Vec<_> = over.too_many().collect();
        forgotten.sort_unstable();
        assert_eq!(forgotten, [1, 2]);
    }
}
