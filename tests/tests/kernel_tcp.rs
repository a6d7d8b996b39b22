//! The incident without a guest: the kernel's own TCP sends super-frames through a tap into the
//! product's segmentation engine, over the product's path, to GNU wget in another namespace.
//!
//! wget -- tap -- pump ==stream== path (MTU 1420, 12 ms each way, 50 Mbit/s) ==stream== pump with
//! engine -- tap -- HTTP server (cubic, sendfile)

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::Context;
use devices::net::{Offloads, Stream};
use tests::http;
use tests::namespace::{Missing, Namespace};
use tests::program::skip;
use tests::pump::{Engine, Pump};
use vmm::path::process::Process;
use vmm::path::{Counters, PathConfig, Report};

/// How long wget may load.
const LOAD: Duration = Duration::from_secs(7);
/// More than any arm can load in that time.
const FILE: u64 = 256 * 1024 * 1024;
/// What a tap hands out as a NIC with TSO for IPv4 would.
const TSO: Offloads = Offloads { checksum: true, tso4: true, tso6: false };
const NOTHING: Offloads = Offloads { checksum: false, tso4: false, tso6: false };

/// What one arm did.
#[derive(Debug)]
struct Outcome {
    bytes_per_second: f64,
    server_to_client: Counters,
}

/// Loads a file through `engine`.
fn load(engine: Engine) -> anyhow::Result<Result<Outcome, Missing>> {
    let directory = tempfile::tempdir()?;
    let (server, client) = match (Namespace::new(), Namespace::new()) {
        (Ok(server), Ok(client)) => (server, client),
        (Err(missing), _) | (_, Err(missing)) => return Ok(Err(missing)),
    };
    let (server_tap, client_tap) = match (server.tap(TSO)?, client.tap(NOTHING)?) {
        (Ok(server), Ok(client)) => (server, client),
        (Err(missing), _) | (_, Err(missing)) => return Ok(Err(missing)),
    };
    server.configure("10.0.1.2/24", "10.0.1.1")?;
    client.configure("10.0.2.2/24", "10.0.2.1")?;

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
    let pumps = (
        Pump::start(server_tap, wire("a")?, engine)?,
        Pump::start(client_tap, wire("b")?, engine)?,
    );

    let listener = server.run(|| http::listen("10.0.1.2:80", "cubic"))??;
    let serving = std::thread::spawn(move || http::serve_once(&listener, FILE));
    let file = directory.path().join("file");
    let bytes_per_second = wget(&client, &file)?;
    // The reset that the killed client sends ends the server; how, does not matter.
    drop(serving.join().expect("the server panicked"));
    drop((pumps, stop));
    let report = path.join().expect("the path panicked")?.context("the path said nothing")?;
    Ok(Ok(Outcome { bytes_per_second, server_to_client: report.a_to_b }))
}

/// Two sockets in `directory`, and the path of the report between them.
fn config(directory: &Path) -> anyhow::Result<PathConfig> {
    let at = directory.display();
    let server = format!("stream:{at}/a,ip=10.0.1.1/24").parse()?;
    let client = format!("stream:{at}/b,mtu=1420,ip=10.0.2.1/24").parse()?;
    let (rate, delay) = (Some("50mbit".parse()?), Duration::from_millis(12));
    Ok(PathConfig { rate, delay, ..PathConfig::new(server, client) })
}

/// Runs wget in `client` until [`LOAD`] is over; answers bytes a second.
fn wget(client: &Namespace, file: &Path) -> anyhow::Result<f64> {
    let output = file.to_owned();
    let mut wget: Child = client.run(move || {
        let mut command = Command::new("wget");
        command.args(["--quiet", "--tries=1", "http://10.0.1.2/file", "-O"]).arg(output);
        command.spawn().context("cannot run wget; install the package wget")
    })??;
    let started = Instant::now();
    std::thread::sleep(LOAD);
    let bytes = file.metadata()?.len();
    let elapsed = started.elapsed();
    wget.kill()?;
    wget.wait()?;
    Ok(bytes as f64 / elapsed.as_secs_f64())
}

#[test]
fn tcp_crawls_when_super_frames_are_cut_at_1500_and_runs_when_cut_at_the_mss() {
    let (faulty, correct) = match (load(Engine::Mtu1500).unwrap(), load(Engine::Mss).unwrap()) {
        (Ok(faulty), Ok(correct)) => (faulty, correct),
        (Err(missing), _) | (_, Err(missing)) => {
            return skip("the incident without a guest", &missing.to_string());
        }
    };
    println!("{faulty:#?}\n{correct:#?}");
    let sizes = &faulty.server_to_client.segment_sizes;
    let (slow, fast) = (faulty.bytes_per_second, correct.bytes_per_second);
    assert!((60e3..160e3).contains(&slow), "mtu1500: {slow} bytes/s");
    assert!(fast >= 4e6, "mss: {fast} bytes/s");
    assert!(fast / slow >= 25.0, "{fast} over {slow}");
    for size in [1368, 1448, 1288] {
        assert!(sizes.get(&size).is_some_and(|count| *count >= 10), "{size}: {sizes:?}");
    }
    assert!(faulty.server_to_client.frag_needed_sent > 20);
    assert!(correct.server_to_client.frag_needed_sent <= 10);
}
