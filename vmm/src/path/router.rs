//! The router itself: ports, lines, and the way of a frame from one to the other.

use std::net::IpAddr;
use std::time::Duration;

use super::chance::Chance;
use super::config::PathConfig;
use super::counters::{Counters, Report, SCHEMA};
use super::port::Port;
use super::wire::{self, ETHERNET, Mac};
use super::{MssClamp, Remark, Side, tcp};

const ARP: u16 = 0x0806;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// IP header and TCP header without options.
const HEADERS_IPV4: u16 = 40;
const HEADERS_IPV6: u16 = 60;
/// Buffers kept for the next frames.
const POOL_MAX: usize = 4096;

/// A router with two ports. See the module for how frames pass.
#[derive(Debug)]
pub struct Router {
    pub(super) ports: [Port; 2],
    /// By the port where the direction begins.
    pub(super) counters: [Counters; 2],
    pub(super) config: PathConfig,
    /// By the port where the direction ends.
    pub(super) chances: [Chance; 2],
    pool: Vec<Vec<u8>>,
    /// About the frame that is on its way in.
    remark: Option<Remark>,
}

impl Router {
    /// A router that has seen nothing yet.
    pub fn new(config: &PathConfig) -> Self {
        let mut seeds = fastrand::Rng::with_seed(config.seed);
        Self {
            ports: Side::BOTH.map(|side| Port::new(config, side)),
            counters: Default::default(),
            config: config.clone(),
            chances: [Chance::new(&mut seeds), Chance::new(&mut seeds)],
            pool: Vec::new(),
            remark: None,
        }
    }

    /// What the path is set to.
    pub fn config(&self) -> &PathConfig {
        &self.config
    }

    /// Sets the path to something else. Addresses and the seed stay as they were; what is on its
    /// way keeps its time.
    pub fn reconfigure(&mut self, config: PathConfig) {
        for side in Side::BOTH {
            self.port_mut(side).reconfigure(&config, side);
        }
        self.config = config;
    }

    /// Takes a frame that arrived at a port. Answers what is worth saying about it.
    pub fn ingress(&mut self, from: Side, frame: &[u8], now: Duration) -> Option<Remark> {
        self.remark = None;
        let counters = self.count(from);
        counters.frames += 1;
        counters.bytes += frame.len() as u64;
        let Some((to, sender, ether_type, packet)) = wire::split(frame) else {
            counters.malformed += 1;
            return Some(Remark::Malformed);
        };
        if wire::is_group(sender) || (to != self.port(from).mac && !wire::is_group(to)) {
            self.count(from).unroutable += 1;
            return None;
        }
        let arrival = Arrival { from, sender, group: wire::is_group(to), now };
        let understood = match ether_type {
            ARP => self.arp(arrival, packet),
            IPV4 => self.ipv4(arrival, packet),
            IPV6 => self.ipv6(arrival, packet),
            _ => Some(()),
        };
        if understood.is_none() {
            self.count(from).malformed += 1;
            return Some(Remark::Malformed);
        }
        self.remark
    }

    /// Says something about the frame that is on its way in.
    pub(super) fn note(&mut self, remark: Remark) {
        self.remark = Some(remark);
    }

    /// When something happens by itself: a frame comes out at a port that `open` names, or a
    /// neighbour is to be asked again.
    pub fn next(&self, open: [bool; 2]) -> Option<Duration> {
        let ports = || self.ports.iter();
        let departures =
            ports().zip(open).filter_map(|(port, open)| port.link.next().filter(|_| open));
        departures.chain(ports().filter_map(|port| port.neighbours.next())).min()
    }

    /// Does what is due by `now`. To be called before frames are taken out.
    pub fn tick(&mut self, now: Duration) {
        for side in Side::BOTH {
            let (ask, dropped) = self.port_mut(side).neighbours.due(now);
            self.count(side.other()).unresolved_dropped += dropped;
            for ip in ask {
                self.ask(side, ip, now);
            }
        }
    }

    /// The next frame that has come out at a port by `now`. Give it back to [`Router::recycle`].
    pub fn pop(&mut self, to: Side, now: Duration) -> Option<Vec<u8>> {
        self.port_mut(to).link.pop(now)
    }

    /// Takes back the memory of a frame.
    pub fn recycle(&mut self, mut frame: Vec<u8>) {
        if self.pool.len() < POOL_MAX {
            frame.clear();
            self.pool.push(frame);
        }
    }

