//! The incident without a guest: the kernel's own TCP sends super-frames through a tap into the
//! product's segmentation engine, over the product's path, to GNU wget in another namespace.
//!
//! wget -- tap -- pump ==stream== path (MTU 1420, 12 ms each way, 50 Mbit/s) ==stream== pump with
//! engine -- tap -- HTTP server (cubic, sendfile)

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use devices::net::{Offloads, Stream};
use tests::http;
use tests::namespace::{Missing, Namespace};
use tests::program::skip;
use tests::pump::{Engine, Pump};
use vmm::path::process::Process;
use vmm::path::{Counters, PathConfig, Report};

/// More than any arm can load in its time.
const FILE: u64 = 256 * 1024 * 1024;
/// What a tap hands out as a NIC with TSO for IPv4 would.
const TSO: Offloads = Offloads { checksum: true, tso4: true, tso6: false };
const NOTHING: Offloads = Offloads { checksum: false, tso4: false, tso6: false };
/// Arms share two processors at best: one at a time.
static TURN: Mutex<()> = Mutex::new(());

/// One experiment.
#[derive(Clone, Copy)]
struct Arm {
    /// Who cuts the server's super-frames.
    engine: Engine,
    /// Where wget loads from.
    server: &'static str,
    /// What is done on the server first, as `ip` takes it.
    ip: &'static str,
    /// How long wget may load.
    load: Duration,
}

const IPV4: Arm = Arm {
    engine: Engine::Mtu1500,
    server: "10.0.1.2",
    ip: "link set lo up",
    load: Duration::from_secs(7),
};

/// What one arm did.
#[derive(Debug)]
struct Outcome {
    bytes_per_second: f64,
    server_to_client: Counters,
}

/// Runs one arm.
fn run(arm: Arm) -> anyhow::Result<Result<Outcome, Missing>> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir()?;
    let (server, client) = match (Namespace::new(), Namespace::new()) {
        (Ok(server), Ok(client)) => (server, client),
        (Err(missing), _) | (_, Err(missing)) => return Ok(Err(missing)),
    };
    let (server_tap, client_tap) = match (server.tap(TSO)?, client.tap(NOTHING)?) {
        (Ok(server), Ok(client)) => (server, client),
        (Err(missing), _) | (_, Err(missing)) => return Ok(Err(missing)),
    };
    server.configure(1)?;
    client.configure(2)?;
    server.ip(arm.ip)?;

    let path = Process::start(&config(directory.path())?, [None, None])?;
    let (stop, stopped) = UnixStream::pair()?;
    let path = std::thread::spawn(move || -> anyhow::Result<Option<Report>> {
        let mut last = None;
        path.run(stopped.as_fd(), None, |report| {
            last = Some(report.clone());
            Ok(())
        })?;
        Ok(last)
    });
    let wire = |port: &str| Stream::open(directory.path().join(port));
    let server_pump = Pump::start(server_tap, wire("a")?, arm.engine)?;
    let client_pump = Pump::start(client_tap, wire("b")?, Engine::Mss)?;

    let listener = server.run(move || http::listen(arm.server, "cubic"))??;
    let serving = std::thread::spawn(move || http::serve_once(&listener, FILE));
    let bytes_per_second = wget(&client, arm, &directory.path().join("file"))?;
    // The reset that the killed client sends ends the server; how, does not matter.
    drop(serving.join().expect("the server panicked"));
    drop((server_pump, client_pump, stop));
    let report = path.join().expect("the path panicked")?.context("the path said nothing")?;
    let outcome = Outcome { bytes_per_second, server_to_client: report.a_to_b };
    println!("{outcome:#?}");
    Ok(Ok(outcome))
}

