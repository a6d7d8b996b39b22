//! `nicvmm path show` and `nicvmm path set`: a running path, asked and changed.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::path::control::{Request, State, ask};
use crate::path::settings::{Change, Towards};
use crate::streams::print;

/// Shows what a running path is set to and what it counted.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example: nicvmm path show --control /run/path.sock --json")]
pub struct ShowArgs {
    /// The path's control socket.
    #[arg(long, value_name = "SOCKET")]
    pub control: PathBuf,

    /// One line of JSON: settings and counters.
    #[arg(long)]
    pub json: bool,
}

/// Changes a running path, and shows what it is set to now.
///
/// KEY=VALUE as on the command line of the path: mtu, rate, delay, queue, icmp-filter (on, off),
/// link (up, down: a cable that is pulled), for both directions or with a. or b. before it for the way to that port; chain, loss, jitter,
/// reorder, icmp, icmp-mtu and mss-clamp for the whole path. rate=none, queue=none, chain=none,
/// reorder=none and mss-clamp=none take something away.
/// Changes take effect together or not at all; packets on their way keep their time.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example: nicvmm path set --control /run/path.sock mtu=1492 b.rate=50mbit")]
pub struct SetArgs {
    /// The path's control socket.
    #[arg(long, value_name = "SOCKET")]
    pub control: PathBuf,

    /// One line of JSON: settings and counters.
    #[arg(long)]
    pub json: bool,

    /// What to change.
    #[arg(value_name = "KEY=VALUE", required = true)]
    pub changes: Vec<Change>,
}

/// Runs `nicvmm path show`.
pub fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let state = ask(&args.control, &Request::Show)?;
    let text = if args.json { json(&state)? } else { settings(&state) + &counters(&state)? };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `nicvmm path set`.
pub fn set(args: &SetArgs) -> anyhow::Result<ExitCode> {
    let state = ask(&args.control, &Request::Set(args.changes.clone()))?;
    print(&if args.json { json(&state)? } else { settings(&state) })?;
    Ok(ExitCode::SUCCESS)
}

fn json(state: &State) -> anyhow::Result<String> {
    Ok(serde_json::to_string(state)? + "\n")
}

/// A row of two columns, one for each port or direction.
fn row(name: &str, a: &str, b: &str) -> String {
    format!("{name:20} {a:>16} {b:>16}\n")
}

fn settings(state: &State) -> String {
    let settings = &state.settings;
    let ways = [&settings.towards_a, &settings.towards_b];
    let both = |name: &str, show: fn(&Towards) -> String| {
        let [a, b] = ways.map(show);
        row(name, &a, &b)
    };
    let mut text = row("", "towards a", "towards b");
    text += &both("mtu", |way| way.mtu.to_string());
    text += &both("rate", |way| way.rate_bits_per_second.map_or("unlimited".into(), rate));
    text += &both("delay", |way| time(way.delay_seconds));
    text += &both("queue", |way| way.queue_bytes.map_or("none".into(), |n| format!("{n} bytes")));
    text += &both("link", |way| if way.link { "up" } else { "down" }.into());
    text += &both("icmp-filter", |way| if way.icmp_filter { "on" } else { "off" }.into());
    let clamp = settings.mss_clamp.as_deref().unwrap_or("none");
    let chain: Vec<_> = settings.chain.iter().map(ToString::to_string).collect();
    if !chain.is_empty() {
        let _ = writeln!(text, "chain a {} b", chain.join(" "));
    }
    let by = time(settings.reorder_by_seconds);
    let chances = [
        format!("loss {}", settings.loss),
        format!("jitter {}", time(settings.jitter_seconds)),
        format!("reorder {} by {by}", settings.reorder),
        format!("seed {}", settings.seed),
    ];
    let _ = writeln!(text, "{}", chances.join(", "));
    let _ =
        writeln!(text, "icmp {}, icmp-mtu {}, mss-clamp {clamp}", settings.icmp, settings.icmp_mtu);
    text
}

/// Every counter that counted, and the commonest segment sizes.
fn counters(state: &State) -> anyhow::Result<String> {
    const SIZES: usize = 4;
    let report = &state.counters;
    let columns = [serde_json::to_value(&report.a_to_b)?, serde_json::to_value(&report.b_to_a)?];
    let mut text = format!("\nafter {:.1} s\n", report.elapsed_seconds);
    text += &row("", "a to b", "b to a");
    let peers = report.connected.map(|peer| if peer { "connected" } else { "no NIC" });
    text += &row("peer of a, b", peers[0], peers[1]);
    for name in columns[0].as_object().into_iter().flat_map(serde_json::Map::keys) {
        let [a, b] = columns.each_ref().map(|column| column[name].as_u64());
        if let (Some(a), Some(b)) = (a, b)
            && a + b > 0
        {
            text += &row(name, &a.to_string(), &b.to_string());
        }
    }
    for (direction, column) in ["a to b", "b to a"].into_iter().zip(&columns) {
        let sizes = column["segment_sizes"].as_object().into_iter().flatten();
        let mut sizes: Vec<_> = sizes.map(|(size, n)| (n.as_u64().unwrap_or(0), size)).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let sizes: Vec<_> = sizes.iter().map(|(count, size)| format!("{size} x {count}")).collect();
        if !sizes.is_empty() {
            let more = if sizes.len() > SIZES { ", ..." } else { "" };
            let common = sizes[..sizes.len().min(SIZES)].join(", ");
            let _ = writeln!(text, "segments {direction}: {common}{more}");
        }
    }
    Ok(text)
}

fn rate(bits: u64) -> String {
    match bits {
        1_000_000.. => format!("{} Mbit/s", bits as f64 / 1e6),
        _ => format!("{} kbit/s", bits as f64 / 1e3),
    }
}

fn time(seconds: f64) -> String {
    humantime::format_duration(Duration::from_secs_f64(seconds)).to_string()
}
