//! Quantities as a person writes them: `50mbit`, `100ms`, `64kib`, `0.1%`.

use std::str::FromStr;
use std::time::Duration;

use humantime::parse_duration;

/// Not a quantity
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{value}' is not {what}; write for example {example}")]
pub struct UnitError {
    value: String,
    what: &'static str,
    example: &'static str,
}

impl UnitError {
    /// `value` is not `what`, which is written like `example`.
    pub(super) fn new(value: &str, what: &'static str, example: &'static str) -> Self {
        Self { value: value.into(), what, example }
    }
}

/// Splits a number from its unit and multiplies.
fn scaled(value: &str, units: &[(&str, f64)]) -> Option<f64> {
    let value = value.trim();
    let split = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, unit) = value.split_at(split);
    let number: f64 = number.parse().ok()?;
    let unit = unit.trim().to_ascii_lowercase();
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    Some(number * factor)
}

/// Bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub u64);

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(value: &str) -> Result<Self, UnitError> {
        let units = [("bit", 1.0), ("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9)];
        let plain = value.strip_suffix("/s").unwrap_or(value);
        scaled(plain, &units).filter(|bits| *bits >= 1.0).map(|bits| Self(bits as u64)).ok_or_else(
            || UnitError { value: value.into(), what: "a rate", example: "50mbit or 2.5gbit" },
        )
    }
}

impl Rate {
    /// How long a line of this rate is busy with `bytes`.
    pub fn time_for(self, bytes: u64) -> Duration {
        let nanoseconds = u128::from(bytes) * 8 * 1_000_000_000 / u128::from(self.0.max(1));
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// How many bytes a line of this rate sends in `time`.
    pub fn bytes_in(self, time: Duration) -> u64 {
        let bytes = time.as_nanos() * u128::from(self.0) / 8 / 1_000_000_000;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// Room in a queue, as bytes or as the time the line takes to empty it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Bytes.
    Bytes(u64),
    /// Time at the line's rate.
    Time(Duration),
}

impl FromStr for Queue {
    type Err = UnitError;

    fn from_str(value: &str) -> Result<Self, UnitError> {
        if let Ok(time) = parse_duration(value) {
            return Ok(Self::Time(time));
        }
        let units = [
            ("", 1.0),
            ("b", 1.0),
            ("kb", 1e3),
            ("mb", 1e6),
            ("kib", 1024.0),
            ("mib", 1024.0 * 1024.0),
        ];
        scaled(value, &units).map(|bytes| Self::Bytes(bytes as u64)).ok_or_else(|| UnitError {
            value: value.into(),
            what: "a queue limit",
            example: "100ms or 64kib",
        })
    }
}

/// Part of all packets, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ratio(pub f64);

impl FromStr for Ratio {
    type Err = UnitError;

    fn from_str(value: &str) -> Result<Self, UnitError> {
        scaled(value, &[("", 1.0), ("%", 0.01)])
            .filter(|ratio| (0.0..=1.0).contains(ratio))
            .map(Self)
            .ok_or_else(|| UnitError {
                value: value.into(),
                what: "a ratio from 0 to 1",
                example: "0.1% or 0.001",
            })
    }
}

#[cfg(test)]
#[path = "units_tests.rs"]
mod tests;
