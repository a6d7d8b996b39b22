//! What the server's socket says of itself: the congestion window, segments sent again, and the round
//! trip.

use maud::Markup;

use super::axis::{Plot, Scale};
use super::legend::lines;
use crate::lab::outcome::VariantOutcome;
use crate::lab::socket::SocketSample;
use crate::lab::units::plain;

/// One figure of the socket over time.
struct Shown {
    caption: &'static str,
    label: &'static str,
    value: fn(&SocketSample) -> f64,
}

const SHOWN: [Shown; 3] = [
    Shown {
        caption: "Congestion window (ss -ti in the server)",
        label: "segments (logarithmic)",
        value: |sample| sample.congestion_window as f64,
    },
    Shown {
        caption: "Segments sent again so far (ss -ti in the server)",
        label: "segments (logarithmic)",
        // The axis has no zero; one that was never reached looks like it.
        value: |sample| (sample.retransmits as f64).max(1.0),
    },
    Shown {
        caption: "Smoothed round trip (ss -ti in the server)",
        label: "milliseconds (logarithmic)",
        value: |sample| sample.round_trip_ms.max(1.0),
    },
];

/// The plots; none if nothing was sampled.
pub fn figures(variants: &[VariantOutcome]) -> Vec<Markup> {
    SHOWN.iter().filter_map(|shown| figure(shown, variants)).collect()
}

fn figure(shown: &Shown, variants: &[VariantOutcome]) -> Option<Markup> {
    let series: Vec<Vec<(f64, f64)>> = variants
        .iter()
        .map(|variant| variant.typical().map_or(&[][..], |run| &run.sockets))
        .map(|sockets| sockets.iter().map(|sample| (sample.at, (shown.value)(sample))).collect())
        .collect();
    let all = || series.iter().flatten();
    all().next()?;
    let plot = Plot {
        x: Scale::x(all().map(|point| point.0).fold(0.0, f64::max)),
        y: Scale::y_logarithmic(
            all().map(|point| point.1).fold(f64::INFINITY, f64::min),
            all().map(|point| point.1).fold(1.0, f64::max),
        ),
        x_label: "seconds",
        y_label: shown.label,
        y_tick: plain,
    };
    let body = lines(&plot, variants, &series);
    Some(plot.figure(shown.caption, all().count(), &body))
}
