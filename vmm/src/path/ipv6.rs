//! IPv6 and neighbour discovery: forwarding, errors, and what the router answers itself.

use std::net::Ipv6Addr;
use std::time::Duration;

use etherparse::icmpv6::{DestUnreachableCode, NeighborAdvertisementHeader, TimeExceededCode};
use etherparse::{EtherType, Icmpv6Slice, Icmpv6Type, IpNumber, Ipv6Header, Ipv6HeaderSlice};

use super::remark::{Message, Remark, Told};
use super::router::{Arrival, Origin, Router};
use super::wire::{ETHERNET, Mac};
use super::{Side, icmp};

const HOP_LIMIT: usize = 7;
/// Hop limit of the router's own packets; neighbour discovery must have 255 (RFC 4861).
const HOPS: u8 = 64;
const HOPS_DISCOVERY: u8 = 255;
/// Neighbour discovery options: source and target link-layer address, length in units of 8 bytes.
const OPTION_SOURCE: u8 = 1;
const OPTION_TARGET: u8 = 2;
const OPTION_UNITS: u8 = 1;
/// Bytes of the target address before the options.
const TARGET: usize = 16;
/// All nodes on a link (RFC 4291, section 2.7.1).
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

impl Router {
    /// Forwards or answers a packet. `None` if it is malformed.
    pub(super) fn ipv6(&mut self, arrival: Arrival, packet: &[u8]) -> Option<()> {
        let header = Ipv6HeaderSlice::from_slice(packet).ok()?;
        let length = Ipv6Header::LEN + usize::from(header.payload_length());
        let packet = packet.get(..length)?;
        let payload = &packet[Ipv6Header::LEN..];
        let Arrival { from, now, .. } = arrival;
        let (from_ip, to_ip) = (header.source_addr(), header.destination_addr());
        if header.next_header() == IpNumber::TCP {
            self.measure(from, payload);
        }
        let own = self.own(to_ip.into());
        if own.is_some() || to_ip.is_multicast() || to_ip.is_unicast_link_local() {
            if header.next_header() == IpNumber::IPV6_ICMP {
                self.icmp6(arrival, own, &header, payload)?;
            }
            return Some(());
        }
        if arrival.group || from_ip.is_unicast_link_local() || from_ip.is_unspecified() {
            return Some(());
        }
        let Some(to) = self.route(to_ip.into()) else {
            self.count(from).unroutable += 1;
            let kind = Icmpv6Type::DestinationUnreachable(DestUnreachableCode::NoRoute);
            let told = self.error6(arrival, packet, kind, Origin::NEAREST);
            self.note(Remark::Unroutable(told));
            return Some(());
        };
        if to == from {
            self.count(from).unroutable += 1;
            return Some(());
        }
        let echo = |kind: &u8| icmp::is_echo6(*kind);
        let is_icmp = header.next_header() == IpNumber::IPV6_ICMP;
        if is_icmp && self.port(to).filtered && !payload.first().is_some_and(echo) {
            self.count(from).icmp_filtered += 1;
            self.note(Remark::Filtered(to));
            return Some(());
        }
        let expires = usize::from(header.hop_limit()).saturating_sub(1);
        let tight = self.port(to).too_tight(packet.len());
        let routers = self.port(to).routers();
        if expires < tight.map_or(routers, |(router, _)| router + 1) {
            self.count(from).hops_exceeded += 1;
            let kind = Icmpv6Type::TimeExceeded(TimeExceededCode::HopLimitExceeded);
            let origin = Origin { router: expires, way: self.way_back(from, expires) };
            let told = self.error6(arrival, packet, kind, origin);
            self.note(Remark::HopsExceeded(told));
            return Some(());
        }
        if let Some((router, mtu)) = tight {
            self.count(from).over_mtu_dropped += 1;
            let kind = Icmpv6Type::PacketTooBig { mtu: mtu as u32 };
            let origin = Origin { router, way: self.way_back(from, router + 1) };
            let told = self.error6(arrival, packet, kind, origin);
            self.note(Remark::OverMtu { length: packet.len(), mtu, told });
            if told.is_sent() {
                self.count(from).packet_too_big_sent += 1;
            }
            return Some(());
        }
        let mut frame = self.buffer(EtherType::IPV6.0, [packet, &[]]);
        frame[ETHERNET + HOP_LIMIT] -= routers as u8;
        if header.next_header() == IpNumber::TCP {
            self.clamp(from, &mut frame[ETHERNET + Ipv6Header::LEN..], true);
        }
        self.forward(to, to_ip.into(), frame, now);
        Some(())
    }

