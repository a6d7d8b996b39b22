//! Scenarios as a person reads them: what was done, what came out, why, and whether it was expected.

use std::fmt::Write;

use super::outcome::{Comparison, Story, VariantOutcome};
use super::report;
use super::units::{rate, three_digits};

/// One scenario in full, or several as a story.
pub fn render(story: &Story) -> String {
    let mut text = String::new();
    if let [chapter] = &story.chapters[..] {
        let _ = write!(text, "{}\n\n{}", heading(chapter), report::render(chapter));
        let _ = write!(text, "\n{}", because(chapter));
        for check in &chapter.checks {
            let mark = match check.held() {
                true => "ok",
                false if chapter.leaves_open(check) => "open",
                false => "MISSED",
            };
            let _ = writeln!(text, "  {mark:<6} {}", check.line());
        }
    } else {
        for chapter in &story.chapters {
            let _ = writeln!(text, "{}", self::chapter(chapter));
        }
    }
    text.push_str(&conclusion(story));
    if !story.complete {
        let why = story.ended_early.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        let _ = writeln!(text, "Incomplete: ended early{why}.");
    }
    text
}

fn heading(chapter: &Comparison) -> String {
    chapter
        .scenario
        .as_ref()
        .map_or_else(String::new, |scenario| format!("{}: {}.", scenario.name, scenario.title))
}

fn because(chapter: &Comparison) -> String {
    chapter
        .scenario
        .as_ref()
        .map_or_else(String::new, |scenario| format!("Why: {}\n", scenario.because))
}

/// A few lines about one of many.
fn chapter(chapter: &Comparison) -> String {
    let mut text = heading(chapter) + "\n";
    let base = chapter.variants.first().map(|first| first.goodput_bytes_per_second.median);
    for (position, variant) in chapter.variants.iter().enumerate() {
        let _ = writeln!(text, "  {}", line(variant, base.filter(|_| position > 0)));
    }
    let _ = write!(text, "  {}", because(chapter));
    for check in chapter.missed() {
        let _ = writeln!(text, "  MISSED {}", check.line());
    }
    text
}

fn line(variant: &VariantOutcome, base: Option<f64>) -> String {
    let goodput = variant.goodput_bytes_per_second.median;
    let mut text = format!("{:<42} {:>10}", variant.name, rate(goodput));
    if let Some(base) = base.filter(|base| *base > 0.0) {
        let _ = write!(text, "  x {:<5}", three_digits(goodput / base));
    } else {
        text.push_str("         ");
    }
    let figures = &variant.path;
    match (figures.frag_needed_sent, figures.frag_needed_last_third) {
        (0, _) => text.push_str(" no ICMP"),
        (sent, 0) => {
            let _ = write!(text, " {sent} ICMP, then none");
        }
        (sent, _) => {
            let _ = write!(text, " {sent} ICMP, never ending");
        }
    }
    if figures.fragments_sent > 0 {
        let _ = write!(text, ", {} fragments", figures.fragments_sent);
    }
    text.trim_end().to_owned()
}

fn conclusion(story: &Story) -> String {
    let (all, open) = story.expectations();
    let missed: Vec<_> = story.missed().collect();
    let rest = if open > 0 { format!(", {open} were not measured") } else { String::new() };
    if missed.is_empty() {
        let met = all - open;
        let met = if open > 0 { format!("{met} of {all}") } else { format!("All {all}") };
        return format!("\n{met} expectations are met{rest}.\n");
    }
    let mut text = format!("\n{} of {all} expectations are NOT met{rest}:\n", missed.len());
    for (chapter, check) in missed {
        let name = chapter.scenario.as_ref().map_or("", |scenario| &scenario.name);
        let _ = writeln!(text, "  {name}: {}", check.line());
    }
    let mut variants = story.chapters.iter().flat_map(|chapter| &chapter.variants);
    if let Some(slow) = variants.find_map(report::slow_round_trip) {
        let _ = writeln!(text, "  {slow}; measure again when it is idle, or with --runs 3");
    }
    text
}

#[cfg(test)]
#[path = "story_tests.rs"]
mod tests;
