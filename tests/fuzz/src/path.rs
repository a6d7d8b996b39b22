//! The path between two guests, under frames that are anything.
//!
//! The first byte picks what the path is like. Each step that follows is a byte for its kind and
//! bytes for what it needs: a frame in at either port (bytes as they come, or one of those that a
//! router has to do with, with fields that may lie), time, a change of the path, a cable pulled.
//! After each step must hold:
//!
//! - nothing panicked, and arithmetic did not overflow;
//! - what comes out comes from the router, is a whole packet, and fits the MTU of its port;
//! - an IPv4 header that comes out has its checksum right;
//! - what is to happen next is later than now, so that nobody waits for it in circles.

use std::time::Duration;

use devices::ethernet::checksum::Sum;
use vmm::path::{PathConfig, PortConfig, Router, Side};

use crate::Input;

/// Steps after which a story ends.
const STEPS: usize = 200;
/// Frames taken out at a time.
const FRAMES: usize = 4096;
/// The longest time of a step, and of a story.
const LONGEST: u32 = 10_000_000;
const ETHERNET: usize = 14;
/// ARP and neighbour discovery are no IP packets to be forwarded, and the least MTU has room.
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
/// Addresses of the router, by port.
const ROUTER: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 0x0a], [2, 0, 0, 0, 0, 0x0b]];

/// Changes of a path.
const CHANGES: [&str; 20] = [
    "mtu=68",
    "mtu=1280",
    "mtu=1420",
    "mtu=65535",
    "a.mtu=1500",
    "rate=none",
    "rate=1mbit",
    "b.rate=10gbit",
    "queue=1kib",
    "delay=0ms",
    "delay=3s",
    "chain=1492,1400",
    "chain=none",
    "loss=50%",
    "jitter=5ms",
    "reorder=10%,3ms",
    "icmp=every=500ms",
    "icmp=all",
    "mss-clamp=pmtu",
    "icmp-mtu=zero",
];

/// Lives through the story in `data`.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let Some(choice) = input.byte() else { return };
    let mut story = Story::new(choice);
    for _ in 0..STEPS {
        if !story.step(&mut input) {
            return;
        }
        story.check();
    }
}

struct Story {
    router: Router,
    now: Duration,
    /// The longest packet that either port ever could let out.
    longest: usize,
}

impl Story {
    fn new(choice: u8) -> Self {
        let mtu = [68, 576, 1280, 1500, 9000, 65_535][usize::from(choice) % 6];
        let ip6 = |net: &str| if mtu < 1280 { String::new() } else { format!(",ip6={net}::1/64") };
        let port = |text: String| text.parse::<PortConfig>().expect("a port that can be");
        let mut config = PathConfig::new(
            port(format!("stream:a,ip=10.0.1.1/24{}", ip6("fd00:1"))),
            port(format!("stream:b,mtu={mtu},ip=10.0.2.1/24{}", ip6("fd00:2"))),
        );
        for (change, mtu) in [("icmp-filter=on", 0x40), ("mss-clamp=1000", 0x80)] {
            if choice & mtu != 0 {
                change
                    .parse()
                    .map(|change: vmm::path::settings::Change| change.apply(&mut config))
                    .expect("a change that can be")
                    .expect("it goes with the path");
            }
        }
        let mut story = Self { router: Router::new(&config), now: Duration::ZERO, longest: 0 };
        story.remember();
        story
    }

    fn remember(&mut self) {
        let mtus = self.router.config().ports.iter().map(|port| usize::from(port.mtu));
        self.longest = mtus.chain([self.longest]).max().unwrap_or_default();
    }

    fn step(&mut self, input: &mut Input<'_>) -> bool {
        let Some(kind) = input.byte() else { return false };
        let side = if kind & 0x80 == 0 { Side::A } else { Side::B };
        match kind % 16 {
            0 => {
                let length = usize::from(input.byte().unwrap_or_default());
                let frame = input.bytes(length).to_vec();
                self.ingress(side, &frame);
            }
            1 => {
                let packet = arp(input, side);
                self.ingress(side, &packet);
            }
            2..6 => {
                let packet = ipv4(input, side);
                self.ingress(side, &packet);
            }
            6..10 => {
                let packet = ipv6(input, side);
                self.ingress(side, &packet);
            }
            10..12 => {
                self.now += Duration::from_micros(u64::from(input.u32() % LONGEST));
            }
            12 => {
                if let Some(next) = self.router.next([true; 2]) {
                    self.now = self.now.max(next);
                }
            }
            13 => self.change(input),
            14 => self.router.unplugged(side),
            _ => {
                // Those who live behind the ports say where they are.
                for side in Side::BOTH {
                    let packet = arp(&mut Input::new(&[2, 0]), side);
                    self.ingress(side, &packet);
                }
            }
        }
        true
    }

    fn ingress(&mut self, side: Side, frame: &[u8]) {
        let _ = self.router.ingress(side, frame, self.now);
    }

    fn change(&mut self, input: &mut Input<'_>) {
        let change = input.pick(&CHANGES).parse::<vmm::path::settings::Change>();
        let mut config = self.router.config().clone();
        if change.expect("a change that can be").apply(&mut config).is_ok() {
            self.router.reconfigure(config);
            self.remember();
        }
    }

    fn check(&mut self) {
        self.router.tick(self.now);
        for side in Side::BOTH {
            for _ in 0..FRAMES {
                let Some(frame) = self.router.pop(side, self.now) else { break };
                self.look_at(side, &frame);
                self.router.recycle(frame);
            }
        }
        let next = self.router.next([true; 2]);
        assert!(next.is_none_or(|next| next > self.now), "{next:?} is due at {:?}", self.now);
        for side in Side::BOTH {
            let _ = self.router.report(self.now, [true; 2], false);
            let _ = self.router.counters(side);
        }
    }

