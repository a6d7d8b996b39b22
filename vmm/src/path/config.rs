//! What a path is like, and how that is written.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::{Ipv4Net, Ipv6Net};

use super::chance::Reorder;
use super::link::LinkConfig;
use super::policy::{IcmpMtu, IcmpPolicy, MssClamp};
use super::units::{Queue, Rate};
use super::{Side, wire};

/// MTU of a port that does not say.
pub const DEFAULT_MTU: u16 = 1500;
/// Smallest MTU of a port: what every internet module must take in one piece (RFC 791).
pub const MTU_MIN: u16 = 68;
/// Smallest MTU of a port with an IPv6 address (RFC 8200, section 5).
pub const MTU_MIN_IPV6: u16 = 1280;
/// Most links of a chain: a packet of Linux has 64 hops, and guests count some themselves.
pub const CHAIN_MAX: usize = 16;
/// Bytes per packet that a line spends beside the IP packet: Ethernet header and FCS.
pub const DEFAULT_OVERHEAD: u64 = 18;

/// A port is not described well
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// It does not begin with the kind of wire
    #[error("port '{0}' must begin with stream:SOCKET, for example stream:/run/a.sock,mtu=1420")]
    Wire(String),
    /// A part is not KEY=VALUE or the key is unknown
    #[error("port option '{0}' is unknown; there are mtu, ip, ip6, mac, delay, rate and queue")]
    Key(String),
    /// A value cannot be read
    #[error("port option {key}={value}: {why}")]
    Value {
        /// The option.
        key: String,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// The port could not forward anything
    #[error("port '{0}' has neither ip= nor ip6=; give it for example ip=10.0.1.1/24")]
    NoAddress(String),
}

/// One port of the router.
#[derive(Clone, Debug, PartialEq)]
pub struct PortConfig {
    /// Where it listens for its NIC.
    pub socket: PathBuf,
    /// Longest IP packet that leaves by this port.
    pub mtu: u16,
    /// IPv4 address and prefix.
    pub ip: Option<Ipv4Net>,
    /// IPv6 address and prefix.
    pub ip6: Option<Ipv6Net>,
    /// MAC address; the path gives one if there is none.
    pub mac: Option<[u8; 6]>,
    /// Rate towards this port, instead of the path's.
    pub rate: Option<Rate>,
    /// Delay towards this port, instead of the path's.
    pub delay: Option<Duration>,
    /// Queue towards this port, instead of the path's.
    pub queue: Option<Queue>,
}

impl FromStr for PortConfig {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        let mut parts = text.split(',');
        let socket = parts.next().and_then(|wire| wire.strip_prefix("stream:"));
        let socket =
            socket.filter(|path| !path.is_empty()).ok_or_else(|| PortError::Wire(text.into()))?;
        let mut port = Self {
            socket: socket.into(),
            mtu: DEFAULT_MTU,
            ip: None,
            ip6: None,
            mac: None,
            rate: None,
            delay: None,
            queue: None,
        };
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| PortError::Key(part.into()))?;
            port.set(key, value)
                .ok_or_else(|| PortError::Key(part.into()))?
                .map_err(|why| PortError::Value { key: key.into(), value: value.into(), why })?;
        }
        if port.ip.is_none() && port.ip6.is_none() {
            return Err(PortError::NoAddress(text.into()));
        }
        port.check_mtu().map_err(|why| PortError::Value {
            key: "mtu".into(),
            value: port.mtu.to_string(),
            why,
        })?;
        Ok(port)
    }
}

impl PortConfig {
    /// Sets one option; `None` if there is no such option.
    fn set(&mut self, key: &str, value: &str) -> Option<Result<(), String>> {
        fn read<T: FromStr<Err: std::fmt::Display>>(
            value: &str,
            to: impl FnOnce(T),
        ) -> Result<(), String> {
            value.parse().map(to).map_err(|why| why.to_string())
        }
        Some(match key {
            "mtu" => read(value, |mtu| self.mtu = mtu),
            "ip" => read(value, |ip| self.ip = Some(ip)),
            "ip6" => read(value, |ip| self.ip6 = Some(ip)),
            "mac" => wire::parse_mac(value).map(|mac| self.mac = Some(mac)),
            "rate" => read(value, |rate| self.rate = Some(rate)),
            "delay" => read(value, |delay: humantime::Duration| self.delay = Some(delay.into())),
            "queue" => read(value, |queue| self.queue = Some(queue)),
            _ => return None,
        })
    }

