use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::JoinHandle;

use devices::memory::DmaMemory;
use devices::net::{Backend, Batch, Metadata, Stream};
use etherparse::PacketBuilder;
use tempfile::TempDir;
use vm_memory::{GuestAddress, GuestMemoryMmap};

use super::*;
use crate::path::PortConfig;

const SERVER: [u8; 6] = [2, 0, 0, 0, 1, 2];
const CLIENT: [u8; 6] = [2, 0, 0, 0, 2, 2];
const ROUTER_A: [u8; 6] = [2, 0, 0, 0, 0, 0x0a];

/// A path with a thread of its own.
struct Running {
    directory: TempDir,
    /// Dropped to stop the path.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<Vec<Report>>>,
}

impl Running {
    fn start(interval: Option<Duration>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        let process = Process::start(&config, [Some(directory.path().join("a.pcapng")), None]);
        let process = process.unwrap();
        let (stop, signal) = UnixStream::pair().unwrap();
        let thread = std::thread::spawn(move || {
            let mut reports = Vec::new();
            let run = process.run(signal.as_fd(), interval, |report| {
                reports.push(report.clone());
                Ok(())
            });
            run.unwrap();
            reports
        });
        Self { directory, stop: Some(stop), thread: Some(thread) }
    }

    fn socket(&self, side: Side) -> PathBuf {
        self.directory.path().join(format!("{side}.sock"))
    }

    fn connect(&self, side: Side) -> Stream {
        Stream::open(self.socket(side)).unwrap()
    }

    fn stop(&mut self) -> Vec<Report> {
        self.stop = None;
        self.thread.take().unwrap().join().unwrap()
    }
}

fn config(directory: &Path) -> PathConfig {
    let port = |side: Side, ip: &str| -> PortConfig {
        format!("stream:{}/{side}.sock,ip={ip}/24", directory.display()).parse().unwrap()
    };
    PathConfig {
        delay: Duration::from_millis(12),
        ..PathConfig::new(port(Side::A, "10.0.1.1"), port(Side::B, "10.0.2.1"))
    }
}

fn frame(payload: u8) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(SERVER, ROUTER_A)
        .ipv4([10, 0, 1, 2], [10, 0, 2, 2], 64)
        .udp(1, 2)
        .write(&mut frame, &[payload; 100])
        .unwrap();
    frame
}

fn arp_request() -> Vec<u8> {
    let packet = etherparse::ArpEthIpv4Packet {
        operation: etherparse::ArpOperation::REQUEST,
        sender_mac: CLIENT,
        sender_ipv4: [10, 0, 2, 2],
        target_mac: [0; 6],
        target_ipv4: [10, 0, 2, 1],
    };
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(CLIENT, [0xff; 6]).arp(packet.into()).write(&mut frame).unwrap();
    frame
}

fn send(stream: &mut Stream, frames: &[Vec<u8>]) {
    let memory = DmaMemory::new(GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 4096)]).unwrap());
    let mut batch = Batch::default();
    for frame in frames {
        batch.push_bytes(frame, Metadata::default());
    }
    assert_eq!(stream.send(&memory, &batch), Sent::All);
}

/// Lets the path know the client, and waits until it does.
fn introduce(client: &mut Stream) {
    send(client, &[arp_request()]);
    assert!(wait_for(client, |frame| frame[..6] == CLIENT).is_some());
}

/// The next frame that satisfies `wanted`, within five seconds.
fn wait_for(stream: &mut Stream, wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline && stream.link() {
        let Some((frame, _)) = stream.peek() else {
            std::thread::yield_now();
            continue;
        };
        let frame = frame.to_vec();
        stream.consume();
        if wanted(&frame) {
            return Some(frame);
        }
    }
    None
}

fn is_udp(frame: &[u8]) -> bool {
    frame.len() == 142
}

