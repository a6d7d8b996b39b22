//! The server's TCP socket while it sends, as `ss -ti` shows it: window, round trip, retransmits.
//!
//! A script in the server guest asks twice a second; what it printed is read when the download is
//! over. That costs the guest some time, in every variant the same.

use serde::{Deserialize, Serialize};

/// Prints the time since boot and the web server's connections, until it is killed.
pub const SCRIPT: &str = "\
while :; do
  read up rest </proc/uptime
  echo at $up
  ss -tinH state established sport = :80
  sleep 0.5
done";

/// A TCP socket at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SocketSample {
    /// Seconds since the sampling began, just before the download.
    pub at: f64,
    /// Congestion window, segments.
    pub congestion_window: u64,
    /// Where slow start ends, segments; nothing before the first loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_start_threshold: Option<u64>,
    /// Smoothed round trip, milliseconds.
    pub round_trip_ms: f64,
    /// Segment size the kernel sends, bytes of payload.
    pub mss: u64,
    /// Path MTU as the kernel knows it.
    pub path_mtu: u64,
    /// Segments sent again so far.
    pub retransmits: u64,
    /// Bytes acknowledged so far.
    pub bytes_acknowledged: u64,
}

/// Reads what [`SCRIPT`] printed. Of several connections at a moment the last counts.
pub fn samples(text: &str) -> Vec<SocketSample> {
    let mut samples: Vec<SocketSample> = Vec::new();
    let (mut start, mut now) = (None, 0.0_f64);
    for line in text.lines() {
        if let Some(time) = line.strip_prefix("at ").and_then(|time| time.trim().parse().ok()) {
            now = time;
            start.get_or_insert(now);
        } else if let Some(mut sample) = sample(line) {
            // To the hundredth, which is what the guest's clock shows.
            sample.at = ((now - start.unwrap_or(now)) * 100.0).round() / 100.0;
            samples.retain(|earlier| earlier.at < sample.at);
            samples.push(sample);
        }
    }
    samples
}

/// The line with a connection's details: words `KEY:VALUE`, of which only the first counts for each
/// key.
fn sample(line: &str) -> Option<SocketSample> {
    let of = |key: &str| {
        let mut words = line.split_ascii_whitespace();
        words.find_map(|word| word.strip_prefix(key)?.strip_prefix(':'))
    };
    let number = |key| of(key).and_then(|value| value.parse().ok());
    Some(SocketSample {
        at: 0.0,
        congestion_window: number("cwnd")?,
        slow_start_threshold: number("ssthresh"),
        round_trip_ms: of("rtt")?.split('/').next()?.parse().ok()?,
        mss: number("mss").unwrap_or_default(),
        path_mtu: number("pmtu").unwrap_or_default(),
        // Those out now, then all there were.
        retransmits: of("retrans").and_then(|r| r.split('/').nth(1)?.parse().ok()).unwrap_or(0),
        bytes_acknowledged: number("bytes_acked").unwrap_or_default(),
    })
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
