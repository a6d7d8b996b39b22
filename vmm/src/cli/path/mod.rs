//! `nicvmm path`: the network between two guests, as a process.

mod control;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use devices::net::capture::CaptureLimit;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::time::at_least;
use super::walls::Walls;
use crate::path::config::DEFAULT_OVERHEAD;
use crate::path::process::Process;
use crate::path::units::{Queue, Rate, Ratio};
use crate::path::{
    Counters, IcmpMtu, IcmpPolicy, MssClamp, PathConfig, PortConfig, Reorder, Report,
};
use crate::sandbox::{Thread, Use};
use crate::streams::print;

/// Counters more often than this would be all that the path does.
const STATS_INTERVAL_MIN: Duration = Duration::from_millis(1);

/// Routes between two NICs over a path with an MTU, delay and ICMP policy.
///
/// Listens on both sockets; NICs connect (`--nic ...,net=stream:SOCKET`, QEMU's `-netdev stream`),
/// go and come back as they like. Ends on SIGINT or SIGTERM with status 0.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Examples, the path of the 2022 report:\n  \
    nicvmm path --port stream:/run/a.sock,ip=10.0.1.1/24 \\\n    \
    --port stream:/run/b.sock,mtu=1420,ip=10.0.2.1/24 --delay 12ms --rate 50mbit --icmp cisco\n\n\
    With --control /run/path.sock, from another terminal:\n  \
    nicvmm path show --control /run/path.sock\n  \
    nicvmm path set --control /run/path.sock mtu=1492 rate=none")]
pub struct PathCommand {
    #[command(subcommand)]
    running: Option<Running>,
    #[command(flatten)]
    path: PathArgs,
}

/// What can be done with a path that runs.
#[derive(Clone, Debug, clap::Subcommand)]
enum Running {
    Show(control::ShowArgs),
    Set(control::SetArgs),
}

/// The path to start.
#[derive(Clone, Debug, clap::Args)]
pub struct PathArgs {
    /// A port: where its NIC connects, and the router's addresses there. Give two, the server's
    /// first.
    ///
    /// stream:SOCKET[,mtu=1500][,ip=10.0.1.1/24][,ip6=fd00:1::1/64][,mac=02:00:00:00:00:0a], and
    /// [,rate=..][,delay=..][,queue=..] for a line towards this port that differs from the rest.
    /// A packet longer than the MTU of the port it leaves by is fragmented or dropped.
    #[arg(long = "port", value_name = "PORT", required = true)]
    pub ports: Vec<PortConfig>,

    /// More routers: MTU of each link between them, from the first port to the second. Each counts a
    /// hop, and speaks for itself about packets that are too long.
    #[arg(long, value_name = "MTU,...", value_delimiter = ',')]
    pub chain: Vec<u16>,

    /// One-way delay of either direction, 12ms.
    #[arg(long, value_name = "TIME", default_value = "0ms")]
    pub delay: humantime::Duration,

    /// Rate of either direction, 50mbit; without it packets take no time to send.
    #[arg(long, value_name = "RATE")]
    pub rate: Option<Rate>,

    /// Queue before the line, 100ms or 64kib; by default one bandwidth-delay product, at least
    /// 100ms.
    #[arg(long, value_name = "LIMIT", requires = "rate")]
    pub queue: Option<Queue>,

    /// Bytes that each IP packet costs on the line beside itself.
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_OVERHEAD)]
    pub overhead: u64,

    /// When the router sends ICMP errors: all (Linux), none, every=TIME, cisco (every 500ms) or
    /// junos (every 1s).
    #[arg(long, value_name = "POLICY", default_value = "all")]
    pub icmp: IcmpPolicy,

    /// What ICMP 3/4 says of the MTU: next-hop (RFC 1191), or zero as older routers, so that the
    /// sender has to guess.
    #[arg(long, value_name = "WHAT", default_value = "next-hop")]
    pub icmp_mtu: IcmpMtu,

    /// Put a firewall in front of this port's NIC that lets no ICMP in but echo; may be repeated.
    #[arg(long, value_name = "PORT", value_parser = ["a", "b"])]
    pub icmp_filter: Vec<String>,

    /// Lower the MSS of every SYN, both ways, to this many bytes or to what the MTU allows (pmtu).
    #[arg(long, value_name = "BYTES|pmtu")]
    pub mss_clamp: Option<MssClamp>,

    /// Part of all packets to lose, 0.1%.
    #[arg(long, value_name = "RATIO", default_value = "0")]
    pub loss: Ratio,

    /// Let packets take up to this much longer than the delay; they keep their order.
    #[arg(long, value_name = "TIME", default_value = "0ms")]
    pub jitter: humantime::Duration,

    /// Part of all packets that come late, so that others overtake them, and how late: 1% (by 1ms)
    /// or 0.5%,3ms.
    #[arg(long, value_name = "RATIO[,TIME]")]
    pub reorder: Option<Reorder>,

    /// Seed of loss, jitter and reordering: a number, the same for the same chances, or random.
    /// `nicvmm path show` tells which one it was.
    #[arg(long, value_name = "NUMBER", default_value = "0", value_parser = seed)]
    pub seed: u64,

    /// Record what passes the first port as pcapng.
    #[arg(long, value_name = "FILE")]
    pub pcap_a: Option<PathBuf>,

    /// Record what passes the second port as pcapng.
    #[arg(long, value_name = "FILE")]
    pub pcap_b: Option<PathBuf>,

    /// Record only so many bytes of a frame, from its start; 160 hold all headers.
    #[arg(long, value_name = "BYTES")]
    pub pcap_bytes: Option<usize>,

    /// Record only so many frames at each port.
    #[arg(long, value_name = "N")]
    pub pcap_frames: Option<u64>,

    /// Listen here for `nicvmm path show` and `nicvmm path set`.
    #[arg(long, value_name = "SOCKET")]
    pub control: Option<PathBuf>,

    /// Print the counters this often, and once at the end.
    #[arg(long, value_name = "TIME", value_parser = at_least(STATS_INTERVAL_MIN))]
    pub stats_interval: Option<Duration>,

    /// Print the counters as one line of JSON.
    #[arg(long)]
    pub json: bool,

    /// Confines this program to the system calls it needs and its own sockets, without privileges.
    /// `off` helps to find out what goes wrong in there.
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    pub sandbox: Walls,
}

