//! TCP frames for a NIC to send: the headers of the contract and a payload that shows its place.

use crate::contract::{headers, payload_byte};
use crate::{io, memory};

/// Where the IPv4 header starts.
pub const IP: usize = 14;
/// Where the TCP header starts.
pub const TCP: usize = IP + 20;
/// Where the checksum lies in the TCP header.
pub const TCP_CHECKSUM: usize = 16;

const TCP_PROTOCOL: u8 = 6;
const IP_CHECKSUM: usize = 10;

/// A frame in memory.
#[derive(Clone, Copy)]
pub struct Frame {
    /// Its first byte.
    pub address: u64,
    /// Bytes.
    pub length: usize,
}

impl Frame {
    /// A frame with `payload` bytes of TCP payload. The IPv4 checksum is right; in place of the TCP
    /// checksum is the sum of the pseudo-header, as for a device that completes it.
    pub fn tcp(payload: usize) -> Self {
        let length = headers::LENGTH + payload;
        let address = memory::allocate(length);
        for (index, byte) in header(payload).into_iter().enumerate() {
            io::write(address + index as u64, byte);
        }
        for index in 0..payload {
            io::write(address + (headers::LENGTH + index) as u64, payload_byte(index));
        }
        Self { address, length }
    }

    /// A frame of `length` bytes that is no IP packet.
    pub fn plain(length: usize) -> Self {
        const LOCAL_EXPERIMENT: [u8; 2] = [0x88, 0xb5];
        let address = memory::allocate(length);
        let bytes = headers::DESTINATION.into_iter().chain(headers::SOURCE).chain(LOCAL_EXPERIMENT);
        for (index, byte) in bytes.enumerate() {
            io::write(address + index as u64, byte);
        }
        Self { address, length }
    }

    /// The frame in pieces: its headers, then at most `size` bytes each.
    pub fn pieces(self, size: usize) -> impl Iterator<Item = (u64, usize)> + Clone {
        self.split(headers::LENGTH, size)
    }

    /// The frame in pieces: `first` bytes, then at most `size` bytes each.
    pub fn split(self, first: usize, size: usize) -> impl Iterator<Item = (u64, usize)> + Clone {
        let rest = (first..self.length).step_by(size);
        let rest = rest.map(move |at| (self.address + at as u64, size.min(self.length - at)));
        core::iter::once((self.address, first)).chain(rest)
    }
}

fn header(payload: usize) -> [u8; headers::LENGTH] {
    let total = (headers::LENGTH - IP + payload) as u16;
    let mut header = [0; headers::LENGTH];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &headers::DESTINATION);
    put(6, &headers::SOURCE);
    put(12, &[0x08, 0x00]);
    put(IP, &[0x45, 0]);
    put(IP + 2, &total.to_be_bytes());
    put(IP + 4, &headers::IDENTIFICATION.to_be_bytes());
    put(IP + 6, &headers::DONT_FRAGMENT.to_be_bytes());
    put(IP + 8, &[headers::TTL, TCP_PROTOCOL]);
    put(IP + 12, &headers::SOURCE_IP);
    put(IP + 16, &headers::DESTINATION_IP);
    put(TCP, &headers::SOURCE_PORT.to_be_bytes());
    put(TCP + 2, &headers::DESTINATION_PORT.to_be_bytes());
    put(TCP + 4, &headers::SEQUENCE.to_be_bytes());
    put(TCP + 8, &headers::ACKNOWLEDGEMENT.to_be_bytes());
    put(TCP + 12, &[((20 + headers::OPTIONS.len()) << 2) as u8, headers::FLAGS]);
    put(TCP + 14, &headers::WINDOW.to_be_bytes());
    put(TCP + 20, &headers::OPTIONS);

    let ip_sum = !sum(&header[IP..TCP], 0);
    header[IP + IP_CHECKSUM..][..2].copy_from_slice(&ip_sum.to_be_bytes());
    let pseudo = u32::from(TCP_PROTOCOL) + u32::from(total) - (TCP - IP) as u32;
    let tcp_sum = sum(&header[IP + 12..IP + 20], pseudo);
    header[TCP + TCP_CHECKSUM..][..2].copy_from_slice(&tcp_sum.to_be_bytes());
    header
}

/// The one's-complement sum of an even number of bytes and `start`.
fn sum(bytes: &[u8], start: u32) -> u16 {
    let words = bytes.chunks_exact(2).map(|b| u32::from(u16::from_be_bytes([b[0], b[1]])));
    let mut sum = words.fold(start, |sum, word| sum + word);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
