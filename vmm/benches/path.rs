//! How many frames the path passes on one core, beside a bare copy loop between the same sockets.
//!
//! source ==stream== path or copy loop ==stream== sink
//!
//! What is in the middle has a processor of its own; source and sink share another. Counted is the
//! processor time of the middle, and of several rounds the best: other work only costs time. The
//! source keeps a bounded number of frames on their way: nothing is dropped, nothing waits long.
//! Both arms take turns. Run it by `cargo bench -p vmm --bench path`.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use etherparse::{ArpEthIpv4Packet, ArpOperation, PacketBuilder};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::socket::{setsockopt, sockopt};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use vmm::path::PathConfig;
use vmm::path::process::Process;

const ROUNDS: usize = 12;
const ROUND: Duration = Duration::from_millis(500);
/// Longest wait for a frame.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an IP packet, and of its frame with the length before it.
const PACKET: usize = 1500;
const FRAMED: usize = 4 + 14 + PACKET;
/// Frames written at once, as a NIC writes a batch.
const BATCH: usize = 64;
/// Frames on their way: what a TCP window of 1.5 MB is.
const WINDOW: u64 = 1024;
/// What the copy loop and the path read at once, and the send buffer that both ask for.
const READ_BUFFER: usize = 256 * 1024;
const SEND_BUFFER: usize = 4 * 1024 * 1024;
/// What the path is to reach, one or the other.
const WANTED: f64 = 1.5e6;
const WANTED_RATIO: f64 = 0.5;
/// Processors.
const MIDDLE: usize = 1;
const ENDS: usize = 0;

const SERVER: [u8; 6] = [2, 0, 0, 0, 1, 2];
const CLIENT: [u8; 6] = [2, 0, 0, 0, 2, 2];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 0x0a];

/// What is measured of one round.
#[derive(Clone, Copy)]
struct Speed {
    /// Frames a second of the time that the middle had its processor.
    per_core_second: f64,
    /// Frames a second as they came out, whatever else the machine did.
    per_second: f64,
}

fn main() -> anyhow::Result<()> {
    let (mut path, mut copy) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        path.push(round(start_path)?);
        copy.push(round(start_copy)?);
    }
    let (path, copy) = (best(&path), best(&copy));
    println!("1500-byte packets between two unix sockets, {ROUNDS} rounds of {ROUND:?}, the best");
    println!("{:10} {:>16} {:>10} {:>14}", "", "frames/s of core", "ns each", "frames/s here");
    for (name, speed) in [("path", path), ("bare copy", copy)] {
        let Speed { per_core_second, per_second } = speed;
        let each = 1e9 / per_core_second;
        println!("{name:10} {per_core_second:16.0} {each:10.0} {per_second:14.0}");
    }
    let ratio = path.per_core_second / copy.per_core_second;
    let met = path.per_core_second >= WANTED || ratio >= WANTED_RATIO;
    let met = if met { "met" } else { "missed" };
    println!("path over bare copy, of one core's time: {ratio:.2}");
    println!("wanted: {WANTED:.0} frames a second of one core, or {WANTED_RATIO}: {met}");
    Ok(())
}

/// The best round: whatever else a machine does only costs time.
fn best(speeds: &[Speed]) -> Speed {
    let most = |of: fn(&Speed) -> f64| speeds.iter().map(of).fold(0.0, f64::max);
    Speed {
        per_core_second: most(|speed| speed.per_core_second),
        per_second: most(|speed| speed.per_second),
    }
}

/// Starts `work` on the middle's processor; its thread tells the processor time it took.
fn middle(
    name: &str,
    work: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
) -> io::Result<MiddleThread> {
    std::thread::Builder::new().name(name.into()).spawn(move || {
        pin(MIDDLE);
        let before = cpu_time()?;
        work()?;
        Ok(cpu_time()?.saturating_sub(before))
    })
}

type MiddleThread = JoinHandle<anyhow::Result<Duration>>;

/// What passes frames from one socket to the other; ends when `stop` or the source is closed.
struct Middle {
    thread: MiddleThread,
    stop: UnixStream,
    source: UnixStream,
    sink: UnixStream,
}

