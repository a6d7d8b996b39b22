//! The transfer packet by packet, as the path saw it at the server's port.
//!
//! The path records the headers of what passes there, each with a comment on what it did to it
//! ([`Remark`](crate::path)); here the record becomes data segments, acknowledgements and ICMP
//! errors, with sequence numbers that count from 0.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use etherparse::{Icmpv4Type, Icmpv6Type, LaxNetSlice, LaxSlicedPacket, TransportSlice, icmpv4};
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::{Block, PcapNgReader};
use serde::{Deserialize, Serialize};

use devices::net::capture::CaptureLimit;

/// What the path records for a trace: all headers, of more packets than a crawl sends in ten seconds.
pub const RECORDED: CaptureLimit = CaptureLimit { bytes: 160, frames: 2000 };
/// Port of the web server.
const SERVER_PORT: u16 = 80;

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// SYN or SYN and ACK.
    Syn,
    /// Data from the server.
    Data,
    /// What the client has got, or asks for.
    Ack,
    /// "Fragmentation needed" or "packet too big", from the router to the server.
    Icmp,
}

/// What became of it at the router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It went on.
    #[default]
    Passed,
    /// It went on in pieces.
    Fragmented,
    /// It did not.
    Dropped,
}

/// A packet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Packet {
    /// Seconds since the connection's first packet.
    pub at: f64,
    /// What it is.
    pub kind: Kind,
    /// First byte of data, or the byte acknowledged up to, from 0; of an ICMP error what it is about.
    pub sequence: u64,
    /// Bytes of payload; of an ICMP error the MTU it names.
    pub length: u32,
    /// Whether it carries bytes that were sent before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// What became of it.
    #[serde(default, skip_serializing_if = "is_passed")]
    pub fate: Fate,
    /// The path's comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_passed(fate: &Fate) -> bool {
    *fate == Fate::Passed
}

/// Reads the first `frames` of the record at `path`; what cannot be read ends it.
pub fn read(path: &Path, frames: u64) -> Vec<Packet> {
    let Some(mut reader) = File::open(path).ok().and_then(|file| PcapNgReader::new(file).ok())
    else {
        return Vec::new();
    };
    let mut transfer = Transfer::default();
    let mut left = frames;
    while left > 0
        && let Some(Ok(block)) = reader.next_block()
    {
        if let Block::EnhancedPacket(packet) = block {
            transfer.add(&packet);
            left -= 1;
        }
    }
    transfer.packets
}

/// One connection to the web server: the last that began.
#[derive(Debug, Default)]
struct Transfer {
    packets: Vec<Packet>,
    start: Duration,
    /// Sequence number of the server's SYN.
    origin: Option<u32>,
    /// The highest byte sent so far.
    sent: u64,
    acknowledged: u64,
}

impl Transfer {
    fn add(&mut self, block: &EnhancedPacketBlock<'_>) {
        let Ok(sliced) = LaxSlicedPacket::from_ethernet(&block.data) else { return };
        let Some(bytes) = sliced.net.as_ref().and_then(ip_payload) else { return };
        let remark = block.options.iter().find_map(|option| match option {
            EnhancedPacketOption::Comment(text) => Some(text.to_string()),
            _ => None,
        });
        let packet = match &sliced.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                let payload = bytes.saturating_sub(tcp.header_len());
                let from_server = tcp.source_port() == SERVER_PORT;
                if !from_server && tcp.destination_port() != SERVER_PORT {
                    return;
                }
                if tcp.syn() && !tcp.ack() {
                    *self = Self { start: block.timestamp, ..Self::default() };
                } else if tcp.syn() && self.origin.is_none() {
                    self.origin = Some(tcp.sequence_number());
                }
                let kind = match (tcp.syn(), from_server, payload) {
                    (true, ..) => Kind::Syn,
                    (_, true, 1..) => Kind::Data,
                    (_, false, _) if tcp.ack() => Kind::Ack,
                    _ => return,
                };
                let number =
                    if from_server { tcp.sequence_number() } else { tcp.acknowledgment_number() };
                let sequence = if kind == Kind::Syn { 0 } else { self.relative(number) };
                Packet { sequence, length: payload as u32, ..packet(kind) }
            }
            Some(TransportSlice::Icmpv4(icmp)) => match icmp.icmp_type() {
                Icmpv4Type::DestinationUnreachable(
                    icmpv4::DestUnreachableHeader::FragmentationNeeded { next_hop_mtu },
                ) => self.error(next_hop_mtu.into(), icmp.payload(), QUOTE_V4),
                _ => return,
            },
            Some(TransportSlice::Icmpv6(icmp)) => match icmp.icmp_type() {
                Icmpv6Type::PacketTooBig { mtu } => self.error(mtu, icmp.payload(), QUOTE_V6),
                _ => return,
            },
            _ => return,
        };
        self.push(Packet {
            at: (block.timestamp.saturating_sub(self.start).as_micros() as f64) / 1e6,
            fate: fate(remark.as_deref()),
            remark,
            ..packet
        });
    }

    fn push(&mut self, mut packet: Packet) {
        match packet.kind {
            Kind::Data => {
                packet.again = packet.sequence < self.sent;
                self.sent = self.sent.max(packet.sequence + u64::from(packet.length));
            }
            Kind::Ack => self.acknowledged = self.acknowledged.max(packet.sequence),
            Kind::Syn | Kind::Icmp => {}
        }
        self.packets.push(packet);
    }

    /// Where a sequence number is, from the first byte of data: near what was acknowledged last.
    fn relative(&self, number: u32) -> u64 {
        let first = self.origin.unwrap_or(number).wrapping_add(1);
        let expected = first.wrapping_add(self.acknowledged as u32);
        let step = i64::from(number.wrapping_sub(expected) as i32);
        self.acknowledged.saturating_add_signed(step)
    }

    /// An ICMP error; the packet that it is about is quoted in it, its TCP header at `tcp`.
    fn error(&self, mtu: u32, quoted: &[u8], tcp: usize) -> Packet {
        let number = quoted.get(tcp + 4..tcp + 8).and_then(|bytes| bytes.try_into().ok());
        let sequence = number.map_or(0, |number| self.relative(u32::from_be_bytes(number)));
        Packet { sequence, length: mtu, ..packet(Kind::Icmp) }
    }
}

/// Length of the IP header before a quoted TCP header. Linux puts no options there.
const QUOTE_V4: usize = 20;
const QUOTE_V6: usize = 40;

fn packet(kind: Kind) -> Packet {
    let fate = Fate::Passed;
    Packet { at: 0.0, kind, sequence: 0, length: 0, again: false, fate, remark: None }
}

/// Bytes behind the IP header, as the header says: the record may be cut off.
fn ip_payload(net: &LaxNetSlice<'_>) -> Option<usize> {
    match net {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            usize::from(header.total_len()).checked_sub(header.slice().len())
        }
        LaxNetSlice::Ipv6(ip) => Some(ip.header().payload_length().into()),
        LaxNetSlice::Arp(_) => None,
    }
}

/// The path's comments begin with what it did.
fn fate(remark: Option<&str>) -> Fate {
    let does = |what: &str| remark.is_some_and(|remark| remark.starts_with(what));
    match (does("fragmented"), does("dropped") || does("lost")) {
        (true, _) => Fate::Fragmented,
        (_, true) => Fate::Dropped,
        _ => Fate::Passed,
    }
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