    pub(super) fn check_mtu(&self) -> Result<(), String> {
        check_mtu(self.mtu, self.ip6.is_some())
    }

    /// The IPv4 address.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.ip.map(|net| net.addr())
    }

    /// The IPv6 address.
    pub fn address6(&self) -> Option<Ipv6Addr> {
        self.ip6.map(|net| net.addr())
    }
}

fn check_mtu(mtu: u16, ip6: bool) -> Result<(), String> {
    let (least, why) =
        if ip6 { (MTU_MIN_IPV6, "with an IPv6 address") } else { (MTU_MIN, "for IPv4") };
    if mtu < least { Err(format!("must be at least {least} {why}")) } else { Ok(()) }
}

/// A whole path.
#[derive(Clone, Debug, PartialEq)]
pub struct PathConfig {
    /// The ports.
    pub ports: [PortConfig; 2],
    /// MTUs of the links between routers, from the first port to the second; none if there is but
    /// one router.
    pub chain: Vec<u16>,
    /// Rate of either direction.
    pub rate: Option<Rate>,
    /// Delay of either direction.
    pub delay: Duration,
    /// Queue of either direction.
    pub queue: Option<Queue>,
    /// Bytes that each packet costs on the line beside itself.
    pub overhead: u64,
    /// When errors are sent.
    pub icmp: IcmpPolicy,
    /// What ICMP 3/4 says of the MTU; ICMPv6 Packet Too Big always says it.
    pub icmp_mtu: IcmpMtu,
    /// Ports behind a firewall that lets no ICMP in but echo.
    pub icmp_filter: [bool; 2],
    /// Ports whose cable is pulled: their NICs see no link.
    pub unplugged: [bool; 2],
    /// What the MSS of a SYN is lowered to.
    pub mss_clamp: Option<MssClamp>,
    /// Part of all packets that gets lost.
    pub loss: f64,
    /// Longest time that a packet takes longer than the delay says. Packets keep their order.
    pub jitter: Duration,
    /// Packets that others overtake.
    pub reorder: Option<Reorder>,
    /// Seed of all chances.
    pub seed: u64,
}

impl PathConfig {
    /// A path without delay, limits or policy.
    pub fn new(a: PortConfig, b: PortConfig) -> Self {
        Self {
            ports: [a, b],
            chain: Vec::new(),
            rate: None,
            delay: Duration::ZERO,
            queue: None,
            overhead: DEFAULT_OVERHEAD,
            icmp: IcmpPolicy::All,
            icmp_mtu: IcmpMtu::NextHop,
            icmp_filter: [false; 2],
            unplugged: [false; 2],
            mss_clamp: None,
            loss: 0.0,
            jitter: Duration::ZERO,
            reorder: None,
            seed: 0,
        }
    }

    /// MTUs of the links that a packet towards a port meets, in order; the port's own is the last.
    pub fn mtus(&self, towards: Side) -> impl Iterator<Item = u16> {
        let (along, against) = match towards {
            Side::A => (None, Some(self.chain.iter().rev())),
            Side::B => (Some(self.chain.iter()), None),
        };
        let chain = along.into_iter().flatten().chain(against.into_iter().flatten());
        chain.copied().chain([self.ports[towards.index()].mtu])
    }

    /// Whether the chain's links can be.
    pub(crate) fn check_chain(&self) -> Result<(), String> {
        if self.chain.len() > CHAIN_MAX {
            return Err(format!("at most {CHAIN_MAX} links, not {}", self.chain.len()));
        }
        let ip6 = self.ports.iter().any(|port| port.ip6.is_some());
        self.chain.iter().try_for_each(|mtu| check_mtu(*mtu, ip6))
    }

    /// The line towards a port.
    pub fn link(&self, side: Side) -> LinkConfig {
        let port = &self.ports[side.index()];
        LinkConfig {
            rate: port.rate.or(self.rate),
            delay: port.delay.unwrap_or(self.delay),
            queue: port.queue.or(self.queue),
            overhead: self.overhead,
        }
    }

    /// The delay there and back.
    pub fn round_trip(&self) -> Duration {
        self.link(Side::A).delay + self.link(Side::B).delay
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
