//! The samples of both VMMs side by side.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::device::Group;
use super::job::Job;
use super::sample::Sample;
use crate::nic_bench::median;

/// Both VMMs at one job.
#[derive(Clone, Debug)]
pub struct Row {
    /// The device and its promise.
    pub group: Group,
    /// What was done.
    pub job: Job,
    /// By nicvmm.
    pub ours: Vec<Sample>,
    /// By QEMU.
    pub theirs: Vec<Sample>,
}

impl Row {
    /// What it is about.
    pub fn name(&self) -> String {
        format!("{}, {}", self.group.device, self.job)
    }

    fn both(&self, value: impl Fn(&Sample) -> f64) -> Option<[f64; 2]> {
        let of = |samples: &[Sample]| median(samples.iter().map(&value));
        Some([of(&self.ours)?, of(&self.theirs)?])
    }

    /// The median of how often QEMU's `value` goes into ours. Runs that followed each other are compared:
    /// whatever else the host does hits both.
    fn times(&self, value: impl Fn(&Sample) -> f64) -> Option<f64> {
        let pairs = self.ours.iter().zip(&self.theirs);
        median(pairs.map(|(ours, theirs)| value(ours) / value(theirs)))
    }

    /// How many times QEMU's throughput ours is.
    pub fn ratio(&self) -> Option<f64> {
        self.times(Sample::throughput)
    }

    /// How many times the CPU time of ours QEMU takes for a byte.
    pub fn cpu_ratio(&self) -> Option<f64> {
        self.times(Sample::cpu_per_byte).map(f64::recip)
    }

    /// Everything, for a script.
    pub fn json(&self) -> Value {
        json!({
            "workload": self.name(),
            "target": self.group.target,
            "ratio": self.ratio(),
            "cpu_ratio": self.cpu_ratio(),
            "nicvmm": self.ours,
            "qemu": self.theirs,
        })
    }
}

/// The rows as a Markdown table: ours / QEMU's where there are two figures.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| workload | MB/s | ratio | target | CPU ns/B | CPU ratio | outside of the guest ns/B | exits/MB |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let pair = |decimals: usize, value: &dyn Fn(&Sample) -> f64| match row.both(value) {
            Some([ours, theirs]) => format!("{ours:.decimals$} / {theirs:.decimals$}"),
            None => "-".into(),
        };
        let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
        let target = match (row.group.target, row.ratio()) {
            (Some(target), Some(ratio)) => {
                format!("{target} {}", if ratio >= target { "met" } else { "missed" })
            }
            _ => "-".into(),
        };
        // A String takes everything.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {target} | {} | {} | {} | {} |",
            row.name(),
            pair(1, &|sample| sample.throughput() / 1e6),
            number(row.ratio()),
            pair(1, &Sample::cpu_per_byte),
            number(row.cpu_ratio()),
            pair(1, &Sample::outside_per_byte),
            pair(2, &Sample::exits_per_megabyte),
        );
    }
    text
}
