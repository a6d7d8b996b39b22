//! What has to come out of a variant, and whether it did.

use serde::{Deserialize, Serialize};

use super::range::Range;
use super::written::Written;
use crate::lab::outcome::{Comparison, RunOutcome, VariantOutcome};
use crate::lab::plan::Arm;
use crate::lab::units::plain;
use crate::lab::verdict::Finding;

/// A crawl moves at most this many KB in a round trip: three segments and a bit.
const SLOW: f64 = 5.0;
/// A transfer that grows its window moves at least this many KB in a round trip: twice the most of
/// a crawl, and little enough for a guest that has to wait for its CPU.
const FAST: f64 = 10.0;

/// How fast a download is, by what gets through in a round trip: the rate of the path and the
/// length of the way do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speed {
    /// At most 5 KB in a round trip.
    Slow,
    /// At least 10 KB in a round trip.
    Fast,
    /// Nothing of the file arrives.
    Dead,
}

/// What has to come out. What is not said may be anything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expectations {
    speed: Option<Speed>,
    finding: Option<Finding>,
    /// Part of the NIC's line of `lspci`.
    lspci: Option<String>,
    /// KB/s.
    goodput: Option<Written<Range>>,
    kb_per_round_trip: Option<Written<Range>>,
    /// Goodput as a multiple of the first variant's.
    ratio: Option<Written<Range>>,
    /// ICMP "fragmentation needed" and "packet too big" that the router sent.
    icmp_sent: Option<Written<Range>>,
    /// Of these, those in the last third of the download.
    icmp_late: Option<Written<Range>>,
    icmp_per_second: Option<Written<Range>>,
    /// Packets that were too big for the path and must not be fragmented.
    over_mtu: Option<Written<Range>>,
    /// Fragments that the router made.
    fragments: Option<Written<Range>>,
    /// TCP segments that the server sent again.
    retransmits: Option<Written<Range>>,
    /// TCP payload of the largest segment from the NIC, and of the most frequent one.
    largest_payload: Option<Written<Range>>,
    usual_payload: Option<Written<Range>>,
}

/// One expectation, held against what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Whose.
    pub variant: String,
    /// Which figure, by its key in the file.
    pub figure: String,
    /// What was wanted, in words.
    pub wanted: String,
    /// What was found; nothing if it was not measured.
    pub found: Option<String>,
    /// By how much it was missed, in words; nothing if it was met.
    pub missed: Option<String>,
}

impl Check {
    /// Whether it was met.
    pub fn held(&self) -> bool {
        self.missed.is_none()
    }

    /// In one line.
    pub fn line(&self) -> String {
        let Self { variant, figure, wanted, .. } = self;
        match (&self.found, &self.missed) {
            (None, _) => format!("{variant}: {figure} was not measured, expected {wanted}"),
            (Some(found), None) => {
                format!("{variant}: {figure} is {found}, as expected ({wanted})")
            }
            (Some(found), Some(missed)) => {
                format!("{variant}: {figure} is {found}, expected {wanted}: {missed}")
            }
        }
    }
}

impl Expectations {
    /// Holds everything against what was found about `arm`.
    pub fn check(&self, arm: &Arm, comparison: &Comparison) -> Vec<Check> {
        let found = comparison.variants.iter().find(|variant| variant.name == arm.name);
        let run = found.and_then(VariantOutcome::typical);
        let mut checks = self.in_words(arm, run);
        for (figure, wanted, value) in self.figures(comparison, found) {
            let Some(Written { value: wanted, .. }) = wanted else { continue };
            checks.push(Check {
                variant: arm.name.clone(),
                figure: figure.to_owned(),
                wanted: wanted.to_string(),
                found: value.map(plain),
                missed: match value {
                    Some(value) => wanted.missed(value),
                    None => Some(NOT_MEASURED.to_owned()),
                },
            });
        }
        checks
    }

