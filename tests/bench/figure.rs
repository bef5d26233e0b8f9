//! One figure: its samples, what they come to, and what was asked of them.

use serde::Serialize;

/// What a figure is held to.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    /// The median may not be less.
    AtLeast(f64),
    /// The median may not be more.
    AtMost(f64),
}

/// A measured figure, one sample a round.
#[derive(Serialize)]
pub(crate) struct Figure {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What it says, in a line.
    pub(crate) meaning: &'static str,
    /// Of the samples; empty for a ratio.
    pub(crate) unit: &'static str,
    /// In the order of the rounds.
    pub(crate) samples: Vec<f64>,
    /// `None` for what is told and not judged.
    pub(crate) bound: Option<Bound>,
    /// The absolute figures behind it.
    pub(crate) behind: String,
}

impl Figure {
    /// Half of the samples are no greater.
    pub(crate) fn median(&self) -> f64 {
        median(&self.samples)
    }

    /// The least and the greatest sample.
    pub(crate) fn spread(&self) -> (f64, f64) {
        let least = self.samples.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = self
            .samples
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        (least, greatest)
    }

    /// Whether the median keeps the bound; a median that is no number keeps none.
    pub(crate) fn met(&self) -> Option<bool> {
        self.bound.map(|bound| match bound {
            Bound::AtLeast(least) => self.median() >= least,
            Bound::AtMost(most) => self.median() <= most,
        })
    }
}

/// The middle of these, or the mean of the two in the middle.
pub(crate) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(samples: &[f64], bound: Bound) -> Figure {
        Figure {
            name: "x",
            meaning: "",
            unit: "",
            samples: samples.to_vec(),
            bound: Some(bound),
            behind: String::new(),
        }
    }

    #[test]
    fn the_median_decides_and_the_spread_is_told() {
        let it = figure(&[0.9, 0.1, 0.5, 0.6], Bound::AtLeast(0.55));
        assert_eq!(it.median(), 0.55);
        assert_eq!(it.spread(), (0.1, 0.9));
        assert_eq!(it.met(), Some(true));
        assert_eq!(
            figure(&[2.0, 3.0, 9.0], Bound::AtMost(2.5)).met(),
            Some(false)
        );
    }

    #[test]
    fn no_samples_meet_no_bound() {
        assert_eq!(figure(&[], Bound::AtMost(1.0)).met(), Some(false));
    }
}
