//! Results as one page that needs no network: plots, tables, and the verdict in words.
//!
//! 1. [`render`] takes a [`Story`]: one comparison, or several scenarios.
//! 2. Each [`chapter`] has its sentence, its table, and its plots: [`goodput`] over time, the
//!    [`sequence`] of segments with what became of them, the [`window`] of the server's socket,
//!    segment [`sizes`], and as a [`ladder`] the first exchange that went wrong.
//! 3. A plot is inline SVG that a [`Plot`](axis::Plot) lays out; colours are CSS variables, so the
//!    page follows the reader's light or dark theme, and prints.
//!
//! All texts are escaped by the template (maud). The script only hides a variant when its name is
//! clicked; without it everything is there.

mod axis;
mod chapter;
mod goodput;
mod ladder;
mod legend;
mod sequence;
mod sizes;
mod window;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::outcome::Story;
use super::report::place;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page.
pub fn render(story: &Story) -> String {
    let title = title(story);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // Without this a browser asks the server for an icon.
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (prose(&title)) }
                    p.host { (place(&story.host)) }
                    (summary(story))
                    @if story.chapters.len() > 1 { (contents(story)) }
                }
                main {
                    @for (number, chapter) in story.chapters.iter().enumerate() {
                        (chapter::section(number, chapter))
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

fn title(story: &Story) -> String {
    match &story.chapters[..] {
        [chapter] => chapter.scenario.as_ref().map_or_else(
            || "NICs compared".to_owned(),
            |scenario| format!("{}: {}", scenario.name, scenario.title),
        ),
        chapters => format!("{} experiments", chapters.len()),
    }
}

/// A scenario's words, in which what stands between backticks is a program's.
fn prose(text: &str) -> Markup {
    html! {
        @for (part, text) in text.split('`').enumerate() {
            @if part % 2 == 1 { code { (text) } } @else { (text) }
        }
    }
}

/// Whether all came as expected.
fn summary(story: &Story) -> Markup {
    let (all, open) = story.expectations();
    let missed: Vec<_> = story.missed().collect();
    html! {
        @if !story.complete { p.banner.bad {
                "Incomplete: it ended early"
                @if let Some(why) = &story.ended_early { " (" (why) ")" }
                ". What was finished is here"
                @if open > 0 { "; " (open) " of " (all) " expectations were not measured" }
                "."
            } }
        @if missed.is_empty() && all > 0 && story.complete {
            p.banner.good { "All " (all) " expectations are met." }
        }
        @if !missed.is_empty() {
            div.banner.bad {
                p { (missed.len()) " of " (all) " expectations are not met:" }
                ul {
                    @for (chapter, check) in missed {
                        li {
                            @if let Some(scenario) = &chapter.scenario { (scenario.name) ": " }
                            (check.line())
                        }
                    }
                }
            }
        }
    }
}

fn contents(story: &Story) -> Markup {
    html! {
        nav aria-label="Experiments" {
            ol {
                @for (number, chapter) in story.chapters.iter().enumerate() {
                    @if let Some(scenario) = &chapter.scenario {
                        li { a href=(format!("#chapter-{number}")) { (prose(&scenario.title)) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
