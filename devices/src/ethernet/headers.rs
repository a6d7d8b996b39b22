//! The headers at the front of a frame, copied once and checked.
//!
//! A guest may rewrite its memory while a device looks at it, so nothing here looks twice:
//! [`Head::fetch`] takes one copy of as many bytes as headers can fill, [`Head::network`] checks
//! the IP header in it, and [`SuperFrame::new`] the TCP header. After that no accessor can fail.

use std::ops::Range;

use super::checksum::Sum;
use crate::memory::{DmaError, DmaMemory, Gather};

/// Bytes of an Ethernet header.
pub const ETHERNET: usize = 14;
/// Bytes of an 802.1Q tag.
pub const TAG: usize = 4;
/// Where the EtherType, or the tag, stands.
pub const ETHERTYPE_AT: usize = 12;
/// EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
/// EtherType of an 802.1Q tag.
pub const VLAN: u16 = 0x8100;
/// Protocol number of TCP.
pub const TCP: u8 = 6;
/// Protocol number of UDP.
pub const UDP: u8 = 17;
/// The most bytes that the headers looked at here can fill: Ethernet, one tag, IPv4 and TCP with
/// all their options.
pub const MAX_HEADERS: usize = ETHERNET + TAG + 60 + 60;

const IPV4_LEAST: usize = 20;
const IPV6_HEADER: usize = 40;
const TCP_LEAST: usize = 20;

/// What is wrong with a frame that a guest handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The frame ends before its headers do.
    #[error("the frame has {have} bytes, its headers need {need}")]
    Short {
        /// Bytes there are.
        have: usize,
        /// Bytes it takes.
        need: usize,
    },
    /// It carries no IP.
    #[error("EtherType {0:#06x} is not IP")]
    NotIp(u16),
    /// The version in the IP header is not the one that the EtherType says.
    #[error("IP version {0} does not match the EtherType")]
    Version(u8),
    /// The IPv4 header length is below 20 or beyond the frame.
    #[error("the IP header length {0} is below 20 or beyond the frame")]
    IpHeader(usize),
    /// The IP length is shorter than the header or longer than the frame.
    #[error("the IP length {length} does not fit the {present} bytes of the packet")]
    IpLength {
        /// What the header says.
        length: usize,
        /// What the frame has.
        present: usize,
    },
    /// It carries no TCP, or not right after the IP header.
    #[error("IP protocol {0} is not TCP")]
    NotTcp(u8),
    /// The TCP header length is below 20 or beyond the packet.
    #[error("the TCP header length {0} is below 20 or beyond the packet")]
    TcpHeader(usize),
    /// A super-frame with a segment size of zero.
    #[error("the segment size is 0")]
    SegmentSize,
    /// A super-frame of another kind than its headers say.
    #[error("the super-frame's kind does not match its IP version")]
    Kind,
    /// The checksum to fill in lies beyond the frame, or further in than any header reaches.
    #[error("a checksum from byte {start}, to be stored at byte {at}, is out of place")]
    Checksum {
        /// First byte summed.
        start: usize,
        /// Where the result should go.
        at: usize,
    },
    /// The frame could not be read.
    #[error(transparent)]
    Dma(#[from] DmaError),
}

/// IP versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Which word counts about how long a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The length in the IP header: bytes beyond it are padding. A packet longer than the frame
    /// is malformed.
    Stated,
    /// The frame's own length: drivers may leave the length in a super-frame's IP header open.
    Whole,
}

/// One copy of the front of a frame.
#[derive(Clone, Debug)]
pub struct Head {
    bytes: [u8; MAX_HEADERS],
    copied: usize,
    frame: usize,
}

/// An IP header and what it says. All positions count from the start of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its version.
    pub version: Version,
    /// Where it starts: 14, or 18 behind a tag.
    pub at: usize,
    /// Its length with options.
    pub header: usize,
    /// The protocol that follows.
    pub protocol: u8,
    /// Bytes that follow it, up to the end of the packet.
    pub length: usize,
}

impl Network {
    /// Where the transport header starts.
    pub fn transport_at(&self) -> usize {
        self.at + self.header
    }
}

impl Head {
    /// Copies the front of the frame that starts at byte `start` of `frame`.
    pub fn fetch(memory: &DmaMemory, frame: &Gather, start: usize) -> Result<Self, DmaError> {
        let mut bytes = [0; MAX_HEADERS];
        let copied = frame.copy(memory, start..frame.len(), &mut bytes)?;
        Ok(Self { bytes, copied, frame: frame.len().saturating_sub(start) })
    }

    /// Copies the front of a frame in host memory.
    pub fn of(frame: &[u8]) -> Self {
        let mut bytes = [0; MAX_HEADERS];
        let copied = frame.len().min(MAX_HEADERS);
        bytes[..copied].copy_from_slice(&frame[..copied]);
        Self { bytes, copied, frame: frame.len() }
    }

