//! Goodput over time: how many bytes a second went towards the client, all variants in one plot.

use maud::Markup;

use super::axis::{Plot, Scale};
use super::legend::lines;
use crate::lab::outcome::{RunOutcome, VariantOutcome};
use crate::lab::units::plain;

/// Less is drawn as so much, KB/s: a logarithmic axis has no zero.
const LEAST: f64 = 1.0;
/// A rate is taken over at least this span, seconds: the path tells its counters four times a second.
const SPAN: f64 = 0.45;

/// The plot; nothing if no run says anything.
pub fn figure(variants: &[VariantOutcome]) -> Option<Markup> {
    let series: Vec<Vec<(f64, f64)>> =
        variants.iter().map(|variant| variant.typical().map(rates).unwrap_or_default()).collect();
    let all = || series.iter().flatten();
    all().next()?;
    let end = all().map(|point| point.0).fold(0.0, f64::max);
    let least = all().map(|point| point.1).fold(f64::INFINITY, f64::min).max(LEAST);
    let most = all().map(|point| point.1).fold(LEAST, f64::max);
    let plot = Plot {
        x: Scale::x(end),
        y: Scale::y_logarithmic(least, most),
        x_label: "seconds",
        y_label: "bytes a second (logarithmic)",
        y_tick: |kilobytes| match kilobytes {
            1000.0.. => format!("{} MB", plain(kilobytes / 1e3)),
            _ => format!("{} KB", plain(kilobytes)),
        },
    };
    let body = lines(&plot, variants, &series);
    let caption = "Rate towards the client, from the path's counters";
    Some(plot.figure(caption, all().count(), &body))
}

/// Seconds and KB/s, from counters that only grow.
fn rates(run: &RunOutcome) -> Vec<(f64, f64)> {
    let mut rates = Vec::new();
    let (mut at, mut bytes) = (0.0, 0);
    for now in &run.timeline {
        if now.at - at >= SPAN {
            let rate = now.bytes_to_client.saturating_sub(bytes) as f64 / (now.at - at) / 1e3;
            rates.push((f64::midpoint(at, now.at), rate.max(LEAST)));
            (at, bytes) = (now.at, now.bytes_to_client);
        }
    }
    rates
}