#[test]
fn frames_pass_from_socket_to_socket_in_their_time() {
    let mut path = Running::start(None);
    let (mut a, mut b) = (path.connect(Side::A), path.connect(Side::B));
    introduce(&mut b);
    let started = Instant::now();
    send(&mut a, &[frame(1), frame(2)]);
    let first = wait_for(&mut b, is_udp).unwrap();
    let elapsed = started.elapsed();
    let second = wait_for(&mut b, is_udp).unwrap();
    assert_eq!((first[50], second[50]), (1, 2));
    assert!(elapsed >= Duration::from_millis(12), "{elapsed:?}");
    let reports = path.stop();
    assert_eq!(reports.len(), 1);
    assert!(reports[0].last);
    assert_eq!(reports[0].a_to_b.forwarded_frames, 2);
}

#[test]
fn a_peer_may_go_and_come_back() {
    let mut path = Running::start(None);
    let mut a = path.connect(Side::A);
    drop(path.connect(Side::B));
    let mut b = path.connect(Side::B);
    introduce(&mut b);
    send(&mut a, &[frame(3)]);
    assert_eq!(wait_for(&mut b, is_udp).unwrap()[50], 3);
    path.stop();
}

#[test]
fn a_second_peer_is_refused_while_the_first_is_there() {
    let mut path = Running::start(None);
    let mut first = path.connect(Side::A);
    let mut second = path.connect(Side::A);
    assert_eq!(wait_for(&mut second, |_| true), None);
    assert!(!second.link());
    assert!(first.peek().is_none());
    assert!(first.link());
    path.stop();
}

#[test]
fn a_peer_that_breaks_the_framing_is_cut_off() {
    let mut path = Running::start(None);
    let mut peer = UnixStream::connect(path.socket(Side::A)).unwrap();
    peer.write_all(&[0; 4]).unwrap();
    let mut stream = Stream::from_socket(peer);
    assert_eq!(wait_for(&mut stream, |_| true), None);
    assert!(!stream.link());
    path.stop();
}

#[test]
fn counters_are_reported_at_once_and_at_the_end() {
    let mut path = Running::start(Some(Duration::from_secs(3600)));
    let _a = path.connect(Side::A);
    let reports = path.stop();
    let last: Vec<_> = reports.iter().map(|report| report.last).collect();
    assert_eq!(last, [false, true]);
}

#[test]
fn sockets_are_gone_after_the_end_and_the_capture_is_there() {
    let mut path = Running::start(None);
    path.stop();
    assert!(!path.socket(Side::A).exists());
    assert!(!path.socket(Side::B).exists());
    assert!(path.directory.path().join("a.pcapng").exists());
}

#[test]
fn the_capture_says_why_a_packet_went_no_further() {
    let mut path = Running::start(None);
    let mut a = path.connect(Side::A);
    let mut long = Vec::new();
    PacketBuilder::ethernet2(SERVER, ROUTER_A)
        .ipv4([10, 0, 1, 2], [10, 0, 2, 2], 64)
        .udp(1, 2)
        .write(&mut long, &[0; 1480])
        .unwrap();
    send(&mut a, &[long]);
    assert!(wait_for(&mut a, |frame| frame[..6] == SERVER).is_some());
    path.stop();
    let record = std::fs::read(path.directory.path().join("a.pcapng")).unwrap();
    let comment = b"dropped: 1508 > MTU 1500, ICMP 3/4 sent";
    assert!(record.windows(comment.len()).any(|bytes| bytes == comment));
}

#[test]
fn a_socket_in_use_is_refused_and_a_stale_one_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path());
    let stale = directory.path().join("a.sock");
    drop(UnixListener::bind(&stale).unwrap());
    let first = Process::start(&config, [None, None]).unwrap();
    let error = Process::start(&config, [None, None]).unwrap_err().to_string();
    assert!(error.contains("a.sock") && error.contains("in use"), "{error}");
    drop(first);
}

#[test]
fn a_file_in_the_way_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.sock");
    std::fs::write(&file, "precious").unwrap();
    let error = Process::start(&config(directory.path()), [None, None]).unwrap_err().to_string();
    assert!(error.contains("not a socket"), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), b"precious");
}
