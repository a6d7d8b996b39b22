//! `struct virtio_net_hdr_v1`: what travels before each frame (section 5.1.6).

use virtio_bindings::virtio_net::{
    VIRTIO_NET_HDR_F_DATA_VALID, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_ECN,
    VIRTIO_NET_HDR_GSO_NONE, VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6,
};

use super::features::{CSUM, GUEST_CSUM, GUEST_TSO4, GUEST_TSO6, HOST_ECN, HOST_TSO4, HOST_TSO6};
use crate::net::{Gso, GsoKind, Metadata};

/// Bytes of the header.
pub const LENGTH: usize = 12;

/// Bytes of an Ethernet header: nothing that is to be summed starts before its end.
const ETHERNET: u16 = 14;

const NEEDS_CSUM: u8 = VIRTIO_NET_HDR_F_NEEDS_CSUM as u8;
const DATA_VALID: u8 = VIRTIO_NET_HDR_F_DATA_VALID as u8;
const GSO_NONE: u8 = VIRTIO_NET_HDR_GSO_NONE as u8;
const GSO_TCPV4: u8 = VIRTIO_NET_HDR_GSO_TCPV4 as u8;
const GSO_TCPV6: u8 = VIRTIO_NET_HDR_GSO_TCPV6 as u8;
const GSO_ECN: u8 = VIRTIO_NET_HDR_GSO_ECN as u8;

/// Where a header lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lie {
    /// Asks for something that was not negotiated
    #[error("it asks for flags {flags:#x} and segmentation {gso:#x}, which were not negotiated")]
    Unnegotiated {
        /// The flags.
        flags: u8,
        /// The kind of segmentation.
        gso: u8,
    },
    /// The checksum lies outside the frame
    #[error("its checksum at {start}+{offset} is not within the {length} bytes of the frame")]
    Checksum {
        /// Where summing starts.
        start: u16,
        /// Where the result goes, from there.
        offset: u16,
        /// Bytes of the frame.
        length: usize,
    },
    /// A super-frame of segments of no bytes
    #[error("its segment size is 0")]
    SegmentSize,
    /// A super-frame that does not leave its checksum to us
    #[error("it asks for segmentation but not for the checksum")]
    SegmentsWithoutChecksum,
}

fn word(bytes: &[u8; LENGTH], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// What the driver asks for, checked against what was negotiated and against the frame's length.
///
/// `hdr_len` is not looked at: without `GUEST_HDRLEN` it is a hint, and the headers tell.
pub fn parse(bytes: &[u8; LENGTH], features: u64, length: usize) -> Result<Metadata, Lie> {
    let (flags, gso) = (bytes[0], bytes[1]);
    let unnegotiated = Lie::Unnegotiated { flags, gso };
    let partial = flags & NEEDS_CSUM != 0;
    if partial && features & CSUM == 0 {
        return Err(unnegotiated);
    }
    let partial_checksum = partial.then(|| (word(bytes, 6), word(bytes, 8)));
    if let Some((start, offset)) = partial_checksum {
        let end = usize::from(start) + usize::from(offset) + 2;
        if start < ETHERNET || end > length {
            return Err(Lie::Checksum { start, offset, length });
        }
    }
    if gso & GSO_ECN != 0 && features & HOST_ECN == 0 {
        return Err(unnegotiated);
    }
    let kind = match gso & !GSO_ECN {
        GSO_NONE => None,
        GSO_TCPV4 if features & HOST_TSO4 != 0 => Some(GsoKind::Tcp4),
        GSO_TCPV6 if features & HOST_TSO6 != 0 => Some(GsoKind::Tcp6),
        _ => return Err(unnegotiated),
    };
    let size = word(bytes, 4);
    match kind {
        Some(_) if size == 0 => Err(Lie::SegmentSize),
        Some(_) if !partial => Err(Lie::SegmentsWithoutChecksum),
        _ => {
            let gso = kind.map(|kind| Gso { kind, size, header_length: 0 });
            Ok(Metadata { partial_checksum, gso, verified: false })
        }
    }
}

/// The header of a received frame that spreads over `buffers` buffers. `None` if it is a
/// super-frame of a kind that the driver does not take.
pub fn build(metadata: Metadata, features: u64, buffers: u16) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    bytes[10..12].copy_from_slice(&buffers.to_le_bytes());
    if let Some(gso) = metadata.gso {
        let (feature, kind) = match gso.kind {
            GsoKind::Tcp4 => (GUEST_TSO4, GSO_TCPV4),
            GsoKind::Tcp6 => (GUEST_TSO6, GSO_TCPV6),
        };
        if features & feature == 0 {
            return None;
        }
        bytes[1] = kind;
        bytes[2..4].copy_from_slice(&gso.header_length.to_le_bytes());
        bytes[4..6].copy_from_slice(&gso.size.to_le_bytes());
    }
    if features & GUEST_CSUM != 0 {
        if let Some((start, offset)) = metadata.partial_checksum {
            bytes[0] = NEEDS_CSUM;
            bytes[6..8].copy_from_slice(&start.to_le_bytes());
            bytes[8..10].copy_from_slice(&offset.to_le_bytes());
        } else if metadata.verified {
            bytes[0] = DATA_VALID;
        }
    }
    Some(bytes)
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
