//! Which colour is which variant.

use maud::{Markup, html};

use super::axis::Plot;
use crate::lab::outcome::VariantOutcome;

/// Colours that the style sheet has; more variants start over.
pub const COLOURS: usize = 6;

/// The class of a variant's marks.
pub fn class(position: usize) -> String {
    format!("v v{} n{position}", position % COLOURS)
}

/// A line for each variant that has points, in its colour.
pub fn lines(plot: &Plot, variants: &[VariantOutcome], series: &[Vec<(f64, f64)>]) -> Markup {
    html! {
        @for (position, (variant, points)) in variants.iter().zip(series).enumerate() {
            @if !points.is_empty() {
                path class=(format!("line {}", class(position))) d=(plot.line(points.iter().copied())) {
                    title { (variant.name) }
                }
            }
        }
    }
}

/// The names in their colours. A click on one hides it, and another shows it again.
pub fn legend(variants: &[VariantOutcome]) -> Markup {
    html! {
        div.legend {
            @for (position, variant) in variants.iter().enumerate() {
                button type="button" class=(class(position)) data-variant=(position) aria-pressed="true" {
                    span.swatch {}
                    (variant.name)
                }
            }
        }
    }
}