    /// Takes back a frame that came out at a port without a peer.
    pub fn discard(&mut self, to: Side, frame: Vec<u8>) {
        self.count(to.other()).unplugged_dropped += 1;
        self.recycle(frame);
    }

    /// Forgets who lived behind a port: its peer is gone.
    pub fn unplugged(&mut self, side: Side) {
        let neighbours = std::mem::take(&mut self.port_mut(side).neighbours);
        self.count(side.other()).unresolved_dropped += neighbours.frames();
    }

    /// The counters of the direction that begins at `from`.
    pub fn counters(&self, from: Side) -> &Counters {
        &self.counters[from.index()]
    }

    /// All counters as of `now`.
    pub fn report(&self, now: Duration, connected: [bool; 2], last: bool) -> Report {
        let [a_to_b, b_to_a] = self.counters.clone();
        let elapsed_seconds = now.as_secs_f64();
        Report { schema: SCHEMA.into(), elapsed_seconds, last, connected, a_to_b, b_to_a }
    }

    pub(super) fn port(&self, side: Side) -> &Port {
        &self.ports[side.index()]
    }

    pub(super) fn port_mut(&mut self, side: Side) -> &mut Port {
        &mut self.ports[side.index()]
    }

    pub(super) fn count(&mut self, from: Side) -> &mut Counters {
        &mut self.counters[from.index()]
    }

    /// The port behind which `ip` lives.
    pub(super) fn route(&self, ip: IpAddr) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| self.port(*side).covers(ip))
    }

    /// The port whose own address `ip` is.
    pub(super) fn own(&self, ip: IpAddr) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| self.port(*side).owns(ip))
    }

    /// The delay there and back.
    pub(super) fn round_trip(&self) -> Duration {
        self.ports.iter().map(|port| port.link.delay()).sum()
    }

    /// How long an error about a packet takes that came from `from` and passed `links` links.
    pub(super) fn way_back(&self, from: Side, links: usize) -> Duration {
        let all = self.port(from.other()).routers().max(1);
        self.round_trip() * links as u32 / all as u32
    }

    /// A buffer with room for an Ethernet header that says `ether_type`, then `parts`.
    pub(super) fn buffer(&mut self, ether_type: u16, parts: [&[u8]; 2]) -> Vec<u8> {
        let mut frame = self.pool.pop().unwrap_or_default();
        frame.extend_from_slice(&[0; ETHERNET - 2]);
        frame.extend_from_slice(&ether_type.to_be_bytes());
        for part in parts {
            frame.extend_from_slice(part);
        }
        frame
    }

    /// Counts a TCP segment by its payload.
    pub(super) fn measure(&mut self, from: Side, segment: &[u8]) {
        if let Some(payload @ 1..) = tcp::payload(segment) {
            let size = u16::try_from(payload).unwrap_or(u16::MAX);
            *self.count(from).segment_sizes.entry(size).or_default() += 1;
        }
    }

    /// Lowers the MSS of a SYN.
    pub(super) fn clamp(&mut self, from: Side, segment: &mut [u8], ipv6: bool) {
        let headers = if ipv6 { HEADERS_IPV6 } else { HEADERS_IPV4 };
        let most = match self.config.mss_clamp {
            None => return,
            Some(MssClamp::Bytes(most)) => most,
            Some(MssClamp::Pmtu) => {
                let mtu = self.ports.iter().map(|port| port.mtu).min().unwrap_or_default();
                (mtu as u16).saturating_sub(headers)
            }
        };
        if tcp::clamp(segment, most) {
            self.count(from).mss_clamped += 1;
            self.note(Remark::Clamped(most));
        }
    }
}

/// The router of a chain that says something about a packet, and when its sender hears.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// Counted from the sender.
    pub(super) router: usize,
    /// How long the packet and the error take together.
    pub(super) way: Duration,
}

impl Origin {
    /// The first router, at once.
    pub(super) const NEAREST: Self = Self { router: 0, way: Duration::ZERO };
}

/// A frame's way in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) from: Side,
    pub(super) sender: Mac,
    /// Whether it was sent to a group.
    pub(super) group: bool,
    pub(super) now: Duration,
}

#[cfg(test)]
#[path = "router_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "chain_tests.rs"]
mod chain_tests;

#[cfg(test)]
#[path = "remark_tests.rs"]
mod remark_tests;
