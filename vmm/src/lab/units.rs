//! Quantities as people write and read them.

use std::time::Duration;

/// Reads a duration: a number and its unit, `us`, `ms`, `s` or `min`: `12ms`, `0.5s`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is not a duration; write a number and us, ms, s or min, such as 12ms");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let scale = match unit.trim() {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "min" => 60.0,
        "" if number == 0.0 => 1.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * scale).map_err(|_| wrong())
}

/// A rate in bytes a second, in steps of 1000: `98.8 KB/s`.
pub fn rate(bytes_per_second: f64) -> String {
    let mut value = bytes_per_second;
    for unit in ["B/s", "KB/s", "MB/s"] {
        // What would be rounded up to 1000 belongs to the next unit.
        if value < 999.5 {
            return format!("{} {unit}", three_digits(value));
        }
        value /= 1000.0;
    }
    format!("{} GB/s", three_digits(value))
}

/// A number with about three digits that count.
pub fn three_digits(value: f64) -> String {
    if value < 9.995 {
        format!("{value:.2}")
    } else if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
#[path = "units_tests.rs"]
mod tests;
