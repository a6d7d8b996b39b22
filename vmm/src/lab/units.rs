//! Quantities as people read them.

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

/// A number as short as it can be said: whole ones in full, others with about three digits.
pub fn plain(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 999.5 {
        return format!("{value:.0}");
    }
    let text = if value.abs() < 0.1 { format!("{value:.4}") } else { three_digits(value) };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
#[path = "units_tests.rs"]
mod tests;
