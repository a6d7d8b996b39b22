//! A figure and the bounds it has to stay within: `20..`, `..5`, `1.8..2.6`, `0`.

use std::fmt;
use std::str::FromStr;

use crate::lab::units::plain;

/// Not bounds
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a range; write `5`, `1..20`, `20..` or `..0.5`, both ends included")]
pub struct BadRange(String);

/// Bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The smallest value that is in.
    pub low: f64,
    /// The largest value that is in.
    pub high: f64,
}

impl Range {
    /// How far `value` lies outside, in words; nothing if it lies inside.
    pub fn missed(self, value: f64) -> Option<String> {
        if value < self.low {
            Some(format!("{} too low", plain(self.low - value)))
        } else if value > self.high {
            Some(format!("{} too high", plain(value - self.high)))
        } else if value.is_nan() {
            Some("not a number".to_owned())
        } else {
            None
        }
    }
}

impl FromStr for Range {
    type Err = BadRange;

    fn from_str(text: &str) -> Result<Self, BadRange> {
        let bad = || BadRange(text.to_owned());
        let number = |part: &str, open: f64| match part.trim() {
            "" => Ok(open),
            part => part.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(bad),
        };
        let (low, high) = match text.split_once("..") {
            Some((low, high)) => (number(low, f64::NEG_INFINITY)?, number(high, f64::INFINITY)?),
            None if text.trim().is_empty() => return Err(bad()),
            None => (number(text, 0.0)?, number(text, 0.0)?),
        };
        let bounded = low.is_finite() || high.is_finite();
        if bounded && low <= high { Ok(Self { low, high }) } else { Err(bad()) }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.low.is_finite(), self.high.is_finite()) {
            (true, true) if self.low >= self.high => f.write_str(&plain(self.low)),
            (true, true) => write!(f, "{} to {}", plain(self.low), plain(self.high)),
            (true, false) => write!(f, "at least {}", plain(self.low)),
            _ => write!(f, "at most {}", plain(self.high)),
        }
    }
}

#[cfg(test)]
#[path = "range_tests.rs"]
mod tests;
