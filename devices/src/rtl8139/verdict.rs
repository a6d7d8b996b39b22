//! What the checksums of a received frame are worth, as bits of its status.

use crate::ethernet::checksum::Sum;
use crate::ethernet::headers::{Extent, Head, Network, TCP, UDP, Version};

const PROTOCOL_TCP: u32 = 1 << 16;
const PROTOCOL_UDP: u32 = 2 << 16;
const PROTOCOL_IP: u32 = 3 << 16;
const IP_FAILED: u32 = 1 << 15;
const UDP_FAILED: u32 = 1 << 14;
const TCP_FAILED: u32 = 1 << 13;

/// The status bits (word 0) that tell of the protocol and its checksums; none for anything but
/// sound IPv4.
pub fn verdict(frame: &[u8]) -> u32 {
    let head = Head::of(frame);
    let Ok(network) = head.network(Extent::Stated) else { return 0 };
    if network.version == Version::V6 {
        return 0;
    }
    let header = &head.bytes()[network.at..network.transport_at()];
    let mut sum = Sum::default();
    sum.add(header);
    let ip = if sum.finish() == 0 { 0 } else { IP_FAILED };
    // A fragment's checksum covers more than the fragment.
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    let transport = match network.protocol {
        _ if fragment => PROTOCOL_IP,
        TCP if network.length >= 20 => {
            PROTOCOL_TCP | if holds(frame, &head, &network) { 0 } else { TCP_FAILED }
        }
        UDP if network.length >= 8 => {
            let at = network.transport_at() + 6;
            let open = frame[at..at + 2] == [0, 0];
            PROTOCOL_UDP | if open || holds(frame, &head, &network) { 0 } else { UDP_FAILED }
        }
        _ => PROTOCOL_IP,
    };
    ip | transport
}

fn holds(frame: &[u8], head: &Head, network: &Network) -> bool {
    let start = network.transport_at();
    let mut sum = head.pseudo_header(network);
    sum.add_u16(network.length as u16);
    sum.add(&frame[start..start + network.length]);
    sum.finish() == 0
}