fn start_path(directory: &Path) -> anyhow::Result<Middle> {
    let port = |name: &str, ip: &str| {
        format!("stream:{}/{name},ip={ip}/24", directory.display())
            .parse()
            .map_err(io::Error::other)
    };
    let config = PathConfig::new(port("a", "10.0.1.1")?, port("b", "10.0.2.1")?);
    let process = Process::start(&config, [None, None])?;
    let (stop, stopped) = UnixStream::pair()?;
    let thread = middle("path", move || {
        process.run(stopped.as_fd(), None, |report| {
            let sent = report.a_to_b.forwarded_frames;
            ensure!(sent == report.a_to_b.frames, "the path dropped frames: {report:?}");
            Ok(())
        })
    })?;
    let source = UnixStream::connect(directory.join("a"))?;
    let mut sink = UnixStream::connect(directory.join("b"))?;
    // The path has to know where the client is, and its question shows that it does not yet.
    let who = ArpEthIpv4Packet {
        operation: ArpOperation::REQUEST,
        sender_mac: CLIENT,
        sender_ipv4: [10, 0, 2, 2],
        target_mac: [0; 6],
        target_ipv4: [10, 0, 2, 1],
    };
    let mut question = Vec::new();
    PacketBuilder::ethernet2(CLIENT, [0xff; 6]).arp(who.into()).write(&mut question)?;
    sink.write_all(&framed(&question))?;
    let mut answer = vec![0; framed(&question).len()];
    sink.read_exact(&mut answer)?;
    Ok(Middle { thread, stop, source, sink })
}

fn start_copy(directory: &Path) -> anyhow::Result<Middle> {
    let listen = |name: &str| UnixListener::bind(directory.join(name));
    let (a, b) = (listen("a")?, listen("b")?);
    let source = UnixStream::connect(directory.join("a"))?;
    let sink = UnixStream::connect(directory.join("b"))?;
    let (mut from, mut to) = (a.accept()?.0, b.accept()?.0);
    setsockopt(&to, sockopt::SndBuf, &SEND_BUFFER)?;
    let (stop, _) = UnixStream::pair()?;
    let thread = middle("copy", move || {
        let mut buffer = vec![0; READ_BUFFER];
        loop {
            let count = from.read(&mut buffer)?;
            if count == 0 || to.write_all(&buffer[..count]).is_err() {
                return Ok(());
            }
        }
    })?;
    Ok(Middle { thread, stop, source, sink })
}

/// Sends through a middle for a while.
fn round(start: fn(&Path) -> anyhow::Result<Middle>) -> anyhow::Result<Speed> {
    let directory = tempfile::tempdir()?;
    let Middle { thread, stop, mut source, mut sink } = start(directory.path())?;
    setsockopt(&source, sockopt::SndBuf, &SEND_BUFFER)?;
    let (arrived, arrivals) = channel();
    let sink = std::thread::spawn(move || -> io::Result<()> {
        pin(ENDS);
        let (mut buffer, mut bytes) = (vec![0; READ_BUFFER], 0);
        loop {
            let count = sink.read(&mut buffer)?;
            bytes += count as u64;
            if count == 0 || arrived.send(bytes / FRAMED as u64).is_err() {
                return Ok(());
            }
        }
    });

    pin(ENDS);
    let batch = framed(&frame()?).repeat(BATCH);
    let (started, mut sent, mut received) = (Instant::now(), 0, 0);
    while started.elapsed() < ROUND || received < sent {
        if started.elapsed() < ROUND && sent + BATCH as u64 <= received + WINDOW {
            source.write_all(&batch)?;
            sent += BATCH as u64;
            received = arrivals.try_iter().last().unwrap_or(received);
        } else {
            received = arrivals.recv_timeout(PATIENCE).context("frames are missing")?;
        }
    }
    let elapsed = started.elapsed();
    drop((stop, source, arrivals));
    let cpu = thread.join().ok().context("the middle panicked")??;
    sink.join().ok().context("the sink panicked")??;
    Ok(Speed {
        per_second: sent as f64 / elapsed.as_secs_f64(),
        per_core_second: sent as f64 / cpu.as_secs_f64(),
    })
}

/// A full TCP segment from the server to the client.
fn frame() -> anyhow::Result<Vec<u8>> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(SERVER, ROUTER)
        .ipv4([10, 0, 1, 2], [10, 0, 2, 2], 64)
        .tcp(80, 4000, 1, 1000)
        .write(&mut frame, &[0xab; PACKET - 40])?;
    Ok(frame)
}

fn framed(frame: &[u8]) -> Vec<u8> {
    [&(frame.len() as u32).to_be_bytes()[..], frame].concat()
}

fn cpu_time() -> nix::Result<Duration> {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from)
}

/// Keeps the calling thread on one processor, where there are several.
fn pin(processor: usize) {
    let mut processors = CpuSet::new();
    // On a machine without that processor the threads share what there is.
    let _ =
        processors.set(processor).and_then(|()| sched_setaffinity(Pid::from_raw(0), &processors));
}
