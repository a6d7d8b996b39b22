//! The first exchange that went wrong, packet by packet between server, router and client.
//!
//! A right NIC, too, loses its first window to a path it does not know. So the exchange to look at
//! is the first loss after the router has spoken; where there is none, the first loss.

use maud::{Markup, html};

use crate::lab::outcome::VariantOutcome;
use crate::lab::trace::{Fate, Kind, Packet};

/// Packets shown before and from the one that is lost.
const BEFORE: usize = 3;
const FROM: usize = 11;
/// What was already on its way when the router spoke is no sign of not listening: at least so many
/// seconds lie between.
const HEARD: f64 = 0.002;

/// As wide as a column of the page: a phone has one.
const WIDTH: f64 = 460.0;
const ROW: f64 = 30.0;
const HEAD: f64 = 30.0;
/// Where the server's, the router's and the client's lines are.
const SERVER: f64 = 80.0;
const ROUTER: f64 = 135.0;
const CLIENT: f64 = 190.0;
/// Texts begin here.
const TEXT: f64 = 200.0;

/// The ladder of a variant; nothing if nothing went wrong.
pub fn figure(variant: &VariantOutcome) -> Option<Markup> {
    let trace = &variant.typical()?.trace;
    let (packets, after_error) = exchange(trace)?;
    let start = packets.first()?.at;
    let steps = steps(packets);
    let bottom = HEAD + ROW * steps.len() as f64 + 8.0;
    let when = if after_error { "although the router had said so" } else { "at the start" };
    let caption =
        format!("{}: the first exchange that went wrong {when}, {start:.3} s in", variant.name);
    Some(html! {
        figure.plot.ladder data-points=(steps.len()) {
            svg viewBox=(format!("0 0 {WIDTH} {bottom}")) role="img" aria-label=(caption) {
                defs {
                    marker #arrow viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7"
                        orient="auto-start-reverse" { path.head d="M0 0L8 4L0 8z" {} }
                }
                @for (x, name) in [(SERVER, "server"), (ROUTER, "router"), (CLIENT, "client")] {
                    text.who x=(x) y="16" text-anchor="middle" { (name) }
                    line.life x1=(x) x2=(x) y1="22" y2=(bottom) {}
                }
                @for (row, (packet, count)) in steps.iter().enumerate() {
                    (step(packet, *count, start, HEAD + ROW * (row as f64 + 0.6)))
                }
            }
            figcaption { (caption) }
        }
    })
}

/// The packets to show, and whether the loss came after an ICMP error.
fn exchange(trace: &[Packet]) -> Option<(&[Packet], bool)> {
    let lost = |packet: &Packet| packet.kind == Kind::Data && packet.fate == Fate::Dropped;
    let error = trace.iter().find(|packet| packet.kind == Kind::Icmp).map(|packet| packet.at);
    let late = error.and_then(|at| trace.iter().position(|p| lost(p) && p.at > at + HEARD));
    let first = late.or_else(|| trace.iter().position(lost))?;
    let packets = trace.get(first.saturating_sub(BEFORE)..)?;
    Some((packets, late.is_some()))
}

/// The first packets, errors that follow each other as one, and how many each stands for.
fn steps(packets: &[Packet]) -> Vec<(&Packet, usize)> {
    let mut steps: Vec<(&Packet, usize)> = Vec::new();
    for packet in packets {
        let full = steps.len() == BEFORE + FROM;
        match steps.last_mut() {
            Some((last, count)) if last.kind == Kind::Icmp && packet.kind == Kind::Icmp => {
                *count += 1;
            }
            _ if full => break,
            _ => steps.push((packet, 1)),
        }
    }
    steps
}

/// One packet as an arrow, its time before and what it is behind.
fn step(packet: &Packet, count: usize, start: f64, y: f64) -> Markup {
    let (from, to) = match (packet.kind, packet.fate) {
        (Kind::Data, Fate::Dropped) => (SERVER, ROUTER - 8.0),
        (Kind::Data | Kind::Syn, _) => (SERVER, CLIENT),
        (Kind::Ack, _) => (CLIENT, SERVER),
        (Kind::Icmp, _) => (ROUTER, SERVER),
    };
    let class = match (packet.kind, packet.fate, packet.again) {
        (Kind::Icmp, ..) => "step icmp",
        (Kind::Ack, ..) => "step ack",
        (_, Fate::Dropped, _) => "step dropped",
        (_, Fate::Fragmented, _) => "step cut",
        (_, _, true) => "step again",
        _ => "step sent",
    };
    html! {
        g class=(class) {
            text.tick x=(SERVER - 8.0) y=(y + 4.0) text-anchor="end" {
                (format!("+{:.1} ms", (packet.at - start) * 1e3))
            }
            line x1=(from) x2=(to) y1=(y) y2=(y) marker-end="url(#arrow)" {}
            @if packet.fate == Fate::Dropped && packet.kind == Kind::Data {
                path.cross d=(format!("M{} {}l10 10m0 -10l-10 10", ROUTER - 5.0, y - 5.0)) {}
            }
            text.what x=(TEXT) y=(y + 4.0) {
                (what(packet)) @if count > 1 { " (" (count) " times)" }
                @if let Some(remark) = &packet.remark { title { (remark) } }
            }
        }
    }
}

fn what(packet: &Packet) -> String {
    let Packet { kind, sequence, length, again, fate, .. } = packet;
    let again = if *again { " again" } else { "" };
    match (kind, fate) {
        (Kind::Syn, _) => "SYN, ACK".to_owned(),
        (Kind::Ack, _) => format!("ACK: has all up to byte {sequence}"),
        (Kind::Icmp, _) => format!("ICMP: the MTU is {length}"),
        (Kind::Data, Fate::Dropped) => format!("{length} bytes from {sequence}{again}: dropped"),
        (Kind::Data, Fate::Fragmented) => format!("{length} bytes from {sequence}{again}: cut"),
        (Kind::Data, Fate::Passed) => format!("{length} bytes from {sequence}{again}"),
    }
}
