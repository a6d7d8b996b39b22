//! How many times the goodput of another variant, and whether that is more than chance.
//!
//! The ratio is that of the medians. Its interval is a bootstrap: runs of both sides are drawn with
//! replacement, some thousand times, and the middle 95 % of the ratios of their medians are kept.
//! Only an interval that excludes 1 says that one side is faster.

use serde::{Deserialize, Serialize};

use super::statistics::Summary;
use super::units::three_digits;

/// With fewer runs of either side an interval would say nothing about how far runs differ.
pub const RUNS_MIN: usize = 3;
/// Draws of the bootstrap.
const DRAWS: usize = 5000;
/// What lies outside the interval, at either end.
const TAIL: f64 = 0.025;
/// The same runs have the same interval.
const SEED: u64 = 1;

/// Which side is faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// The interval lies above 1.
    Faster,
    /// It lies below 1.
    Slower,
    /// It contains 1, or there is none.
    Undecided,
}

/// The goodput of one side as a multiple of another's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Of the medians.
    pub value: f64,
    /// Lower end of the 95 % interval; nothing with fewer than three runs of either side.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// What that means.
    pub judgement: Judgement,
}

impl Ratio {
    /// Of the runs of one side to those of another, which has to have moved at all.
    pub fn of(runs: &[f64], base: &[f64]) -> Option<Self> {
        let value = ratio(runs, base)?;
        let interval = interval(runs, base);
        let judgement = match interval {
            Some((low, _)) if low > 1.0 => Judgement::Faster,
            Some((_, high)) if high < 1.0 => Judgement::Slower,
            _ => Judgement::Undecided,
        };
        let (low, high) = interval.unzip();
        Some(Self { value, low, high, judgement })
    }

    /// The interval in figures, if there is one.
    pub fn interval(&self) -> Option<String> {
        let (low, high) = self.low.zip(self.high)?;
        Some(format!("{} to {}", three_digits(low), three_digits(high)))
    }

    /// In words, of the other side by its name, and how sure that is.
    pub fn in_words(&self, base: &str) -> String {
        let text = format!("{} times the goodput of {base}", three_digits(self.value));
        match (self.interval(), self.judgement) {
            (None, _) => text + ", not settled: fewer than three runs have no interval",
            (Some(interval), Judgement::Undecided) => {
                text + &format!(" (95 % interval {interval}): no difference shown")
            }
            (Some(interval), _) => text + &format!(" (95 % interval {interval})"),
        }
    }
}

fn ratio(runs: &[f64], base: &[f64]) -> Option<f64> {
    let (runs, base) = (Summary::of(runs)?, Summary::of(base)?);
    (base.median > 0.0).then(|| runs.median / base.median)
}

fn interval(runs: &[f64], base: &[f64]) -> Option<(f64, f64)> {
    if runs.len().min(base.len()) < RUNS_MIN {
        return None;
    }
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut draw = |values: &[f64]| -> Vec<f64> {
        values.iter().map(|_| values[random.usize(..values.len())]).collect()
    };
    let ratios: Option<Vec<f64>> = (0..DRAWS).map(|_| ratio(&draw(runs), &draw(base))).collect();
    let mut ratios = ratios?;
    ratios.sort_by(f64::total_cmp);
    let at = |part: f64| ratios.get((part * (DRAWS - 1) as f64).round() as usize).copied();
    at(TAIL).zip(at(1.0 - TAIL))
}

#[cfg(test)]
#[path = "ratio_tests.rs"]
mod tests;
