//! The virtio-net header as a tap speaks it: 10 bytes before each frame, little endian.
//!
//! Layout (VIRTIO 1.2, section 5.1.6, without `num_buffers`): flags, kind of segmentation, length
//! of all headers (2), bytes per segment (2), start of the checksummed bytes (2), offset of the
//! checksum from there (2).

use virtio_bindings::virtio_net::{
    VIRTIO_NET_HDR_F_DATA_VALID, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_NONE,
    VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6,
};

use super::framing::MIN_FRAME;
use super::{Gso, GsoKind, Metadata};

/// Bytes of the header.
pub(super) const HEADER: usize = 10;
/// Set beside the kind of segmentation when the first segment carries CWR.
const GSO_ECN: u8 = 0x80;
/// Where the data offset of a TCP header is.
const DATA_OFFSET: usize = 12;

/// The header's fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    flags: u8,
    kind: u8,
    headers: u16,
    size: u16,
    start: u16,
    offset: u16,
}

impl From<Metadata> for Header {
    fn from(metadata: Metadata) -> Self {
        let mut header = Self::default();
        if metadata.verified {
            header.flags = VIRTIO_NET_HDR_F_DATA_VALID as u8;
        }
        if let Some((start, offset)) = metadata.partial_checksum {
            header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM as u8;
            (header.start, header.offset) = (start, offset);
        }
        if let Some(gso) = metadata.gso {
            header.kind = match gso.kind {
                GsoKind::Tcp4 => VIRTIO_NET_HDR_GSO_TCPV4 as u8,
                GsoKind::Tcp6 => VIRTIO_NET_HDR_GSO_TCPV6 as u8,
            };
            (header.size, header.headers) = (gso.size, gso.header_length);
        }
        header
    }
}

impl Header {
    /// As it goes before the frame.
    pub(super) fn bytes(self) -> [u8; HEADER] {
        let mut bytes = [self.flags, self.kind, 0, 0, 0, 0, 0, 0, 0, 0];
        for (index, word) in [self.headers, self.size, self.start, self.offset].iter().enumerate() {
            bytes[2 + 2 * index..4 + 2 * index].copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    fn read(bytes: &[u8; HEADER]) -> Self {
        let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Self {
            flags: bytes[0],
            kind: bytes[1],
            headers: word(2),
            size: word(4),
            start: word(6),
            offset: word(8),
        }
    }
}

/// What the header of `record` says about the frame after it; `None` if the frame is too short or
/// of a kind that was not asked for. The header's own length of headers is a hint that counts
/// payload as well, so it is measured in the frame.
pub(super) fn parse(record: &[u8]) -> Option<Metadata> {
    let (header, frame) = record.split_first_chunk::<HEADER>()?;
    if frame.len() < MIN_FRAME {
        return None;
    }
    let header = Header::read(header);
    let partial = u32::from(header.flags) & VIRTIO_NET_HDR_F_NEEDS_CSUM != 0;
    let kind = match u32::from(header.kind & !GSO_ECN) {
        VIRTIO_NET_HDR_GSO_NONE => None,
        VIRTIO_NET_HDR_GSO_TCPV4 => Some(GsoKind::Tcp4),
        VIRTIO_NET_HDR_GSO_TCPV6 => Some(GsoKind::Tcp6),
        _ => return None,
    };
    let gso = match kind {
        None => None,
        Some(kind) => {
            let words = frame.get(usize::from(header.start) + DATA_OFFSET)? >> 4;
            let header_length = header.start.checked_add(4 * u16::from(words))?;
            Some(Gso { kind, size: header.size, header_length })
        }
    };
    Some(Metadata {
        partial_checksum: partial.then_some((header.start, header.offset)),
        gso,
        verified: u32::from(header.flags) & VIRTIO_NET_HDR_F_DATA_VALID != 0,
    })
}

#[cfg(test)]
#[path = "vnet_tests.rs"]
mod tests;
