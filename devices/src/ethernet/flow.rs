//! Which conversation a frame belongs to.

use super::headers::{Extent, Head, Network, TCP, UDP, Version};

/// Where the fragment offset stands in an IPv4 header, behind three flags.
const FRAGMENT_AT: usize = 6;
/// The flag "more fragments", and the offset.
const FRAGMENT_MASK: u16 = 0x3fff;
/// A multiplier that spreads what differs in a few bits over all (2^32 divided by the golden ratio).
const SPREAD: u32 = 0x9e37_79b9;

/// A number that all frames of a conversation have in common, both ways, and that few others have.
/// `None` for what is not IP. `front` is the frame, or its first
/// [`MAX_HEADERS`](super::headers::MAX_HEADERS) bytes.
pub fn flow(front: &[u8]) -> Option<u32> {
    let head = Head::of(front);
    let network = head.network(Extent::Whole).ok()?;
    let bytes = head.bytes();
    let (addresses, length) = match network.version {
        Version::V4 => (network.at + 12, 4),
        Version::V6 => (network.at + 8, 16),
    };
    let from = bytes.get(addresses..addresses + length)?;
    let to = bytes.get(addresses + length..addresses + 2 * length)?;
    // Combined so that it does not matter which is which.
    let mut mixed = word(from).wrapping_add(word(to)) ^ u32::from(network.protocol);
    let at = network.transport_at();
    if matches!(network.protocol, TCP | UDP)
        && !is_fragment(bytes, &network)
        && let Some([a, b, c, d]) = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>)
    {
        let ports = [[*a, *b], [*c, *d]].map(u16::from_be_bytes).map(u32::from);
        mixed = mixed.wrapping_mul(SPREAD).wrapping_add(ports[0] + ports[1]);
    }
    let spread = mixed.wrapping_mul(SPREAD);
    Some(spread ^ spread >> 16)
}

/// Fragments other than the first have no ports, so that the first may not be told by its own.
fn is_fragment(bytes: &[u8], network: &Network) -> bool {
    let at = network.at + FRAGMENT_AT;
    let field = bytes.get(at..).and_then(<[u8]>::first_chunk::<2>).copied().unwrap_or_default();
    network.version == Version::V4 && u16::from_be_bytes(field) & FRAGMENT_MASK != 0
}

fn word(address: &[u8]) -> u32 {
    let (words, _) = address.as_chunks::<4>();
    words
        .iter()
        .fold(0, |sum, word| sum.wrapping_mul(SPREAD).wrapping_add(u32::from_be_bytes(*word)))
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