impl PathArgs {
    /// The path that the arguments describe.
    pub fn config(&self) -> anyhow::Result<PathConfig> {
        let [a, b] = self.ports.clone().try_into().map_err(|ports: Vec<_>| {
            anyhow::anyhow!("a path has two ends; give --port twice, not {} times", ports.len())
        })?;
        anyhow::ensure!(
            a.socket != b.socket,
            "both ports listen on {}; give each its own socket",
            a.socket.display()
        );
        let config = PathConfig {
            chain: self.chain.clone(),
            delay: self.delay.into(),
            rate: self.rate,
            queue: self.queue,
            overhead: self.overhead,
            icmp: self.icmp,
            icmp_mtu: self.icmp_mtu,
            icmp_filter: ["a", "b"].map(|port| self.icmp_filter.iter().any(|p| p == port)),
            mss_clamp: self.mss_clamp,
            loss: self.loss.0,
            jitter: self.jitter.into(),
            reorder: self.reorder,
            seed: self.seed,
            ..PathConfig::new(a, b)
        };
        config.check_chain().map_err(|why| anyhow::anyhow!("--chain: {why}"))?;
        Ok(config)
    }
}

/// Runs the command.
pub fn run(command: &PathCommand) -> anyhow::Result<ExitCode> {
    match &command.running {
        Some(Running::Show(args)) => control::show(args),
        Some(Running::Set(args)) => control::set(args),
        None => start(&command.path),
    }
}

/// Runs the path until a signal ends it.
fn start(args: &PathArgs) -> anyhow::Result<ExitCode> {
    let config = args.config()?;
    // Before the sockets are there: a signal must not leave them behind.
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGHUP);
    signals.thread_block().context("cannot block signals")?;
    let stop = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .context("cannot wait for signals")?;
    let captures = [args.pcap_a.clone(), args.pcap_b.clone()];
    let all = CaptureLimit::default();
    let limit = CaptureLimit {
        bytes: args.pcap_bytes.unwrap_or(all.bytes),
        frames: args.pcap_frames.unwrap_or(all.frames),
    };
    let mut process = Process::start(&config, captures)?.recording_at_most(limit);
    if let Some(socket) = &args.control {
        process = process.controlled_at(socket)?;
    }
    let sandbox = args.sandbox.raise(|files| {
        for port in &config.ports {
            files.allow_beside(&port.socket, Use::Rename)?;
        }
        args.control.iter().try_for_each(|socket| files.allow_beside(socket, Use::Remove))
    })?;
    sandbox.enter(Thread::Path)?;
    let json = args.json;
    process.run(std::os::fd::AsFd::as_fd(&stop), args.stats_interval, |report| {
        let text = if json { serde_json::to_string(report)? + "\n" } else { plain(report) };
        print(&text).context("cannot print the counters")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Reads a seed. Drawn ones fit a JSON number of any reader.
fn seed(text: &str) -> Result<u64, String> {
    match text {
        "random" => Ok(fastrand::u32(..).into()),
        _ => text.parse().map_err(|_| "write a number or random".to_owned()),
    }
}

/// The counters for a person.
fn plain(report: &Report) -> String {
    let line = |name: &str, counters: &Counters| {
        let Counters { frames, bytes, over_mtu_dropped, frag_needed_sent, .. } = counters;
        let Counters { packet_too_big_sent, fragments_sent, queue_dropped, .. } = counters;
        format!(
            "{:8.1}s {name}: {frames} frames, {bytes} bytes, {over_mtu_dropped} over MTU, \
             {frag_needed_sent} frag needed, {packet_too_big_sent} too big, \
             {fragments_sent} fragments, {queue_dropped} queue drops\n",
            report.elapsed_seconds
        )
    };
    line("a -> b", &report.a_to_b) + &line("b -> a", &report.b_to_a)
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
