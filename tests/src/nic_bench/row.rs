//! A workload's samples side by side.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use devices::ethernet::checksum::Sum;
use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use super::sample::Sample;
use super::workload::Workload;

/// Both VMMs on one workload, and what a checksum cost at the same time.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was done.
    pub workload: Workload,
    /// By nicvmm.
    pub ours: Vec<Sample>,
    /// By QEMU; empty where its NIC does not offer what it takes.
    pub theirs: Vec<Sample>,
    /// Nanoseconds a byte of a bare checksum pass, taken in turns with the others.
    pub checksum: Vec<f64>,
}

/// The middle one, or the upper of two.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Nanoseconds of CPU that the Internet checksum takes for a byte of a super-frame.
pub fn baseline() -> nix::Result<f64> {
    const BYTES: usize = 65_549;
    const TIMES: usize = 2_000;
    let bytes = vec![0x5a; BYTES];
    let clock = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from);
    let start = clock()?;
    for _ in 0..TIMES {
        let mut sum = Sum::default();
        sum.add(black_box(&bytes));
        black_box(sum.finish());
    }
    let spent = clock()?.saturating_sub(start);
    Ok(spent.as_secs_f64() * 1e9 / (BYTES * TIMES) as f64)
}

impl Row {
    fn medians(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> Option<f64> {
        median(samples.iter().map(value))
    }

    fn both(&self, value: impl Fn(&Sample) -> f64) -> [Option<f64>; 2] {
        [&self.ours, &self.theirs].map(|samples| Self::medians(samples, &value))
    }

    /// How many times the CPU of ours QEMU takes for a byte.
    pub fn cpu_ratio(&self) -> Option<f64> {
        let [ours, theirs] = self.both(Sample::cpu_per_byte);
        Some(theirs? / ours?)
    }

    /// How many times QEMU's throughput ours is.
    pub fn wall_ratio(&self) -> Option<f64> {
        let [ours, theirs] = self.both(Sample::throughput);
        Some(ours? / theirs?)
    }

    /// A checksum pass, as a part of what ours takes for a byte.
    pub fn of_checksum(&self) -> Option<f64> {
        Some(
            median(self.checksum.iter().copied())?
                / Self::medians(&self.ours, Sample::cpu_per_byte)?,
        )
    }

    /// Everything, for a script.
    pub fn json(&self) -> Value {
        json!({
            "workload": self.workload.to_string(),
            "target": self.workload.target,
            "cpu_ratio": self.cpu_ratio(),
            "wall_ratio": self.wall_ratio(),
            "of_checksum": self.of_checksum(),
            "nicvmm": self.ours,
            "qemu": self.theirs,
            "checksum_ns_per_byte": self.checksum,
        })
    }
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or("-".into(), |value| format!("{value:.decimals$}"))
}

/// The rows as a Markdown table: ours / QEMU's where there are two figures.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| workload | CPU ns/B | CPU ratio | target | x checksum | MB/s | throughput ratio | exits/MB | \
         interrupts/MB |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let pair = |decimals, value: &dyn Fn(&Sample) -> f64| {
            let [ours, theirs] = row.both(value).map(|value| number(value, decimals));
            format!("{ours} / {theirs}")
        };
        let target = match (row.workload.target, row.cpu_ratio()) {
            (Some(target), Some(ratio)) => {
                format!("{target} {}", if ratio >= target { "met" } else { "missed" })
            }
            _ => "-".into(),
        };
        // A String takes everything.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {target} | {} | {} | {} | {} | {} |",
            row.workload,
            pair(3, &Sample::cpu_per_byte),
            number(row.cpu_ratio(), 1),
            number(row.of_checksum(), 2),
            pair(0, &|sample| sample.throughput() / 1e6),
            number(row.wall_ratio(), 1),
            pair(2, &|sample| sample.per_megabyte(sample.exits)),
            pair(2, &|sample| sample.per_megabyte(sample.interrupts)),
        );
    }
    text
}
