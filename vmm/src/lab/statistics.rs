//! What a handful of measurements of the same thing say.

use serde::{Deserialize, Serialize};

/// The middle and the ends of a set of measurements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The middle one; of an even number, the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Summary {
    /// Of `values`; nothing can be said about none, or about something that is not a number.
    pub fn of(values: &[f64]) -> Option<Self> {
        let sorted = sorted(values)?;
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let low = sorted[(sorted.len() - 1) / 2];
        let high = sorted[sorted.len() / 2];
        Some(Self { median: low.midpoint(high), min, max })
    }
}

/// The index of the measurement in the middle; of an even number, the lower of the two. Its run
/// stands for all of them where figures of different kinds must come from one and the same run.
pub fn middle(values: &[f64]) -> Option<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    order.get(values.len().checked_sub(1)? / 2).copied()
}

fn sorted(values: &[f64]) -> Option<Vec<f64>> {
    if values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some(sorted)
}

#[cfg(test)]
#[path = "statistics_tests.rs"]
mod tests;
