//! The table of a comparison as texts, for whoever lays it out: terminal, Markdown, page.

use std::fmt::Write;

use super::outcome::{Comparison, PathFigures, RunOutcome, VariantOutcome};
use super::ratio::Ratio;
use super::statistics::Summary;
use super::units::{rate, three_digits};

/// Payload sizes shown of a variant at most; the JSON has all of them.
const SIZES_SHOWN: usize = 3;
/// A size is shown if at least this part of all bytes came in such segments.
const SHARE_SHOWN: f64 = 1e-4;

/// A column: its heading, and a cell for each variant. Lines within are apart by newlines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it is.
    pub heading: &'static str,
    /// One for each variant.
    pub cells: Vec<String>,
    /// Whether it is about what the transfer cost: where there is little room, not in the table.
    pub cost: bool,
}

/// All columns of a comparison.
pub fn columns(comparison: &Comparison) -> Vec<Column> {
    let column = |heading, cost, cell: &dyn Fn(&VariantOutcome) -> String| Column {
        heading,
        cells: comparison.variants.iter().map(cell).collect(),
        cost,
    };
    let mut columns = vec![
        column("variant", false, &|it| it.name.clone()),
        column("goodput", false, &|it| rate(it.goodput_bytes_per_second.median)),
    ];
    if comparison.runs > 1 {
        columns.push(column("min\nmax", false, &|it| range(&it.goodput_bytes_per_second)));
    }
    columns.extend([
        column("ratio", false, &|it| ratio(comparison, it)),
        column("ICMP\ntoo big", false, &|it| icmp(&it.path)),
        column("over\nMTU", false, &|it| it.path.over_mtu_dropped.to_string()),
        column("frag-\nments", false, &|it| it.path.fragments_sent.to_string()),
        column("payload\nsizes", false, &|it| sizes(&it.path)),
        column("sent\nagain", false, &|it| it.guest.tcp_retransmits.to_string()),
        column("CPU s\nguest", true, &|it| three_digits(it.guest.cpu_seconds)),
        column("CPU s\nVMM", true, &|it| three_digits(it.vmm_process.cpu_seconds)),
        column("exits\na MB", true, &|it| per_mb(it, RunOutcome::exits_per_mb)),
        column("IRQs\na MB", true, &|it| per_mb(it, RunOutcome::interrupts_per_mb)),
    ]);
    columns
}

fn range(summary: &Summary) -> String {
    format!("{}\n{}", rate(summary.min), rate(summary.max))
}

/// As a multiple of the first, with the interval if there is one.
fn ratio(comparison: &Comparison, variant: &VariantOutcome) -> String {
    let median = |variant: &VariantOutcome| variant.goodput_bytes_per_second.median;
    let base = comparison.variants.first().map_or(0.0, median);
    if base <= 0.0 {
        return "-".to_owned();
    }
    let mut text = format!("x {}", three_digits(median(variant) / base));
    if let Some(interval) = variant.ratio.as_ref().and_then(Ratio::interval) {
        let _ = write!(text, "\n{interval}");
    }
    text
}

/// How many, and whether they were still coming at the end.
fn icmp(path: &PathFigures) -> String {
    match path.frag_needed_last_third {
        0 => path.frag_needed_sent.to_string(),
        late => format!("{}\n{late} at the end", path.frag_needed_sent),
    }
}

/// Too little may have arrived to say.
fn per_mb(variant: &VariantOutcome, of: fn(&RunOutcome) -> Option<f64>) -> String {
    variant.typical().and_then(of).map_or_else(|| "-".to_owned(), three_digits)
}

/// The payload sizes that carried most.
fn sizes(path: &PathFigures) -> String {
    let bytes = |(size, count): (&u16, &u64)| u64::from(*size) * count;
    let total: u64 = path.segment_sizes.iter().map(bytes).sum();
    let mut sizes: Vec<_> = path
        .segment_sizes
        .iter()
        .filter(|entry| bytes(*entry) as f64 >= total as f64 * SHARE_SHOWN && bytes(*entry) > 0)
        .collect();
    sizes.sort_by_key(|entry| std::cmp::Reverse(bytes(*entry)));
    let lines: Vec<String> =
        sizes.iter().take(SIZES_SHOWN).map(|(size, count)| format!("{count} x {size}")).collect();
    lines.join("\n")
}
