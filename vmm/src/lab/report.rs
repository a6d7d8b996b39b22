//! A comparison as a person reads it: one table, then a sentence for each variant.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

use super::cells::columns;
use super::outcome::{Comparison, HostFacts, PathFacts, VariantOutcome};
use super::units::three_digits;

/// A round trip this many times what was asked for is worth a note.
const SLOW_ROUND_TRIP: f64 = 1.25;
/// Width where there is no terminal to ask.
const PLAIN_WIDTH: u16 = 118;

/// The whole report.
pub fn render(comparison: &Comparison) -> String {
    let mut text = headline(comparison) + "\n";
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
        let why =
            comparison.ended_early.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        let _ = write!(text, "\nIncomplete: ended early, after {made} of the planned runs{why}.\n");
    }
    text
}

/// Over which path, how, how often and where it was measured: a sentence.
pub fn headline(comparison: &Comparison) -> String {
    let mut text = path(&comparison.path);
    let runs = match comparison.runs {
        1 => "one run".to_owned(),
        several => format!("median of {several} runs"),
    };
    let _ = write!(
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
    if !facts.chain.is_empty() {
        let links: Vec<_> = facts.chain.iter().map(ToString::to_string).collect();
        let _ = write!(text, ", links of {} before it", links.join(", "));
    }
    if let Some(ends) = facts.ends {
        let _ = write!(text, ", {ends} at both ends");
    }
    for (what, value) in
        [("jitter", &facts.jitter), ("reordered", &facts.reorder), ("ICMP's MTU", &facts.icmp_mtu)]
    {
        if let Some(value) = value {
            let _ = write!(text, ", {what} {value}");
        }
    }
    text
}

/// Where something was measured.
pub fn place(host: &HostFacts) -> String {
    let HostFacts { kind, kernel, cpu, cpus, nicvmm } = host;
    format!("nicvmm {nicvmm}; guests on {}; Linux {kernel}, {cpu}, {cpus} CPUs", self::host(kind))
}

/// How guests were run, in words.
pub fn host(kind: &str) -> &str {
    match kind {
        "kvm" => "KVM",
        "nested" => "KVM in a software machine",
        "tcg" => "QEMU's translator",
        other => other,
    }
}

fn table(comparison: &Comparison) -> Table {
    let mut columns = columns(comparison);
    columns.retain(|column| !column.cost);
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none() {
        table.set_width(PLAIN_WIDTH);
    }
    table.set_header(columns.iter().map(|column| column.heading));
    for row in 0..comparison.variants.len() {
        let texts = columns.iter().filter_map(|column| column.cells.get(row));
        let cells = texts.enumerate().map(|(index, text)| match index {
            0 => Cell::new(text),
            _ => Cell::new(text).set_alignment(CellAlignment::Right),
        });
        table.add_row(cells);
    }
    // Figures stay in one piece.
    for index in 0..columns.len() {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

/// What was found about the variant at `position`, as one sentence without its full stop.
pub fn sentence(comparison: &Comparison, position: usize, variant: &VariantOutcome) -> String {
    let found = &variant.verdict.sentence;
    match (&variant.ratio, comparison.variants.first()) {
        (Some(ratio), Some(first)) if position > 0 => {
            format!("{found}; {}", ratio.in_words(&first.name))
        }
        _ => found.clone(),
    }
}

/// The NIC as the guest names it, and what a variant has that the comparison's headline does not say.
pub fn conditions(comparison: &Comparison, variant: &VariantOutcome) -> Vec<String> {
    let its = &variant.conditions;
    let mut texts = vec![variant.guest.lspci.clone()];
    texts.extend((its.path != comparison.path).then(|| path(&its.path)));
    texts.extend((its.ip_version == 6).then(|| "over IPv6".to_owned()));
    texts.extend(its.server.iter().map(|command| format!("server# {command}")));
    texts.extend(its.during.iter().map(|moment| format!("path, after {moment}")));
    texts.retain(|text| !text.is_empty());
    texts
}

fn paragraph(comparison: &Comparison, position: usize, variant: &VariantOutcome) -> String {
    let mut text = format!("{}: {}.\n", variant.name, sentence(comparison, position, variant));
    for condition in conditions(comparison, variant) {
        let _ = writeln!(text, "  {condition}");
    }
    if let Some(slow) = slow_round_trip(variant) {
        let _ = writeln!(text, "  {slow}");
    }
    let costs = columns(comparison).into_iter().filter(|column| column.cost);
    let costs: Vec<_> = costs
        .filter_map(|column| {
            Some(format!("{} {}", column.heading.replace('\n', " "), column.cells.get(position)?))
        })
        .collect();
    let _ = writeln!(text, "  {}", costs.join(", "));
    let drops = &variant.path.other_drops;
    if !drops.is_empty() {
        let drops: Vec<_> = drops.iter().map(|(cause, n)| format!("{cause} {n}")).collect();
        let _ = writeln!(text, "  {}", drops.join(", "));
    }
    for said in variant.runs.iter().filter_map(|run| run.client_said.as_ref()) {
        let _ = writeln!(text, "  wget gave up: {said}");
    }
    text
}

/// A note where the round trip was not what the path was asked for: then the host is too busy, or
/// too slow, and everything that goes by round trips is slower too.
pub fn slow_round_trip(variant: &VariantOutcome) -> Option<String> {
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

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