    /// The bytes copied: the whole frame if it is shorter than [`MAX_HEADERS`].
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.copied]
    }

    /// The bytes copied, to patch.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.copied]
    }

    /// Bytes of the whole frame.
    pub fn frame(&self) -> usize {
        self.frame
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    fn need(&self, need: usize) -> Result<(), Malformed> {
        if self.frame < need { Err(Malformed::Short { have: self.frame, need }) } else { Ok(()) }
    }

    /// Finds and checks the IP header, behind one 802.1Q tag if there is one.
    pub fn network(&self, extent: Extent) -> Result<Network, Malformed> {
        self.need(ETHERNET)?;
        let outer = self.u16(ETHERTYPE_AT);
        let (at, ethertype) = if outer == VLAN {
            self.need(ETHERNET + TAG)?;
            (ETHERNET + TAG, self.u16(ETHERTYPE_AT + TAG))
        } else {
            (ETHERNET, outer)
        };
        match ethertype {
            IPV4 => self.ipv4(at, extent),
            IPV6 => self.ipv6(at, extent),
            other => Err(Malformed::NotIp(other)),
        }
    }

    fn ipv4(&self, at: usize, extent: Extent) -> Result<Network, Malformed> {
        self.need(at + IPV4_LEAST)?;
        self.version(at, 4)?;
        let present = self.frame - at;
        let header = usize::from(self.bytes[at] & 0xf) * 4;
        if header < IPV4_LEAST || header > present {
            return Err(Malformed::IpHeader(header));
        }
        let length = match extent {
            Extent::Stated => usize::from(self.u16(at + 2)),
            Extent::Whole => present,
        };
        if length < header || length > present {
            return Err(Malformed::IpLength { length, present });
        }
        let protocol = self.bytes[at + 9];
        Ok(Network { version: Version::V4, at, header, protocol, length: length - header })
    }

    fn ipv6(&self, at: usize, extent: Extent) -> Result<Network, Malformed> {
        self.need(at + IPV6_HEADER)?;
        self.version(at, 6)?;
        let present = self.frame - at - IPV6_HEADER;
        let length = match extent {
            Extent::Stated => usize::from(self.u16(at + 4)),
            Extent::Whole => present,
        };
        if length > present {
            return Err(Malformed::IpLength { length, present });
        }
        let protocol = self.bytes[at + 6];
        Ok(Network { version: Version::V6, at, header: IPV6_HEADER, protocol, length })
    }

    fn version(&self, at: usize, wanted: u8) -> Result<(), Malformed> {
        let version = self.bytes[at] >> 4;
        if version == wanted { Ok(()) } else { Err(Malformed::Version(version)) }
    }

    /// The sum of the pseudo-header's addresses and protocol; the transport length is left out.
    pub fn pseudo_header(&self, network: &Network) -> Sum {
        let (addresses, length) = match network.version {
            Version::V4 => (network.at + 12, 8),
            Version::V6 => (network.at + 8, 32),
        };
        let mut sum = Sum::default();
        sum.add(&self.bytes[addresses..addresses + length]);
        sum.add_u16(u16::from(network.protocol));
        sum
    }
}

/// A frame known to be TCP over IP with sound headers.
#[derive(Clone, Debug)]
pub struct SuperFrame {
    head: Head,
    network: Network,
    payload_at: usize,
    start: usize,
}

impl SuperFrame {
    /// Checks the TCP header of the frame at byte `start` of its gather, whose front is `head`
    /// and whose IP header is `network`.
    pub fn new(head: Head, network: Network, start: usize) -> Result<Self, Malformed> {
        if network.protocol != TCP {
            return Err(Malformed::NotTcp(network.protocol));
        }
        let at = network.transport_at();
        if network.length < TCP_LEAST {
            return Err(Malformed::TcpHeader(network.length));
        }
        let header = usize::from(head.bytes[at + 12] >> 4) * 4;
        if header < TCP_LEAST || header > network.length {
            return Err(Malformed::TcpHeader(header));
        }
        Ok(Self { head, network, payload_at: at + header, start })
    }

    /// The Ethernet, IP and TCP headers.
    pub fn headers(&self) -> &[u8] {
        &self.head.bytes[..self.payload_at]
    }

    /// The copy of the frame's front.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The IP header.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Bytes of the TCP header with options.
    pub fn tcp_header(&self) -> usize {
        self.payload_at - self.network.transport_at()
    }

    /// Where the payload lies in the gather.
    pub fn payload(&self) -> Range<usize> {
        let end = self.network.transport_at() + self.network.length;
        self.start + self.payload_at..self.start + end
    }
}
