//! What the figures of a run say about its NIC, in one sentence.
//!
//! Everything here is read off what was measured: how many packets were too big for the path, whether
//! the router said so, whether that went on, and how large the segments were. Nothing looks at the
//! variant's name.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::outcome::{Conditions, PathFigures, RunOutcome};
use super::units::three_digits;

/// TCP header and the timestamp option, which Linux puts on every segment.
const TCP_HEADER: u16 = 20 + 12;

/// Bytes of headers in a full packet over a version of IP.
pub fn headers(ip_version: u8) -> u16 {
    TCP_HEADER + if ip_version == 6 { 40 } else { 20 }
}

/// What kind of behaviour was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// Nothing of the file arrived.
    NothingArrived,
    /// Packets too big for the path went on to the end, though the router said so.
    IgnoresPathMtu,
    /// Packets too big for the path went on to the end, and the router said nothing.
    BlackHole,
    /// Packets too big for the path were cut up by the router on the way.
    FragmentedOnTheWay,
    /// A few packets were too big, then none.
    LearnedPathMtu,
    /// No packet was too big.
    Fits,
}

impl Finding {
    /// What `run` shows.
    pub fn of(run: &RunOutcome) -> Self {
        let seen = &run.path;
        if run.bytes == 0 {
            Self::NothingArrived
        } else if seen.over_mtu_last_third > 0 {
            if seen.frag_needed_sent > 0 { Self::IgnoresPathMtu } else { Self::BlackHole }
        } else if seen.fragments_sent > 0 {
            Self::FragmentedOnTheWay
        } else if seen.over_mtu_dropped > 0 {
            Self::LearnedPathMtu
        } else {
            Self::Fits
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingArrived => "nothing-arrived",
            Self::IgnoresPathMtu => "ignores-path-mtu",
            Self::BlackHole => "black-hole",
            Self::FragmentedOnTheWay => "fragmented-on-the-way",
            Self::LearnedPathMtu => "learned-path-mtu",
            Self::Fits => "fits",
        })
    }
}

/// A finding and the sentence that explains it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was seen.
    pub finding: Finding,
    /// In plain words, with the figures.
    pub sentence: String,
}

impl Verdict {
    /// What `run` says, made under these conditions.
    pub fn of(run: &RunOutcome, conditions: &Conditions) -> Self {
        let finding = Finding::of(run);
        Self { finding, sentence: sentence(finding, run, conditions) }
    }
}

fn sentence(finding: Finding, run: &RunOutcome, conditions: &Conditions) -> String {
    let seen = &run.path;
    let mtu = conditions.path.mtu;
    let headers = headers(conditions.ip_version);
    let dropped = packets(seen.over_mtu_dropped);
    let answers = icmp(seen.frag_needed_sent);
    match finding {
        Finding::NothingArrived => format!(
            "nothing arrived in {:.0} s: {dropped} too big for the path's MTU of {mtu} dropped, {answers}",
            run.seconds
        ),
        Finding::IgnoresPathMtu => format!(
            "{} until the end, though {answers} said that the path takes {mtu}: {dropped} dropped, {} of them in \
             the last third{}{}",
            largest(seen, headers),
            seen.over_mtu_last_third,
            pace(run),
            super_frames(run, mtu, headers),
        ),
        Finding::BlackHole => format!(
            "{} until the end and nobody told it: {dropped} over the path's MTU of {mtu} dropped, {answers}",
            largest(seen, headers)
        ),
        Finding::FragmentedOnTheWay => format!(
            "{}, which the router cut into {} fragments for the path's MTU of {mtu}; {answers}",
            largest(seen, headers),
            seen.fragments_sent
        ),
        Finding::LearnedPathMtu => format!(
            "learned the path's MTU of {mtu}: {dropped} too big at the start, {answers}, none in the last third; \
             then {}",
            usual(seen)
        ),
        Finding::Fits => {
            format!("no packet was too big for the path's MTU of {mtu}: {}, {answers}", usual(seen))
        }
    }
}

fn packets(count: u64) -> String {
    if count == 1 { "1 packet".to_owned() } else { format!("{count} packets") }
}

fn icmp(count: u64) -> String {
    match count {
        0 => "no ICMP error".to_owned(),
        1 => "1 ICMP error".to_owned(),
        many => format!("{many} ICMP errors"),
    }
}

/// The largest segments, as what they must have been cut at.
fn largest(seen: &PathFigures, headers: u16) -> String {
    let Some((&payload, _)) = seen.segment_sizes.last_key_value() else {
        return "sent packets that were too big".to_owned();
    };
    format!("sent {payload}-byte payloads ({}-byte packets)", payload.saturating_add(headers))
}

/// The most frequent size of the segments that carry data in bulk.
fn usual(seen: &PathFigures) -> String {
    let total: u64 = seen.segment_sizes.iter().filter(|(size, _)| **size > 0).map(|(_, n)| n).sum();
    match seen.usual_payload() {
        Some((size, count)) => {
            format!("{:.0} % of segments carry {size} bytes", count as f64 * 100.0 / total as f64)
        }
        None => "no segment carried data".to_owned(),
    }
}

/// A transfer that loses a segment at every step goes by round trips, whatever the rate of the path.
fn pace(run: &RunOutcome) -> String {
    run.round_trip().zip(run.kb_per_round_trip()).map_or_else(
        String::new,
        |(milliseconds, kilobytes)| {
            format!(
                "; {} KB got through in a round trip of {} ms",
                three_digits(kilobytes),
                three_digits(milliseconds)
            )
        },
    )
}

/// Where the guest left the cutting to its NIC, and segments of the path's own size are there too,
/// the guest knew the right size: it was the NIC that cut too long.
fn super_frames(run: &RunOutcome, mtu: u16, headers: u16) -> String {
    let tso = run.guest.offloads.get("tcp-segmentation-offload") == Some(&true);
    let fitting = mtu.saturating_sub(headers);
    let whole = run.path.segment_sizes.get(&fitting).copied().unwrap_or(0);
    let Some((&longest, &count)) = run.path.segment_sizes.last_key_value() else {
        return String::new();
    };
    if !tso || whole == 0 || longest <= fitting {
        return String::new();
    }
    format!(
        "; the guest knew better ({whole} segments it cut itself carry {fitting} bytes), its NIC cut \
         super-frames at {} ({count} segments)",
        longest.saturating_add(headers)
    )
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
