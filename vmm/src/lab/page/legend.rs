//! Which colour is which variant.

use maud::{Markup, html};

use crate::lab::outcome::VariantOutcome;

/// Colours that the style sheet has; more variants start over.
pub const COLOURS: usize = 6;

/// The class of a variant's marks.
pub fn class(position: usize) -> String {
    format!("v v{} n{position}", position % COLOURS)
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