    /// Answers echo and neighbour discovery, and learns from it.
    fn icmp6(
        &mut self,
        arrival: Arrival,
        own: Option<Side>,
        header: &Ipv6HeaderSlice<'_>,
        payload: &[u8],
    ) -> Option<()> {
        let Arrival { from, sender, now, .. } = arrival;
        let message = Icmpv6Slice::from_slice(payload).ok()?;
        if !message.is_checksum_valid(header.source(), header.destination()) {
            return None;
        }
        let discovery = header.hop_limit() == HOPS_DISCOVERY;
        let body = message.payload();
        let port = self.port(from);
        match message.icmp_type() {
            Icmpv6Type::EchoRequest(echo) => {
                let local = header.destination_addr() == port.link_local;
                let way = match own {
                    Some(side) if side != from => self.round_trip(),
                    Some(_) => Duration::ZERO,
                    None if local => Duration::ZERO,
                    None => return Some(()),
                };
                let (link, kind) = (port.to(sender), Icmpv6Type::EchoReply(echo));
                let (own, peer) = (header.destination(), header.source());
                let reply = icmp::message6(link, own, peer, HOPS, kind, body)?;
                if !port.fits(&reply) {
                    return Some(());
                }
                self.note(Remark::Answered("echo"));
                self.answer(from, reply, now + way);
            }
            Icmpv6Type::NeighborSolicitation if discovery => {
                let target = Ipv6Addr::from(*body.first_chunk::<TARGET>()?);
                let asker = header.source_addr();
                if port.address6() == Some(target) || port.link_local == target {
                    let reply = self.advertise(from, target, asker, sender)?;
                    self.note(Remark::Answered("neighbour discovery"));
                    self.answer(from, reply, now);
                }
                if let Some(mac) = option(body, OPTION_SOURCE) {
                    self.learn(from, asker.into(), mac, now);
                }
            }
            Icmpv6Type::NeighborAdvertisement(_) if discovery => {
                let target = Ipv6Addr::from(*body.first_chunk::<TARGET>()?);
                let mac = option(body, OPTION_TARGET).unwrap_or(sender);
                self.learn(from, target.into(), mac, now);
            }
            _ => {}
        }
        Some(())
    }

    fn advertise(
        &self,
        side: Side,
        target: Ipv6Addr,
        asker: Ipv6Addr,
        asker_mac: Mac,
    ) -> Option<Vec<u8>> {
        let port = self.port(side);
        // Who has no address yet asks whether it may take this one: all nodes shall hear.
        let solicited = !asker.is_unspecified();
        let (to, to_mac) =
            if solicited { (asker, asker_mac) } else { (ALL_NODES, group_mac(ALL_NODES)) };
        let kind = NeighborAdvertisementHeader { router: true, solicited, r#override: true };
        icmp::message6(
            port.to(to_mac),
            target.octets(),
            to.octets(),
            HOPS_DISCOVERY,
            Icmpv6Type::NeighborAdvertisement(kind),
            &discovery_body(target, OPTION_TARGET, port.mac),
        )
    }

    /// Asks for the address of a neighbour.
    pub(super) fn ask6(&mut self, side: Side, ip: Ipv6Addr, now: Duration) {
        let port = self.port(side);
        let Some(own) = port.address6() else { return };
        // The solicited-node group of the address (RFC 4291, section 2.7.1).
        let [.., x, y, z] = ip.octets();
        let low = (0xff00 | u16::from(x), u16::from_be_bytes([y, z]));
        let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, low.0, low.1);
        let question = icmp::message6(
            port.to(group_mac(group)),
            own.octets(),
            group.octets(),
            HOPS_DISCOVERY,
            Icmpv6Type::NeighborSolicitation,
            &discovery_body(ip, OPTION_SOURCE, port.mac),
        );
        if let Some(question) = question {
            self.answer(side, question, now);
        }
    }

    /// Tells the sender of `packet` what became of it.
    fn error6(
        &mut self,
        arrival: Arrival,
        packet: &[u8],
        kind: Icmpv6Type,
        origin: Origin,
    ) -> Told {
        let Arrival { from, sender, now, .. } = arrival;
        let Ok(header) = Ipv6HeaderSlice::from_slice(packet) else { return Told::Never };
        let about_error = header.next_header() == IpNumber::IPV6_ICMP
            && packet.get(Ipv6Header::LEN).is_none_or(|kind| icmp::is_error6(*kind));
        if about_error || header.source_addr().is_multicast() {
            return Told::Never;
        }
        let limit = self.port_mut(from).limit6.get_mut(origin.router);
        if !limit.is_some_and(|limit| limit.allow(now)) {
            self.count(from).icmp_suppressed += 1;
            return Told::Suppressed;
        }
        let port = self.port(from);
        let Some(own) = port.address6() else { return Told::Never };
        let (link, quote) = (port.to(sender), icmp::quote6(packet));
        let error = icmp::message6(link, own.octets(), header.source(), HOPS, kind, quote);
        let Some(error) = error else { return Told::Never };
        let message = Message("ICMPv6", kind.type_u8(), kind.code_u8());
        if !matches!(kind, Icmpv6Type::PacketTooBig { .. }) {
            self.count(from).other_errors_sent += 1;
        }
        if self.port(from).filtered {
            self.count(from.other()).icmp_filtered += 1;
            Told::Filtered(message)
        } else {
            self.answer(from, error, now + origin.way);
            Told::Sent(message)
        }
    }
}

/// Where frames to a group go (RFC 2464, section 7).
fn group_mac(group: Ipv6Addr) -> Mac {
    let [.., w, x, y, z] = group.octets();
    [0x33, 0x33, w, x, y, z]
}

/// Target address and one link-layer address option.
fn discovery_body(target: Ipv6Addr, option: u8, mac: Mac) -> [u8; TARGET + 8] {
    let mut body = [0; TARGET + 8];
    body[..TARGET].copy_from_slice(&target.octets());
    body[TARGET..TARGET + 2].copy_from_slice(&[option, OPTION_UNITS]);
    body[TARGET + 2..].copy_from_slice(&mac);
    body
}

/// The link-layer address in the option of this kind, if there is one.
fn option(body: &[u8], wanted: u8) -> Option<Mac> {
    let mut options = body.get(TARGET..)?;
    while let [kind, units, value @ ..] = options {
        if *kind == wanted && *units == OPTION_UNITS {
            return value.first_chunk().copied();
        }
        // A length of zero would have no end; the packet is bad (RFC 4861, section 4.6).
        let length = usize::from(*units) * 8;
        options = options.get(length..).filter(|_| length > 0)?;
    }
    None
}