/// Two sockets in `directory`, and the path of the report between them.
fn config(directory: &Path) -> anyhow::Result<PathConfig> {
    let at = directory.display();
    let server = format!("stream:{at}/a,ip=10.0.1.1/24,ip6=fd00:1::1/64").parse()?;
    let client = format!("stream:{at}/b,mtu=1420,ip=10.0.2.1/24,ip6=fd00:2::1/64").parse()?;
    let (rate, delay) = (Some("50mbit".parse()?), Duration::from_millis(12));
    Ok(PathConfig { rate, delay, ..PathConfig::new(server, client) })
}

/// Runs wget in `client` until the arm's time is over; answers bytes a second.
fn wget(client: &Namespace, arm: Arm, file: &Path) -> anyhow::Result<f64> {
    let output = file.to_owned();
    let mut wget: Child = client.run(move || {
        let mut command = Command::new("wget");
        command.args(["--quiet", "--tries=1", "-O"]).arg(output);
        command.arg(format!("http://{}/file", http::host(arm.server)));
        command.spawn().context("cannot run wget; install the package wget")
    })??;
    let started = Instant::now();
    std::thread::sleep(arm.load);
    let bytes = file.metadata()?.len();
    let elapsed = started.elapsed();
    wget.kill()?;
    wget.wait()?;
    Ok(bytes as f64 / elapsed.as_secs_f64())
}

/// Runs `arms`; `None` after a loud word if this host does not permit it.
fn permitted<const N: usize>(arms: [Arm; N]) -> Option<[Outcome; N]> {
    let mut outcomes = Vec::new();
    for arm in arms {
        match run(arm).expect("the arm runs") {
            Ok(outcome) => outcomes.push(outcome),
            Err(missing) => {
                skip("the incident without a guest", &missing.to_string());
                return None;
            }
        }
    }
    outcomes.try_into().ok()
}

#[test]
fn tcp_crawls_when_super_frames_are_cut_at_1500_and_runs_when_cut_at_the_mss() {
    let arms = [IPV4, Arm { engine: Engine::Mss, ..IPV4 }];
    let Some([faulty, correct]) = permitted(arms) else { return };
    let (slow, fast) = (faulty.bytes_per_second, correct.bytes_per_second);
    assert!((60e3..160e3).contains(&slow), "mtu1500: {slow} bytes/s");
    assert!(fast >= 4e6, "mss: {fast} bytes/s");
    assert!(fast / slow >= 25.0, "{fast} over {slow}");
    let sizes = &faulty.server_to_client.segment_sizes;
    for size in [1368, 1448, 1288] {
        assert!(sizes.get(&size).is_some_and(|count| *count >= 10), "{size}: {sizes:?}");
    }
    assert!(faulty.server_to_client.frag_needed_sent > 20);
    assert!(correct.server_to_client.frag_needed_sent <= 10);
}

#[test]
fn a_locked_route_mtu_lets_the_path_fragment_what_is_cut_too_long_and_tcp_run() {
    let arm = Arm {
        ip: "route add 10.0.2.0/24 via 10.0.1.1 mtu lock 1320",
        load: Duration::from_secs(4),
        ..IPV4
    };
    let Some([locked]) = permitted([arm]) else { return };
    let counters = &locked.server_to_client;
    assert!(locked.bytes_per_second >= 3e6, "{} bytes/s", locked.bytes_per_second);
    assert_eq!((counters.over_mtu_dropped, counters.frag_needed_sent), (0, 0));
    assert!(counters.fragmented > 1000 && counters.fragments_sent == 2 * counters.fragmented);
}

#[test]
fn ipv6_is_never_cut_by_the_faulty_engine_and_tcp_runs() {
    let arm = Arm { server: "fd00:1::2", load: Duration::from_secs(4), ..IPV4 };
    let Some([ipv6]) = permitted([arm]) else { return };
    let counters = &ipv6.server_to_client;
    assert!(ipv6.bytes_per_second >= 3e6, "{} bytes/s", ipv6.bytes_per_second);
    assert!((1..=12).contains(&counters.packet_too_big_sent), "{counters:?}");
    assert!(counters.segment_sizes.get(&1348).is_some_and(|count| *count > 1000), "{counters:?}");
}
