//! `nicvmm path` between two programs that know nothing of it but the framing: watched, and changed
//! while they talk.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use devices::net::{Backend, Stream};
use etherparse::{
    ArpEthIpv4Packet, ArpOperation, NetSlice, PacketBuilder, SlicedPacket, TransportSlice,
};
use serde_json::Value;
use tempfile::TempDir;
use tests::program::nicvmm;
use tests::wait::wait;
use tests::wire::{receive, send};

const PATIENCE: Duration = Duration::from_secs(20);
const SERVER: [u8; 6] = [2, 0, 0, 0, 1, 2];
const CLIENT: [u8; 6] = [2, 0, 0, 0, 2, 2];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 0x0a];

/// A path, and its two foreign programs.
struct Watched {
    directory: TempDir,
    path: Child,
    server: Stream,
    client: Stream,
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
        let Self { server, client, .. } = self;
        send(server, &frame);
        wait("what comes of a packet", PATIENCE, || {
            if let Some(frame) = receive(client) {
                match arp_reply(&frame) {
                    Some(reply) => send(client, &reply),
                    None => return Some("passed"),
                }
            }
            if let Some(frame) = receive(server)
                && let Ok(packet) = SlicedPacket::from_ethernet(&frame)
                && let Some(TransportSlice::Icmpv4(_)) = packet.transport
            {
                return Some("too big");
            }
            None
        })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.path.kill();
        let _ = self.path.wait();
    }
}

fn connect(socket: &Path) -> Stream {
    wait("the path to listen", PATIENCE, || {
        Some(Stream::open(socket).unwrap()).filter(Stream::link)
    })
}

/// To a question of ARP: the address that is asked for is the client's.
fn arp_reply(frame: &[u8]) -> Option<Vec<u8>> {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    let Some(NetSlice::Arp(question)) = packet.net else { return None };
    let question = question.to_packet().try_eth_ipv4().unwrap();
    let answer = ArpEthIpv4Packet {
        operation: ArpOperation::REPLY,
        sender_mac: CLIENT,
        sender_ipv4: question.target_ipv4,
        target_mac: question.sender_mac,
        target_ipv4: question.sender_ipv4,
    };
    let mut reply = Vec::new();
    let builder = PacketBuilder::ethernet2(CLIENT, question.sender_mac);
    builder.arp(answer.into()).write(&mut reply).unwrap();
    Some(reply)
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
