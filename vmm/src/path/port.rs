//! A port of the router: who it is, whom it knows, and the line behind it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Side;
use super::config::PathConfig;
use super::icmp::{Limiter, Link as Addresses};
use super::link::Link;
use super::neighbour::Neighbours;
use super::wire::{ETHERNET, Mac};

/// A port of the router.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) mac: Mac,
    /// MTUs of the links towards the port, in order.
    pub(super) mtus: Vec<usize>,
    /// The smallest of them.
    pub(super) mtu: usize,
    pub(super) ip: Option<ipnet::Ipv4Net>,
    pub(super) ip6: Option<ipnet::Ipv6Net>,
    /// The address that every IPv6 interface has (RFC 4291, section 2.5.6), made of the MAC.
    pub(super) link_local: Ipv6Addr,
    /// Whether a firewall in front of the port's peer keeps out ICMP that is no echo.
    pub(super) filtered: bool,
    pub(super) neighbours: Neighbours,
    /// Limits of the errors towards the port, one for each router, the nearest one first.
    pub(super) limit4: Vec<Limiter>,
    pub(super) limit6: Vec<Limiter>,
    pub(super) link: Link,
}

impl Port {
    pub(super) fn new(config: &PathConfig, side: Side) -> Self {
        let port = &config.ports[side.index()];
        // Locally administered; the last byte tells the ports apart.
        let mac = port.mac.unwrap_or([0x02, 0, 0, 0, 0, 0x0a + side.index() as u8]);
        let mut new = Self {
            mac,
            mtus: Vec::new(),
            mtu: 0,
            ip: port.ip,
            ip6: port.ip6,
            link_local: link_local(mac),
            filtered: false,
            neighbours: Neighbours::default(),
            limit4: Vec::new(),
            limit6: Vec::new(),
            link: Link::new(config.link(side), config.round_trip()),
        };
        new.reconfigure(config, side);
        new
    }

    /// Becomes what `config` says, but for its addresses.
    pub(super) fn reconfigure(&mut self, config: &PathConfig, side: Side) {
        self.mtus = config.mtus(side).map(usize::from).collect();
        self.mtu = self.mtus.iter().copied().min().unwrap_or_default();
        self.filtered = config.icmp_filter[side.index()];
        for limits in [&mut self.limit4, &mut self.limit6] {
            limits.resize(self.mtus.len(), Limiter::new(config.icmp));
            for limit in limits {
                limit.set(config.icmp);
            }
        }
        self.link.reconfigure(config.link(side), config.round_trip());
    }

    /// Addresses of a frame from the router to `mac`.
    pub(super) fn to(&self, mac: Mac) -> Addresses {
        Addresses { from: self.mac, to: mac }
    }

    /// Routers that a packet towards the port passes, one before each link.
    pub(super) fn routers(&self) -> usize {
        self.mtus.len()
    }

    /// Whether a frame is one that its links carry.
    pub(super) fn fits(&self, frame: &[u8]) -> bool {
        self.too_tight(frame.len().saturating_sub(ETHERNET)).is_none()
    }

    /// Where a packet of `length` bytes towards the port does not fit: the router and the MTU of
    /// the link after it.
    pub(super) fn too_tight(&self, length: usize) -> Option<(usize, usize)> {
        let mut links = self.mtus.iter().copied().enumerate();
        links.find(|(_, mtu)| length > *mtu)
    }

    pub(super) fn covers(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => self.ip.is_some_and(|net| net.contains(&ip)),
            IpAddr::V6(ip) => self.ip6.is_some_and(|net| net.contains(&ip)),
        }
    }

    pub(super) fn owns(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => self.address() == Some(ip),
            IpAddr::V6(ip) => self.address6() == Some(ip),
        }
    }

    pub(super) fn address(&self) -> Option<Ipv4Addr> {
        self.ip.map(|net| net.addr())
    }

    pub(super) fn address6(&self) -> Option<Ipv6Addr> {
        self.ip6.map(|net| net.addr())
    }
}

fn link_local(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.map(u16::from);
    Ipv6Addr::new(0xfe80, 0, 0, 0, (a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f)
}
