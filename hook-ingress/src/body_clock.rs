//! How fast a body must come.

use std::time::Duration;

use tokio::time::Instant;

/// The pace that a body must keep, and when it must have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyPace {
    /// How long a body may take to arrive.
    pub time: Duration,
    /// How long it may be slower than [`Self::rate`].
    pub grace: Duration,
    /// How many bytes a second it must bring on average after that time.
    pub rate: u32,
}

impl Default for BodyPace {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            rate: 1024,
        }
    }
}

impl BodyPace {
    /// Until when more must come of a body that began then, and of which so many bytes are there.
    pub fn due(&self, began: Instant, came: usize) -> Instant {
        let bought = came as f64 / f64::from(self.rate.max(1));
        let slowest = (self.grace.as_secs_f64() + bought).min(self.time.as_secs_f64());
        began + Duration::from_secs_f64(slowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_buys_time_up_to_the_end() {
        let pace = BodyPace::default();
        let began = Instant::now();
        let due = |came| pace.due(began, came).duration_since(began).as_secs();
        assert_eq!(due(0), 5);
        assert_eq!(due(10 * 1024), 15);
        assert_eq!(due(25 * 1024), 30);
        assert_eq!(due(usize::MAX), 30);
    }
}
