//! The incident without a guest: the kernel's own TCP sends super-frames through a tap into the
//! product's segmentation engine, over a path with an MTU, to GNU wget in another namespace.
//!
//! wget -- tap -- pump ==stream== path (MTU 1420, 12 ms each way, 50 Mbit/s) ==stream== pump with
//! engine -- tap -- HTTP server (cubic, sendfile)
//!
//! Instead of the path a Linux router can have the MTU: it sits between the pump at the path's end
//! and wget, and the path keeps delay and rate.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use devices::net::{Offloads, Stream, Tap};
use vmm::path::process::Process;
use vmm::path::{Counters, PathConfig, Report};

use crate::http;
use crate::linux_router::{LinuxRouter, RouterCounters};
use crate::namespace::{Missing, Namespace};
use crate::program::skip;
use crate::pump::{Engine, Pump};

/// More than any arm can load in its time.
const FILE: u64 = 256 * 1024 * 1024;
/// The tight link.
const MTU: u16 = 1420;
/// What a tap hands out as a NIC with TSO for IPv4 would.
const TSO: Offloads = Offloads { checksum: true, tso4: true, tso6: false };
const NOTHING: Offloads = Offloads { checksum: false, tso4: false, tso6: false };
/// Arms share two processors at best: one at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Whose the link with the small MTU is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Router {
    /// The product's path.
    Path,
    /// Linux.
    Linux,
}

/// One experiment.
#[derive(Clone, Copy, Debug)]
pub struct Arm {
    /// Who cuts the server's super-frames.
    pub engine: Engine,
    /// Who drops what is too long.
    pub router: Router,
    /// Where wget loads from.
    pub server: &'static str,
    /// What is done on the server first, as `ip` takes it.
    pub ip: &'static str,
    /// How long wget may load.
    pub load: Duration,
}

impl Arm {
    /// The incident: IPv4, cut at 1500.
    pub const INCIDENT: Self = Self {
        engine: Engine::Mtu1500,
        router: Router::Path,
        server: "10.0.1.2",
        ip: "link set lo up",
        load: Duration::from_secs(7),
    };
}

/// What one arm did.
#[derive(Debug)]
pub struct Outcome {
    /// Goodput.
    pub bytes_per_second: f64,
    /// What the path saw and did.
    pub server_to_client: Counters,
    /// What the Linux router did, if there was one.
    pub linux: Option<RouterCounters>,
}

/// Runs `arms`; `None` after a loud word if this host does not permit it.
pub fn permitted<const N: usize>(arms: [Arm; N]) -> Option<[Outcome; N]> {
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

/// Runs one arm.
fn run(arm: Arm) -> anyhow::Result<Result<Outcome, Missing>> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir()?;
    let (server, client) = match (Namespace::new(), Namespace::new()) {
        (Ok(server), Ok(client)) => (server, client),
        (Err(missing), _) | (_, Err(missing)) => return Ok(Err(missing)),
    };
    let (server_tap, far_end) = match (server.tap(TSO)?, far_end(arm, &client)?) {
        (Ok(server), Ok(client)) => (server, client),
        (Err(missing), _) | (_, Err(missing)) => return Ok(Err(missing)),
    };
    let (far_tap, router) = far_end;
    server.configure(1)?;
    client.configure(2)?;
    server.ip(arm.ip)?;

    let process = Process::start(&config(directory.path(), arm.router)?, [None, None])?;
    let (stop, path) = start(process)?;
    let wire = |port: &str| Stream::open(directory.path().join(port));
    let server_pump = Pump::start(server_tap, wire("a")?, arm.engine)?;
    let client_pump = Pump::start(far_tap, wire("b")?, Engine::Mss)?;

    let listener = server.run(move || http::listen(arm.server, "cubic"))??;
    let serving = std::thread::spawn(move || http::serve_once(&listener, FILE));
    let bytes_per_second = wget(&client, arm, &directory.path().join("file"))?;
    let linux = router.map(|router| router.counters()).transpose()?;
    // The reset that the killed client sends ends the server; how, does not matter.
    drop(serving.join().expect("the server panicked"));
    drop((server_pump, client_pump, stop));
    let report = path.join().expect("the path panicked")?.context("the path said nothing")?;
    let outcome = Outcome { bytes_per_second, server_to_client: report.a_to_b, linux };
    println!("{arm:?}\n{outcome:#?}");
    Ok(Ok(outcome))
}

/// What is behind the path's second port: a tap, and the router that may be behind it.
type FarEnd = (Tap, Option<LinuxRouter>);

fn far_end(arm: Arm, client: &Namespace) -> anyhow::Result<Result<FarEnd, Missing>> {
    Ok(match arm.router {
        Router::Path => client.tap(NOTHING)?.map(|tap| (tap, None)),
        Router::Linux => LinuxRouter::new(client, MTU)?.map(|(router, tap)| (tap, Some(router))),
    })
}

/// Two sockets in `directory`, and the path of the report between them.
fn config(directory: &Path, router: Router) -> anyhow::Result<PathConfig> {
    let at = directory.display();
    let server = format!("stream:{at}/a,ip=10.0.1.1/24,ip6=fd00:1::1/64");
    let client = match router {
        Router::Path => format!("stream:{at}/b,mtu={MTU},ip=10.0.2.1/24,ip6=fd00:2::1/64"),
        // Its network is wide enough for the client's to be in it.
        Router::Linux => format!("stream:{at}/b,ip=10.0.3.1/22"),
    };
    let (rate, delay) = (Some("50mbit".parse()?), Duration::from_millis(12));
    Ok(PathConfig { rate, delay, ..PathConfig::new(server.parse()?, client.parse()?) })
}

/// A path at work: it ends when the socket is dropped, with its last report.
type RunningPath = (UnixStream, JoinHandle<anyhow::Result<Option<Report>>>);

fn start(process: Process) -> anyhow::Result<RunningPath> {
    let (stop, stopped) = UnixStream::pair()?;
    let path = std::thread::spawn(move || {
        let mut last = None;
        process.run(stopped.as_fd(), None, |report| {
            last = Some(report.clone());
            Ok(())
        })?;
        Ok(last)
    });
    Ok((stop, path))
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
