//! One comparison on the page: its sentence, table, verdicts, expectations and plots.

use maud::{Markup, html};

use super::{goodput, ladder, legend, prose, sequence, sizes, window};
use crate::lab::cells::columns;
use crate::lab::outcome::{Comparison, VariantOutcome};
use crate::lab::report::{conditions, headline, sentence, slow_round_trip};
use crate::lab::scenario::Check;

/// The whole section.
pub fn section(number: usize, chapter: &Comparison) -> Markup {
    let variants = &chapter.variants;
    html! {
        section id=(format!("chapter-{number}")) {
            @if let Some(scenario) = &chapter.scenario {
                h2 { span.name { (scenario.name) } " " (prose(&scenario.title)) }
                p.because { (prose(&scenario.because)) }
            }
            p.conditions { (headline(chapter)) }
            @if variants.is_empty() {
                p { "No run was finished." }
            } @else {
                (legend::legend(variants))
                (verdicts(chapter))
                (table(chapter))
                (expectations(chapter))
                (plots(chapter))
            }
        }
    }
}

fn verdicts(chapter: &Comparison) -> Markup {
    html! {
        ul.verdicts {
            @for (position, variant) in chapter.variants.iter().enumerate() {
                li class=(legend::class(position)) {
                    b { (variant.name) } ": " (sentence(chapter, position, variant)) "."
                    @for remark in remarks(chapter, variant) { br; small { (remark) } }
                }
            }
        }
    }
}

/// Conditions, why else the path dropped packets, and whether the host was too busy.
fn remarks(chapter: &Comparison, variant: &VariantOutcome) -> Vec<String> {
    let mut texts = conditions(chapter, variant);
    let drops = variant.path.other_drops.iter();
    texts.extend(drops.map(|(cause, count)| format!("{}: {count}", cause.replace('_', " "))));
    texts.extend(slow_round_trip(variant));
    texts
}

fn table(chapter: &Comparison) -> Markup {
    let columns = columns(chapter);
    let lines = |text: &str| {
        html! {
            @for (line, text) in text.lines().enumerate() { @if line > 0 { br; } (text) }
        }
    };
    html! {
        div.scroll {
            table {
                thead { tr { @for column in &columns { th scope="col" { (lines(column.heading)) } } } }
                tbody {
                    @for row in 0..chapter.variants.len() {
                        tr class=(legend::class(row)) {
                            @for column in &columns {
                                td { (lines(column.cells.get(row).map_or("", String::as_str))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn expectations(chapter: &Comparison) -> Markup {
    html! {
        @if !chapter.checks.is_empty() {
            details open[chapter.missed().next().is_some()] {
                summary { (chapter.checks.len()) " expectations" }
                ul.checks {
                    @for check in &chapter.checks {
                        li class=(judgement(chapter, check)) { (check.line()) }
                    }
                }
            }
        }
    }
}

fn judgement(chapter: &Comparison, check: &Check) -> &'static str {
    match check.held() {
        true => "good",
        false if chapter.leaves_open(check) => "open",
        false => "bad",
    }
}

fn plots(chapter: &Comparison) -> Markup {
    let variants = &chapter.variants;
    let marked = |(position, figure): (usize, Markup)| {
        html! { div class=(legend::class(position)) { (figure) } }
    };
    let each = |figure: fn(&VariantOutcome) -> Option<Markup>| -> Vec<Markup> {
        let figures = variants.iter().enumerate();
        figures.filter_map(|(at, variant)| Some(marked((at, figure(variant)?)))).collect()
    };
    let (sequences, ladders) = (each(sequence::figure), each(ladder::figure));
    html! {
        div.plots.wide {
            @if let Some(figure) = goodput::figure(variants) { (figure) }
            @for figure in window::figures(variants) { (figure) }
        }
        @if !sequences.is_empty() {
            h3 { "Segments as they left the server" }
            p.help {
                "Each stroke is a segment: when the server's NIC sent it, and which bytes of the stream it "
                "carries. The line below is what the client has acknowledged."
            }
            (sequence::key())
            div.plots { @for figure in sequences { (figure) } }
        }
        h3 { "Sizes" }
        p.help { "How many bytes of payload the server's segments carry, as its NIC cut them." }
        div.plots { @for figure in each(sizes::figure) { (figure) } }
        @if !ladders.is_empty() {
            h3 { "What went wrong" }
            p.help {
                "Packet by packet, time from top to bottom. Every sender loses its first packets to a path "
                "that it does not know; a NIC that obeys loses no more once the router has spoken."
            }
            div.plots { @for figure in ladders { (figure) } }
        }
    }
}