    fn look_at(&self, side: Side, frame: &[u8]) {
        let (header, packet) = frame.split_at_checked(ETHERNET).expect("a frame has a header");
        assert_eq!(header[6..12], ROUTER[side.index()], "it is not from the router");
        let (length, longest) = (packet.len(), self.longest);
        assert!(length <= longest, "{length} bytes instead of {longest}: {:02x?}", &frame[..64]);
        let word = |at: usize| usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
        match [header[12], header[13]] {
            [8, 0] => {
                assert!(packet.len() >= IPV4_HEADER, "a stump");
                let length = usize::from(packet[0] & 15) * 4;
                assert_eq!(word(2), packet.len(), "the total length lies");
                let mut sum = Sum::default();
                sum.add(&packet[..length]);
                assert!([0, 0xffff].contains(&sum.finish()), "the header's checksum is wrong");
            }
            [0x86, 0xdd] => {
                assert!(packet.len() >= IPV6_HEADER, "a stump");
                assert_eq!(word(4) + IPV6_HEADER, packet.len(), "the payload's length lies");
            }
            [8, 6] => assert!(packet.len() >= 28, "a stump"),
            other => panic!("a router sends no {other:x?}"),
        }
    }
}

/// The one who lives behind a port.
fn neighbour(side: Side) -> ([u8; 6], u8) {
    let port = side.index() as u8 + 1;
    ([2, 0, 0, 0, port, 2], port)
}

fn ethernet(input: &mut Input<'_>, side: Side, kind: [u8; 2]) -> Vec<u8> {
    let (from, _) = neighbour(side);
    let to = match input.byte().unwrap_or_default() {
        0..0xe0 => ROUTER[side.index()],
        0xe0..0xf0 => [0xff; 6],
        _ => [0x33, 0x33, 0xff, 0, 0, 1],
    };
    [&to[..], &from, &kind].concat()
}

fn arp(input: &mut Input<'_>, side: Side) -> Vec<u8> {
    let (mac, port) = neighbour(side);
    let operation = input.byte().unwrap_or_default();
    let mut frame = ethernet(input, side, [8, 6]);
    frame.extend([0, 1, 8, 0, 6, 4, 0, operation]);
    frame.extend(mac);
    frame.extend([10, 0, port, 2]);
    frame.extend(ROUTER[side.index()]);
    frame.extend([10, 0, port, 1]);
    let (cut, noise) = (usize::from(input.byte().unwrap_or_default()), input.bytes(4));
    for (byte, bits) in frame.iter_mut().skip(cut % 32 + ETHERNET).zip(noise) {
        *byte ^= bits;
    }
    frame.truncate(if cut >= 0xf0 { cut - 0xd8 } else { usize::MAX });
    frame
}

/// What an IP packet carries: mostly TCP or ICMP, and bytes of the input.
fn payload(input: &mut Input<'_>, own: u8) -> (u8, Vec<u8>) {
    let protocol = input.pick(&[6, 6, 6, 17, own, own, 44, 0]);
    let length = usize::from(input.u16());
    let (given, filler) = (input.byte().unwrap_or_default(), input.byte().unwrap_or_default());
    let mut bytes = input.bytes(usize::from(given % 100)).to_vec();
    bytes.resize(length % 65_000, filler);
    (protocol, bytes)
}

fn ipv4(input: &mut Input<'_>, side: Side) -> Vec<u8> {
    let mut frame = ethernet(input, side, [8, 0]);
    let (_, port) = neighbour(side);
    let (shape, flags, hops) = (input.byte().unwrap_or_default(), input.u16(), input.byte());
    let to = if shape & 1 == 0 { [10, 0, 3 - port, 2] } else { [10, 0, port, 1] };
    let options = input.bytes(if shape & 2 == 0 { 0 } else { 4 * usize::from(shape >> 5) });
    let (protocol, payload) = payload(input, 1);
    let words = 5 + options.len() as u8 / 4;
    let options = &options[..usize::from(words - 5) * 4];
    let total = usize::from(words) * 4 + payload.len();
    let stated = if shape & 4 == 0 { total as u16 } else { input.u16() };
    let start = frame.len();
    frame.extend([0x40 | words, 0]);
    frame.extend(stated.to_be_bytes());
    frame.extend([0, 7]);
    frame.extend(flags.to_be_bytes());
    frame.extend([hops.unwrap_or(64), protocol, 0, 0, 10, 0, port, 2]);
    frame.extend(to);
    frame.extend(options);
    if shape & 8 == 0 {
        let mut sum = Sum::default();
        sum.add(&frame[start..]);
        let checksum = sum.finish().to_be_bytes();
        frame[start + 10..start + 12].copy_from_slice(&checksum);
    }
    frame.extend(payload);
    frame
}

fn ipv6(input: &mut Input<'_>, side: Side) -> Vec<u8> {
    let mut frame = ethernet(input, side, [0x86, 0xdd]);
    let (_, port) = neighbour(side);
    let (shape, hops) = (input.byte().unwrap_or_default(), input.byte());
    let (protocol, payload) = payload(input, 58);
    let stated = if shape & 4 == 0 { payload.len() as u16 } else { input.u16() };
    let address = |net: u8, host: u8| {
        let mut address = [0; 16];
        (address[0], address[3], address[15]) = (0xfd, net, host);
        address
    };
    let to = match shape & 3 {
        0 | 2 => address(3 - port, 2),
        1 => address(port, 1),
        _ => [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1],
    };
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(stated.to_be_bytes());
    frame.extend([protocol, hops.unwrap_or(64)]);
    frame.extend(address(port, 2));
    frame.extend(to);
    frame.extend(payload);
    frame
}
