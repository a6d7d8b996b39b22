//! A comparison as a person reads it: one table, then a sentence for each variant.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

use super::outcome::{Comparison, PathFacts, PathFigures, VariantOutcome};
use super::statistics::Summary;
use super::units::{rate, three_digits};

/// Payload sizes shown of a variant at most; the JSON has all of them.
const SIZES_SHOWN: usize = 3;
/// A size is shown if at least this part of all bytes came in such segments.
const SHARE_SHOWN: f64 = 1e-4;
/// A round trip this many times what was asked for is worth a note.
const SLOW_ROUND_TRIP: f64 = 1.25;
/// Width where there is no terminal to ask.
const PLAIN_WIDTH: u16 = 118;

/// The whole report.
pub fn render(comparison: &Comparison) -> String {
    let mut text = headline(comparison);
    if comparison.variants.is_empty() {
        text.push_str("\nNo run was finished.\n");
        return text;
    }
    let _ = write!(text, "\n{}\n", table(comparison));
    for (position, variant) in comparison.variants.iter().enumerate() {
        let _ = write!(text, "\n{}", paragraph(comparison, position, variant));
    }
    if !comparison.complete {
        let made: usize = comparison.variants.iter().map(|variant| variant.runs.len()).sum();
        let _ = write!(text, "\nIncomplete: ended early, after {made} runs.\n");
    }
    text
}

fn headline(comparison: &Comparison) -> String {
    let mut text = path(&comparison.path);
    let runs = match comparison.runs {
        1 => "one run".to_owned(),
        several => format!("median of {several} runs"),
    };
    let _ = writeln!(
        text,
        "; GNU wget for at most {} s, {runs} each; guests on {}.",
        comparison.seconds,
        host(&comparison.host.kind)
    );
    text
}

/// A path in words.
pub fn path(facts: &PathFacts) -> String {
    let PathFacts { mtu, delay_ms, .. } = facts;
    let mut text = format!("Path MTU {mtu} towards the client, {delay_ms} ms each way");
    let _ = match (&facts.rate, &facts.rate_up) {
        (Some(down), Some(up)) => write!(text, ", {down} down and {up} up"),
        (Some(rate), None) => write!(text, ", {rate}"),
        (None, Some(up)) => write!(text, ", {up} up"),
        (None, None) => write!(text, ", no rate limit"),
    };
    if let Some(queue) = &facts.queue {
        let _ = write!(text, ", queue {queue}");
    }
    if let Some(mss) = &facts.mss_clamp {
        let _ = write!(text, ", MSS clamped to {mss}");
    }
    if facts.icmp != "all" {
        let _ = write!(text, ", ICMP {}", facts.icmp);
    }
    if facts.icmp_filter {
        text.push_str(", no ICMP but echo to the server");
    }
    if let Some(loss) = &facts.loss {
        let _ = write!(text, ", loss {loss}");
    }
    text
}

/// How guests were run, in words.
fn host(kind: &str) -> &str {
    match kind {
        "kvm" => "KVM",
        "nested" => "KVM in a software machine",
        "tcg" => "QEMU's translator",
        other => other,
    }
}

fn table(comparison: &Comparison) -> Table {
    let several = comparison.runs > 1;
    let mut header = vec!["variant", "goodput"];
    header.extend(several.then_some("min\nmax"));
    header.extend([
        "ratio",
        "ICMP\nfrag needed",
        "dropped\nover MTU",
        "fragments",
        "payload\nsizes",
        "TCP\nretransmits",
        "VMM CPU\nseconds",
    ]);
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none() {
        table.set_width(PLAIN_WIDTH);
    }
    table.set_header(header);
    let base = comparison.variants.first().map_or(0.0, median);
    for variant in &comparison.variants {
        let mut row = vec![Cell::new(&variant.name), figure(rate(median(variant)))];
        row.extend(several.then(|| figure(range(&variant.goodput_bytes_per_second))));
        row.extend([
            figure(ratio(median(variant), base)),
            figure(icmp(&variant.path)),
            figure(variant.path.over_mtu_dropped),
            figure(variant.path.fragments_sent),
            figure(sizes(&variant.path)),
            figure(variant.guest.tcp_retransmits),
            figure(three_digits(variant.vmm_process.cpu_seconds)),
        ]);
        table.add_row(row);
    }
    // Names and figures stay in one piece; headings may be broken.
    let sizes = if several { 7 } else { 6 };
    for index in [0, 1, sizes] {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

fn paragraph(comparison: &Comparison, position: usize, variant: &VariantOutcome) -> String {
    let mut text = format!("{}: {}", variant.name, variant.verdict.sentence);
    let base = comparison.variants.first().map_or(0.0, median);
    if position > 0 && base > 0.0 {
        let first = &comparison.variants[0].name;
        let _ = write!(text, "; {} the goodput of {first}", ratio(median(variant), base));
    }
    let _ = writeln!(text, ".\n  {}", variant.guest.lspci);
    if variant.conditions.path != comparison.path {
        let _ = writeln!(text, "  {}", path(&variant.conditions.path));
    }
    if variant.conditions.ip_version == 6 {
        text.push_str("  over IPv6\n");
    }
    for command in &variant.conditions.server {
        let _ = writeln!(text, "  server# {command}");
    }
    if let Some(slow) = slow_round_trip(variant) {
        let _ = writeln!(text, "  {slow}");
    }
    for said in variant.runs.iter().filter_map(|run| run.client_said.as_ref()) {
        let _ = writeln!(text, "  wget gave up: {said}");
    }
    text
}

/// A note where the round trip was not what the path was asked for: then the host is too busy, or
/// too slow, and everything that goes by round trips is slower too.
fn slow_round_trip(variant: &VariantOutcome) -> Option<String> {
    let asked = variant.conditions.path.delay_ms * 2.0;
    let slowest = variant.runs.iter().filter_map(|run| run.round_trip_ms).fold(0.0, f64::max);
    (slowest > asked * SLOW_ROUND_TRIP + 1.0).then(|| {
        format!(
            "note: the round trip was {} ms before the download, not {}: this host is busy or slow",
            three_digits(slowest),
            three_digits(asked)
        )
    })
}

fn figure(value: impl ToString) -> Cell {
    Cell::new(value).set_alignment(CellAlignment::Right)
}

fn median(variant: &VariantOutcome) -> f64 {
    variant.goodput_bytes_per_second.median
}

fn range(summary: &Summary) -> String {
    format!("{}\n{}", rate(summary.min), rate(summary.max))
}

fn ratio(value: f64, base: f64) -> String {
    if base > 0.0 { format!("x {}", three_digits(value / base)) } else { "-".to_owned() }
}

/// How many, and whether they were still coming at the end.
fn icmp(path: &PathFigures) -> String {
    match path.frag_needed_last_third {
        0 => path.frag_needed_sent.to_string(),
        late => format!("{}\n{late} at the end", path.frag_needed_sent),
    }
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

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
