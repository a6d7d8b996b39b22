//! The headers of a super-frame, prepared so that each segment costs a few additions.
//!
//! What all segments share is summed once; what differs between them (length, identification,
//! sequence number, flags) is cleared, and filled in by [`Template::fill`].

use super::checksum::Sum;
use super::headers::{ETHERTYPE_AT, MAX_HEADERS, SuperFrame, TAG, TCP, VLAN, Version};

const MAX_TEMPLATE: usize = MAX_HEADERS + TAG;

/// Headers in the making.
pub struct Template {
    bytes: [u8; MAX_TEMPLATE],
    length: usize,
    network_at: usize,
    transport_at: usize,
    version: Version,
    identification: u16,
    sequence: u32,
    flags: u8,
    network_sum: Sum,
    transport_sum: Sum,
}

impl Template {
    /// Takes the headers of `frame`, with the tag inserted.
    pub fn new(frame: &SuperFrame, vlan: Option<u16>) -> Self {
        let headers = frame.headers();
        let mut bytes = [0; MAX_TEMPLATE];
        let shift = if let Some(tci) = vlan {
            let (addresses, rest) = headers.split_at(ETHERTYPE_AT);
            bytes[..ETHERTYPE_AT].copy_from_slice(addresses);
            bytes[ETHERTYPE_AT..ETHERTYPE_AT + 2].copy_from_slice(&VLAN.to_be_bytes());
            bytes[ETHERTYPE_AT + 2..ETHERTYPE_AT + TAG].copy_from_slice(&tci.to_be_bytes());
            bytes[ETHERTYPE_AT + TAG..headers.len() + TAG].copy_from_slice(rest);
            TAG
        } else {
            bytes[..headers.len()].copy_from_slice(headers);
            0
        };
        let network = frame.network();
        let mut template = Self {
            bytes,
            length: headers.len() + shift,
            network_at: network.at + shift,
            transport_at: network.transport_at() + shift,
            version: network.version,
            identification: 0,
            sequence: 0,
            flags: 0,
            network_sum: Sum::default(),
            transport_sum: frame.head().pseudo_header(network),
        };
        template.take_apart();
        template
    }

    fn take_apart(&mut self) {
        let (ip, tcp) = (self.network_at, self.transport_at);
        if self.version == Version::V4 {
            self.identification = u16::from_be_bytes([self.bytes[ip + 4], self.bytes[ip + 5]]);
            self.bytes[ip + 2..ip + 6].fill(0);
            self.bytes[ip + 10..ip + 12].fill(0);
            // The fragment offset stands between identification and checksum and stays.
            self.network_sum.add(&self.bytes[ip..tcp]);
        }
        let [a, b, c, d] = [4, 5, 6, 7].map(|at| self.bytes[tcp + at]);
        self.sequence = u32::from_be_bytes([a, b, c, d]);
        self.flags = self.bytes[tcp + 13];
        self.bytes[tcp + 4..tcp + 8].fill(0);
        self.bytes[tcp + 13] = 0;
        self.bytes[tcp + 16..tcp + 18].fill(0);
        self.transport_sum.add(&self.bytes[tcp..self.length]);
    }

    /// Bytes of the IP packet with `payload` bytes of payload.
    pub fn packet_length(&self, payload: usize) -> usize {
        self.length - self.network_at + payload
    }

    /// Where the TCP header starts, tag included.
    pub fn transport_at(&self) -> usize {
        self.transport_at
    }

    /// The headers of the segment `number` that starts `offset` bytes into the payload. With the
    /// sum of its payload the checksum is complete; without, the field holds the sum of the
    /// pseudo-header, as a backend that computes checksums wants it.
    pub fn fill(
        &mut self,
        number: u16,
        offset: usize,
        flags: u8,
        payload: usize,
        sum: Option<Sum>,
    ) -> &[u8] {
        let (ip, tcp) = (self.network_at, self.transport_at);
        let transport = (self.length - tcp + payload) as u16;
        match self.version {
            Version::V4 => {
                let length = (self.length - ip + payload) as u16;
                let identification = self.identification.wrapping_add(number);
                let mut sum = self.network_sum;
                sum.add_u16(length);
                sum.add_u16(identification);
                self.put(ip + 2, length);
                self.put(ip + 4, identification);
                self.put(ip + 10, sum.finish());
            }
            Version::V6 => self.put(ip + 4, (self.length - ip - 40 + payload) as u16),
        }
        let sequence = self.sequence.wrapping_add(offset as u32);
        self.put(tcp + 4, (sequence >> 16) as u16);
        self.put(tcp + 6, sequence as u16);
        self.bytes[tcp + 13] = flags;
        let checksum = match sum {
            Some(payload) => {
                let mut all = self.transport_sum;
                all.add_u16((sequence >> 16) as u16);
                all.add_u16(sequence as u16);
                all.add_u16(u16::from(flags));
                all.add_u16(transport);
                all.append(payload);
                all.finish()
            }
            None => self.pseudo_header(transport),
        };
        self.put(tcp + 16, checksum);
        &self.bytes[..self.length]
    }

    fn pseudo_header(&self, transport: u16) -> u16 {
        let (from, to) = match self.version {
            Version::V4 => (self.network_at + 12, self.network_at + 20),
            Version::V6 => (self.network_at + 8, self.network_at + 40),
        };
        let mut sum = Sum::default();
        sum.add(&self.bytes[from..to]);
        sum.add_u16(u16::from(TCP));
        sum.add_u16(transport);
        !sum.finish()
    }

    fn put(&mut self, at: usize, value: u16) {
        self.bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
    }

    /// The flags of the super-frame.
    pub fn flags(&self) -> u8 {
        self.flags
    }
}
