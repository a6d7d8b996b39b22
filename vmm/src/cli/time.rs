//! TIME, as options take it: a number of seconds, or a number with a unit.

use std::time::Duration;

/// What is longer than any guest, path or comparison lives; sums of such times are still times.
const MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Reads a time.
pub fn time(text: &str) -> Result<Duration, String> {
    let time = match text.parse() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?,
        Err(_) => humantime::parse_duration(text)
            .map_err(|_| "write 90s, 5m, or a number of seconds".to_owned())?,
    };
    match time {
        Duration::ZERO => Err("no time at all".into()),
        time if time > MAX => Err("longer than a year".into()),
        time => Ok(time),
    }
}

/// Reads a time that is not shorter than this.
pub fn at_least(min: Duration) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    move |text| match time(text)? {
        time if time < min => Err(format!("less than {min:?}")),
        time => Ok(time),
    }
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
