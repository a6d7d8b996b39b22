//! The time-sequence graph: each segment as a stroke from its first byte to its last at the time it
//! left the server, with what became of it, the client's acknowledgements below, and ICMP errors.

use std::fmt::Write;

use maud::{Markup, html};

use super::axis::{Plot, Scale, place};
use crate::lab::outcome::VariantOutcome;
use crate::lab::trace::{Fate, Kind, Packet};
use crate::lab::units::plain;

/// The graph shows the first so many seconds: there is the whole story, and single segments are seen.
const SECONDS: f64 = 1.5;
/// Packets drawn at most.
const PACKETS: usize = 3000;
/// A stroke is at least so long, to be seen.
const STROKE_MIN: f64 = 1.6;

/// The graph of a variant; nothing if no packet was recorded.
pub fn figure(variant: &VariantOutcome) -> Option<Markup> {
    let trace = &variant.typical()?.trace;
    let packets: Vec<&Packet> =
        trace.iter().take_while(|packet| packet.at <= SECONDS).take(PACKETS).collect();
    let data = || packets.iter().filter(|packet| packet.kind == Kind::Data);
    let last = data().map(|packet| packet.at).fold(f64::NAN, f64::max);
    if last.is_nan() {
        return None;
    }
    let top = data().map(|packet| packet.sequence + u64::from(packet.length)).max().unwrap_or(0);
    let plot = Plot {
        x: Scale::x(packets.last().map_or(last, |packet| packet.at)),
        y: Scale::y(top as f64 / 1e3),
        x_label: "seconds since the connection began",
        y_label: "KB into the stream",
        y_tick: plain,
    };
    let strokes = |wanted: &dyn Fn(&Packet) -> bool| {
        let wanted = data().copied().filter(|packet| wanted(packet));
        strokes(&plot, wanted)
    };
    let passed = strokes(&|p| p.fate == Fate::Passed && !p.again);
    let again = strokes(&|p| p.fate == Fate::Passed && p.again);
    let cut = strokes(&|p| p.fate == Fate::Fragmented);
    let dropped = strokes(&|p| p.fate == Fate::Dropped);
    let icmp = || packets.iter().filter(|packet| packet.kind == Kind::Icmp);
    let acks = acknowledged(&plot, &packets);
    let body = html! {
        path.ack d=(acks) {}
        path.sent d=(passed) {}
        path.again d=(again) {}
        path.cut d=(cut) {}
        path.dropped d=(dropped) {}
        path.icmp d=(triangles(&plot, icmp().copied())) {}
    };
    let caption = format!(
        "{}: {} segments, {} sent again, {} dropped, {} cut on the way, {} ICMP errors",
        variant.name,
        data().count(),
        data().filter(|packet| packet.again).count(),
        data().filter(|packet| packet.fate == Fate::Dropped).count(),
        data().filter(|packet| packet.fate == Fate::Fragmented).count(),
        icmp().count(),
    );
    Some(plot.figure(&caption, data().count(), &body))
}

/// What the marks mean.
pub fn key() -> Markup {
    html! {
        p.key {
            span.sent { "sent" } span.again { "sent again" } span.cut { "cut by the router" }
            span.dropped { "dropped" } span.icmp { "ICMP error" } span.ack { "acknowledged" }
        }
    }
}

fn strokes<'p>(plot: &Plot, packets: impl Iterator<Item = &'p Packet>) -> String {
    let mut data = String::new();
    for packet in packets {
        let from = plot.y.at(packet.sequence as f64 / 1e3);
        let to = plot.y.at((packet.sequence + u64::from(packet.length)) as f64 / 1e3);
        let length = (from - to).max(STROKE_MIN);
        let _ = write!(data, "M{} {}v{}", place(plot.x.at(packet.at)), place(from), place(-length));
    }
    data
}

/// The staircase of the highest byte acknowledged.
fn acknowledged(plot: &Plot, packets: &[&Packet]) -> String {
    let mut data = String::new();
    let mut highest = 0;
    for packet in packets.iter().filter(|packet| packet.kind == Kind::Ack) {
        let x = place(plot.x.at(packet.at));
        if data.is_empty() {
            let _ = write!(data, "M{x} {}", place(plot.y.at(packet.sequence as f64 / 1e3)));
        } else if packet.sequence > highest {
            let _ = write!(data, "H{x}V{}", place(plot.y.at(packet.sequence as f64 / 1e3)));
        }
        highest = highest.max(packet.sequence);
    }
    data
}

/// Small triangles at what the errors are about.
fn triangles<'p>(plot: &Plot, packets: impl Iterator<Item = &'p Packet>) -> String {
    let mut data = String::new();
    for packet in packets {
        let (x, y) = (plot.x.at(packet.at), plot.y.at(packet.sequence as f64 / 1e3));
        let _ = write!(data, "M{} {}l3.5 6h-7z", place(x), place(y));
    }
    data
}
