//! `nicvmm path` between two programs that know nothing of it but the framing: watched, and changed
//! while they talk.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use etherparse::{EtherType, Ethernet2Header, PacketBuilder, SlicedPacket, TransportSlice};
use serde_json::Value;
use tempfile::TempDir;
use tests::program::nicvmm;

const PATIENCE: Duration = Duration::from_secs(20);
const SERVER: [u8; 6] = [2, 0, 0, 0, 1, 2];
const CLIENT: [u8; 6] = [2, 0, 0, 0, 2, 2];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 0x0a];

/// A path, and its two foreign programs.
struct Watched {
    directory: TempDir,
    path: Child,
    server: UnixStream,
    client: UnixStream,
}

impl Watched {
    fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let at = directory.path().display();
        let path = nicvmm(&["path", "--delay", "1ms"])
            .args(["--port", &format!("stream:{at}/a,ip=10.0.1.1/24")])
            .args(["--port", &format!("stream:{at}/b,ip=10.0.2.1/24,mtu=1420")])
            .args(["--control", &format!("{at}/control")])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let (server, client) =
            (connect(&directory.path().join("a")), connect(&directory.path().join("b")));
        Self { directory, path, server, client }
    }

    /// What `nicvmm path show` or `set` says.
    fn ask(&self, verb: &str, changes: &[&str]) -> Value {
        let control = self.directory.path().join("control");
        let output = nicvmm(&["path", verb, "--json", "--control"])
            .arg(control)
            .args(changes)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Sends a packet of 1460 bytes and answers what comes of it: an ICMP error at the server, or the
    /// packet at the client.
    fn talk(&mut self) -> &'static str {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2(SERVER, ROUTER)
            .ipv4([10, 0, 1, 2], [10, 0, 2, 2], 64)
            .udp(1, 2)
            .write(&mut frame, &[0; 1432])
            .unwrap();
        send(&mut self.server, &frame);
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "nothing came of a packet");
            if let Some(frame) = receive(&mut self.client) {
                match Ethernet2Header::from_slice(&frame).unwrap().0.ether_type {
                    EtherType::ARP => send(&mut self.client, &arp_reply(&frame)),
                    _ => return "passed",
                }
            }
            if let Some(frame) = receive(&mut self.server)
                && let Ok(packet) = SlicedPacket::from_ethernet(&frame)
                && let Some(TransportSlice::Icmpv4(_)) = packet.transport
            {
                return "too big";
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.path.kill();
        let _ = self.path.wait();
    }
}

fn connect(socket: &Path) -> UnixStream {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(stream) = UnixStream::connect(socket) {
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            return stream;
        }
        assert!(Instant::now() < deadline, "the path does not listen");
        std::thread::yield_now();
    }
}

fn send(stream: &mut UnixStream, frame: &[u8]) {
    stream.write_all(&(frame.len() as u32).to_be_bytes()).unwrap();
    stream.write_all(frame).unwrap();
}

/// A frame, if one comes within a moment.
fn receive(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).ok()?;
    Some(frame)
}

/// Says that the address which is asked for is the client's.
fn arp_reply(request: &[u8]) -> Vec<u8> {
    let asker = request[22..28].to_vec();
    let (asker_ip, wanted) = (request[28..32].to_vec(), request[38..42].to_vec());
    let head = [&asker[..], &CLIENT, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 2], &CLIENT, &wanted];
    let reply = [&head.concat()[..], &asker, &asker_ip].concat();
    [&reply[..], &vec![0; 60 - reply.len()]].concat()
}

#[test]
fn a_path_between_two_foreign_programs_is_changed_while_they_talk() {
    let mut watched = Watched::start();
    assert_eq!(watched.talk(), "too big");
    assert_eq!(watched.ask("show", &[])["counters"]["a_to_b"]["over_mtu_dropped"], 1);
    assert_eq!(watched.ask("set", &["mtu=1492"])["settings"]["towards_b"]["mtu"], 1492);
    assert_eq!(watched.talk(), "passed");
    watched.ask("set", &["b.mtu=1420", "icmp=none"]);
    assert_eq!(watched.ask("show", &[])["settings"]["icmp"], "none");
    let counters = watched.ask("show", &[]);
    assert_eq!(counters["counters"]["connected"], serde_json::json!([true, true]));
    assert_eq!(counters["counters"]["a_to_b"]["forwarded_frames"], 1);
}
