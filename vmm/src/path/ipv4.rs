//! IPv4 and ARP: forwarding, fragments, errors, and what the router answers itself.

use std::net::IpAddr;
use std::time::Duration;

use devices::ethernet::checksum::Sum;
use etherparse::icmpv4::{DestUnreachableHeader, TimeExceededCode};
use etherparse::{
    ArpEthIpv4Packet, ArpOperation, ArpPacket, EtherType, Icmpv4Slice, Icmpv4Type, IpNumber,
    Ipv4Header, Ipv4HeaderSlice, PacketBuilder,
};

use super::remark::{Message, Remark, Told};
use super::router::{Arrival, Origin, Router};
use super::wire::{BROADCAST, ETHERNET, Mac, adjust, word};
use super::{IcmpMtu, Side, fragment, icmp};

const TTL: usize = 8;
const CHECKSUM: usize = 10;
/// ICMP type, and the code after it, in a frame of the router's own.
const ICMP: usize = ETHERNET + Ipv4Header::MIN_LEN;

impl Router {
    /// Learns from ARP and answers questions about the port's own address.
    pub(super) fn arp(&mut self, arrival: Arrival, packet: &[u8]) -> Option<()> {
        let Arrival { from, now, .. } = arrival;
        let packet = ArpPacket::from_slice(packet).ok()?.try_eth_ipv4().ok()?;
        self.learn(from, packet.sender_ipv4_addr().into(), packet.sender_mac, now);
        let own = self.port(from).address() == Some(packet.target_ipv4_addr());
        if packet.operation == ArpOperation::REQUEST && own {
            let reply = ArpEthIpv4Packet {
                operation: ArpOperation::REPLY,
                sender_mac: self.port(from).mac,
                sender_ipv4: packet.target_ipv4,
                target_mac: packet.sender_mac,
                target_ipv4: packet.sender_ipv4,
            };
            self.note(Remark::Answered("ARP"));
            self.send_arp(from, arrival.sender, reply, now);
        }
        Some(())
    }

    /// Asks for the address of a neighbour.
    pub(super) fn ask4(&mut self, side: Side, ip: std::net::Ipv4Addr, now: Duration) {
        let port = self.port(side);
        let Some(own) = port.address() else { return };
        let request = ArpEthIpv4Packet {
            operation: ArpOperation::REQUEST,
            sender_mac: port.mac,
            sender_ipv4: own.octets(),
            target_mac: [0; 6],
            target_ipv4: ip.octets(),
        };
        self.send_arp(side, BROADCAST, request, now);
    }

    fn send_arp(&mut self, side: Side, to: Mac, packet: ArpEthIpv4Packet, now: Duration) {
        let builder = PacketBuilder::ethernet2(self.port(side).mac, to).arp(packet.into());
        let mut frame = Vec::with_capacity(builder.size());
        if builder.write(&mut frame).is_ok() {
            self.answer(side, frame, now);
        }
    }