    /// Those that are not about a number of one's own choice.
    fn in_words(&self, arm: &Arm, run: Option<&RunOutcome>) -> Vec<Check> {
        let mut checks = Vec::new();
        let mut add = |figure: &str, wanted: String, found: Option<(String, Option<String>)>| {
            let (found, missed) = match found {
                Some((found, missed)) => (Some(found), missed),
                None => (None, Some(NOT_MEASURED.to_owned())),
            };
            let (variant, figure) = (arm.name.clone(), figure.to_owned());
            checks.push(Check { variant, figure, wanted, found, missed });
        };
        if let Some(speed) = self.speed {
            let (wanted, range) = speed.range();
            let pace = run.and_then(|run| Some((run, run.kb_per_round_trip()?)));
            add("speed", wanted, pace.map(|(run, kb)| speed.judge(range, run, kb)));
        }
        if let Some(finding) = self.finding {
            let seen = run.map(Finding::of);
            add(
                "finding",
                finding.to_string(),
                seen.map(|seen| {
                    (
                        seen.to_string(),
                        (seen != finding).then(|| "something else was seen".to_owned()),
                    )
                }),
            );
        }
        if let Some(part) = &self.lspci {
            let seen = run.map(|run| run.guest.lspci.clone());
            add(
                "lspci",
                format!("`{part}` in it"),
                seen.map(|seen| {
                    let missed = !seen.contains(part.as_str());
                    (format!("`{seen}`"), missed.then(|| "another device".to_owned()))
                }),
            );
        }
        checks
    }

    /// Figures with bounds: key, bounds, what was found.
    fn figures(&self, comparison: &Comparison, found: Option<&VariantOutcome>) -> [Figure<'_>; 11] {
        let run = found.and_then(VariantOutcome::typical);
        let path = run.map(|run| &run.path);
        let count = |count: u64| count as f64;
        let first = comparison.variants.first().map(|first| first.goodput_bytes_per_second.median);
        let goodput = found.map(|found| found.goodput_bytes_per_second.median);
        let ratio = goodput.zip(first.filter(|first| *first > 0.0));
        let sent = path.map(|path| count(path.frag_needed_sent));
        [
            ("goodput", &self.goodput, goodput.map(|bytes| bytes / 1e3)),
            (
                "kb-per-round-trip",
                &self.kb_per_round_trip,
                run.and_then(RunOutcome::kb_per_round_trip),
            ),
            ("ratio", &self.ratio, ratio.map(|(goodput, first)| goodput / first)),
            ("icmp-sent", &self.icmp_sent, sent),
            ("icmp-late", &self.icmp_late, path.map(|path| count(path.frag_needed_last_third))),
            (
                "icmp-per-second",
                &self.icmp_per_second,
                sent.zip(run).map(|(sent, run)| sent / run.seconds.max(0.1)),
            ),
            ("over-mtu", &self.over_mtu, path.map(|path| count(path.over_mtu_dropped))),
            ("fragments", &self.fragments, path.map(|path| count(path.fragments_sent))),
            ("retransmits", &self.retransmits, run.map(|run| count(run.guest.tcp_retransmits))),
            (
                "largest-payload",
                &self.largest_payload,
                path.and_then(|path| path.segment_sizes.keys().last().copied().map(f64::from)),
            ),
            (
                "usual-payload",
                &self.usual_payload,
                path.and_then(|path| path.usual_payload().map(|(size, _)| f64::from(size))),
            ),
        ]
    }
}

/// A figure's key, its bounds if there are any, and its value if there is one.
type Figure<'e> = (&'static str, &'e Option<Written<Range>>, Option<f64>);

const NOT_MEASURED: &str = "it was not measured";

impl Speed {
    /// In words, and as KB in a round trip.
    fn range(self) -> (String, Range) {
        let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        match self {
            Self::Slow => {
                (format!("slow, at most {SLOW} KB in a round trip"), Range { low, high: SLOW })
            }
            Self::Fast => {
                (format!("fast, at least {FAST} KB in a round trip"), Range { low: FAST, high })
            }
            Self::Dead => ("dead, nothing of the file".to_owned(), Range { low, high: 0.0 }),
        }
    }

    fn judge(self, range: Range, run: &RunOutcome, kb: f64) -> (String, Option<String>) {
        let missed = range.missed(kb).map(|by| format!("{by} (KB in a round trip)"));
        // A crawl has to move at all.
        let nothing = self == Self::Slow && run.bytes == 0;
        let missed = missed.or_else(|| nothing.then(|| "nothing arrived at all".to_owned()));
        (format!("{} KB in a round trip", plain(kb)), missed)
    }
}

#[cfg(test)]
#[path = "expect_tests.rs"]
mod tests;
