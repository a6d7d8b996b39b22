//! Segment sizes: how many segments left the NIC with how much payload, and which of them were too
//! long for the path.

use maud::{Markup, html};

use super::axis::{WIDTH, place};
use crate::lab::outcome::VariantOutcome;
use crate::lab::verdict::headers;

/// Sizes shown, the most frequent.
const SHOWN: usize = 8;
/// Height of a bar and its gap.
const ROW: f64 = 24.0;
/// Where bars begin: after the size.
const START: f64 = 62.0;
/// Room for the count behind the longest.
const COUNT: f64 = 120.0;

/// The histogram of a variant; nothing if no segment carried data.
pub fn figure(variant: &VariantOutcome) -> Option<Markup> {
    let sizes = variant.path.segment_sizes.iter().filter(|(size, _)| **size > 0);
    let mut sizes: Vec<(u16, u64)> = sizes.map(|(size, count)| (*size, *count)).collect();
    let total: u64 = sizes.iter().map(|(_, count)| count).sum();
    sizes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sizes.truncate(SHOWN);
    sizes.sort_unstable();
    let most = sizes.iter().map(|(_, count)| *count).max()?;
    let fits = variant.conditions.path.mtu.saturating_sub(headers(variant.conditions.ip_version));
    let length = |count: u64| (WIDTH - START - COUNT) * count as f64 / most as f64;
    let height = ROW * sizes.len() as f64 + 6.0;
    let caption = format!(
        "{}: payload bytes of its segments; {fits} fit the path, longer ones are striped",
        variant.name
    );
    Some(html! {
        figure.plot.sizes data-points=(sizes.len()) {
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(caption) {
                defs {
                    pattern #stripes width="6" height="6" patternUnits="userSpaceOnUse"
                        patternTransform="rotate(45)" { rect.stripe width="3" height="6" {} }
                }
                @for (row, (size, count)) in sizes.iter().enumerate() {
                    @let y = ROW * row as f64;
                    @let width = place(length(*count).max(1.5));
                    @let long = *size > fits;
                    text.tick x=(START - 8.0) y=(y + 17.0) text-anchor="end" { (size) }
                    rect class=(if long { "bar long" } else { "bar" }) x=(START) y=(y + 4.0)
                        width=(width) height=(ROW - 6.0) {}
                    @if long {
                        rect x=(START) y=(y + 4.0) width=(width) height=(ROW - 6.0) fill="url(#stripes)" {}
                    }
                    text.tick x=(place(START + width + 6.0)) y=(y + 17.0) {
                        (count) " (" (share(*count, total)) ")"
                    }
                }
            }
            figcaption { (caption) }
        }
    })
}

fn share(count: u64, total: u64) -> String {
    let percent = count as f64 * 100.0 / total.max(1) as f64;
    if percent < 0.95 { "under 1 %".to_owned() } else { format!("{percent:.0} %") }
}