    /// Forwards or answers a packet. `None` if it is malformed.
    pub(super) fn ipv4(&mut self, arrival: Arrival, packet: &[u8]) -> Option<()> {
        let header = Ipv4HeaderSlice::from_slice(packet).ok()?;
        let mut sum = Sum::default();
        sum.add(header.slice());
        let packet = packet.get(..usize::from(header.total_len()))?;
        let payload = packet.get(header.slice().len()..).filter(|_| sum.finish() == 0)?;
        let whole = !header.is_fragmenting_payload();
        let (from, to_ip) = (arrival.from, header.destination_addr());
        if header.protocol() == IpNumber::TCP && whole {
            self.measure(from, payload);
        }
        if let Some(own) = self.own(to_ip.into()) {
            self.echo4(arrival, own, &header, payload);
            return Some(());
        }
        if arrival.group || to_ip.is_multicast() || to_ip.is_broadcast() {
            return Some(());
        }
        let Some(to) = self.route(to_ip.into()) else {
            self.count(from).unroutable += 1;
            let kind = Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::Network);
            let told = self.error4(arrival, packet, kind, Origin::NEAREST);
            self.note(Remark::Unroutable(told));
            return Some(());
        };
        if to == from {
            self.count(from).unroutable += 1;
            return Some(());
        }
        let echo = |kind: &u8| icmp::is_echo(*kind);
        let is_icmp = header.protocol() == IpNumber::ICMP && header.fragments_offset().value() == 0;
        if is_icmp && self.port(to).filtered && !payload.first().is_some_and(echo) {
            self.count(from).icmp_filtered += 1;
            self.note(Remark::Filtered(to));
            return Some(());
        }
        // A router counts the hop before it looks at the link behind it.
        let expires = usize::from(header.ttl()).saturating_sub(1);
        let tight = self.port(to).too_tight(packet.len());
        if expires < tight.map_or(self.port(to).routers(), |(router, _)| router + 1) {
            self.count(from).hops_exceeded += 1;
            let kind = Icmpv4Type::TimeExceeded(TimeExceededCode::TtlExceededInTransit);
            let origin = Origin { router: expires, way: self.way_back(from, expires) };
            let told = self.error4(arrival, packet, kind, origin);
            self.note(Remark::HopsExceeded(told));
        } else if let Some((router, mtu)) = tight
            && header.dont_fragment()
        {
            self.count(from).over_mtu_dropped += 1;
            let next_hop_mtu = match self.config.icmp_mtu {
                IcmpMtu::NextHop => mtu as u16,
                IcmpMtu::Zero => 0,
            };
            let kind = DestUnreachableHeader::FragmentationNeeded { next_hop_mtu };
            let kind = Icmpv4Type::DestinationUnreachable(kind);
            let origin = Origin { router, way: self.way_back(from, router + 1) };
            let told = self.error4(arrival, packet, kind, origin);
            self.note(Remark::OverMtu { length: packet.len(), mtu, told });
            if told.is_sent() {
                self.count(from).frag_needed_sent += 1;
            }
        } else {
            let mut frame = self.buffer(EtherType::IPV4.0, [packet, &[]]);
            count_hops(&mut frame[ETHERNET..], self.port(to).routers());
            if header.protocol() == IpNumber::TCP && whole {
                let segment = ETHERNET + header.slice().len();
                self.clamp(from, &mut frame[segment..], false);
            }
            if tight.is_none() {
                self.forward(to, to_ip.into(), frame, arrival.now);
            } else {
                let (mtu, mtus) = (self.port(to).mtu, self.port(to).mtus.clone());
                let before = self.count(from).not_sent();
                let pieces = self.fragment4(arrival, to, to_ip.into(), &frame[ETHERNET..], &mtus);
                let dropped = self.count(from).not_sent() - before;
                self.note(Remark::Fragmented { length: packet.len(), mtu, pieces, dropped });
                self.recycle(frame);
            }
        }
        Some(())
    }

    /// Cuts a packet for the first link that it is too long for, and its pieces for the links
    /// after that. Answers how many go on in the end.
    fn fragment4(
        &mut self,
        arrival: Arrival,
        to: Side,
        to_ip: IpAddr,
        packet: &[u8],
        mtus: &[usize],
    ) -> u64 {
        let Some(tight) = mtus.iter().position(|mtu| packet.len() > *mtu) else { return 0 };
        let mut cut_again = 0;
        let (mtu, rest) = (mtus[tight], &mtus[tight + 1..]);
        let pieces = fragment::split(packet, mtu, |header, payload| {
            let frame = self.buffer(EtherType::IPV4.0, [header, payload]);
            if rest.iter().all(|mtu| frame.len() - ETHERNET <= *mtu) {
                self.forward(to, to_ip, frame, arrival.now);
            } else {
                cut_again +=
                    self.fragment4(arrival, to, to_ip, &frame[ETHERNET..], rest).saturating_sub(1);
                self.recycle(frame);
            }
        });
        let counters = self.count(arrival.from);
        counters.fragmented += 1;
        counters.fragments_sent += pieces;
        pieces + cut_again
    }

    /// Answers an echo request to the address of port `own`, but for one that is too long for the link
    /// that it came by.
    fn echo4(&mut self, arrival: Arrival, own: Side, header: &Ipv4HeaderSlice<'_>, payload: &[u8]) {
        let Arrival { from, sender, now, .. } = arrival;
        let Ok(message) = Icmpv4Slice::from_slice(payload) else { return };
        let Icmpv4Type::EchoRequest(echo) = message.icmp_type() else { return };
        if header.protocol() != IpNumber::ICMP || header.is_fragmenting_payload() {
            return;
        }
        let (link, kind) = (self.port(from).to(sender), Icmpv4Type::EchoReply(echo));
        let reply =
            icmp::message4(link, header.destination(), header.source(), kind, message.payload());
        let way = if own == from { Duration::ZERO } else { self.round_trip() };
        if let Some(reply) = reply.filter(|reply| self.port(from).fits(reply)) {
            self.note(Remark::Answered("echo"));
            self.answer(from, reply, now + way);
        }
    }

    /// Tells the sender of `packet` what became of it.
    fn error4(
        &mut self,
        arrival: Arrival,
        packet: &[u8],
        kind: Icmpv4Type,
        origin: Origin,
    ) -> Told {
        let Arrival { from, sender, now, .. } = arrival;
        if !deserves_error(arrival, packet) {
            return Told::Never;
        }
        let limit = self.port_mut(from).limit4.get_mut(origin.router);
        if !limit.is_some_and(|limit| limit.allow(now)) {
            self.count(from).icmp_suppressed += 1;
            return Told::Suppressed;
        }
        let port = self.port(from);
        let Some(own) = port.address() else { return Told::Never };
        let Ok(header) = Ipv4HeaderSlice::from_slice(packet) else { return Told::Never };
        let (link, quote) = (port.to(sender), icmp::quote(packet));
        let fragmentation = matches!(
            kind,
            Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::FragmentationNeeded { .. })
        );
        let Some(error) = icmp::message4(link, own.octets(), header.source(), kind, quote) else {
            return Told::Never;
        };
        let message = Message("ICMP", error[ICMP], error[ICMP + 1]);
        if !fragmentation {
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

/// Whether an error may be sent about a packet (RFC 1812, section 4.3.2.7).
fn deserves_error(arrival: Arrival, packet: &[u8]) -> bool {
    let Ok(header) = Ipv4HeaderSlice::from_slice(packet) else { return false };
    let source = header.source_addr();
    let error = header.protocol() == IpNumber::ICMP
        && packet.get(header.slice().len()).is_none_or(|kind| icmp::is_error(*kind));
    let station = !(source.is_unspecified()
        || source.is_multicast()
        || source.is_broadcast()
        || source.is_loopback());
    station && !error && !arrival.group && header.fragments_offset().value() == 0
}

/// Takes hops off a packet whose header was checked and that has more left.
fn count_hops(packet: &mut [u8], hops: usize) {
    if let (Some(old), Some(checksum)) = (word(packet, TTL), word(packet, CHECKSUM)) {
        let new = old.saturating_sub((hops as u16) << 8);
        packet[TTL..TTL + 2].copy_from_slice(&new.to_be_bytes());
        let checksum = adjust(checksum, old, new);
        packet[CHECKSUM..CHECKSUM + 2].copy_from_slice(&checksum.to_be_bytes());
    }
}
