//! Results as Markdown, to be pasted into an issue: a table, and a sentence for each variant.

use std::fmt::Write;

use super::cells::columns;
use super::outcome::{Comparison, Story};
use super::report::{headline, sentence};

/// Everything that was found, a section for each scenario.
pub fn render(story: &Story) -> String {
    let mut text = String::new();
    for chapter in &story.chapters {
        section(&mut text, chapter);
    }
    let host = &story.host;
    let _ = writeln!(
        text,
        "nicvmm {}, {} on {}, Linux {}, {} CPUs.{}",
        host.nicvmm,
        host.kind,
        escape(&host.cpu),
        host.kernel,
        host.cpus,
        if story.complete { "" } else { " **Incomplete: it ended early.**" }
    );
    text
}

fn section(text: &mut String, chapter: &Comparison) {
    if let Some(scenario) = &chapter.scenario {
        let _ = writeln!(text, "### {}: {}\n", scenario.name, escape(&scenario.title));
    }
    let _ = writeln!(text, "{}\n", escape(&headline(chapter)));
    let columns = columns(chapter);
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    *text += &row(columns.iter().map(|column| cell(column.heading, " ")).collect());
    let rules = columns.iter().enumerate();
    *text += &row(rules.map(|(i, _)| if i == 0 { "---" } else { "--:" }.to_owned()).collect());
    for variant in 0..chapter.variants.len() {
        let cells = columns.iter().filter_map(|column| column.cells.get(variant));
        *text += &row(cells.map(|text| cell(text, "<br>")).collect());
    }
    text.push('\n');
    for (position, variant) in chapter.variants.iter().enumerate() {
        let found = sentence(chapter, position, variant);
        let _ = writeln!(text, "- **{}**: {}.", escape(&variant.name), escape(&found));
    }
    if let Some(scenario) = &chapter.scenario {
        let _ = writeln!(text, "\nWhy: {}\n", escape(&scenario.because));
    }
    for check in &chapter.checks {
        let mark = if check.held() { "x" } else { " " };
        let _ = writeln!(text, "- [{mark}] {}", escape(&check.line()));
    }
    text.push('\n');
}

fn cell(text: &str, line_break: &str) -> String {
    escape(text).replace('\n', line_break)
}

/// What would be markup is text.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
