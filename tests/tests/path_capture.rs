//! What the path records is readable by others: tshark shows the comments.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use devices::net::Stream;
use etherparse::PacketBuilder;
use tests::program::skip;
use tests::wait::wait;
use tests::wire::{receive, send};
use vmm::path::PathConfig;
use vmm::path::process::Process;

const SERVER: [u8; 6] = [2, 0, 0, 0, 1, 2];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 0x0a];

/// A UDP packet of 1500 bytes that must not be fragmented.
fn frame() -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(SERVER, ROUTER)
        .ipv4([10, 0, 1, 2], [10, 0, 2, 2], 64)
        .udp(1, 2)
        .write(&mut frame, &[0; 1472])
        .expect("it fits");
    frame
}

/// Sends a frame into a path with MTU 1420, waits for the answer, and leaves the capture in `file`.
fn record(directory: &Path, file: &Path) {
    let port = |text: String| text.parse().expect("a port");
    let at = directory.display();
    let config = PathConfig::new(
        port(format!("stream:{at}/a,ip=10.0.1.1/24")),
        port(format!("stream:{at}/b,ip=10.0.2.1/24,mtu=1420")),
    );
    let process = Process::start(&config, [Some(file.to_owned()), None]).expect("the path starts");
    let (stop, stopped) = UnixStream::pair().expect("a pair of sockets");
    let path = std::thread::spawn(move || process.run(stopped.as_fd(), None, |_| Ok(())));
    let mut server = Stream::open(directory.join("a")).expect("a socket");
    send(&mut server, &frame());
    wait("an answer to a packet over the MTU", Duration::from_secs(5), || receive(&mut server));
    drop(stop);
    path.join().expect("the path did not panic").expect("the path ran");
}

#[test]
fn tshark_shows_why_the_path_dropped_a_packet_and_what_it_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("a.pcapng");
    record(directory.path(), &file);
    let tshark = Command::new("tshark")
        .arg("-r")
        .arg(&file)
        .args(["-T", "fields", "-e", "frame.len", "-e", "icmp.mtu", "-e", "frame.comment"])
        .output();
    let Ok(output) = tshark else {
        skip("the path's capture in tshark", "there is no tshark; install the package tshark");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<_> = text.lines().collect();
    let expected = ["1514\t\tdropped: 1500 > MTU 1420, ICMP 3/4 sent", "590\t1420\t"];
    assert_eq!(lines, expected, "{}", String::from_utf8_lossy(&output.stderr));
}
