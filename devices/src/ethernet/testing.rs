//! What tests of frames share: building super-frames, scattering them over guest memory, and
//! reading segments with an independent parser.

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use crate::memory::{DmaMemory, Gather};
use crate::net::{Batch, Metadata};

/// 2 MiB of RAM, open for DMA.
pub fn memory() -> DmaMemory {
    let ram = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 2 << 20)]).unwrap();
    let memory = DmaMemory::new(ram);
    memory.set_enabled(true);
    memory
}

/// A TCP frame to be built.
#[derive(Clone, Debug)]
pub struct Spec {
    pub ipv6: bool,
    pub vlan: Option<u16>,
    pub ip_options: usize,
    pub tcp_options: usize,
    pub id: u16,
    pub seq: u32,
    pub flags: u8,
    pub payload: Vec<u8>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            ipv6: false,
            vlan: None,
            ip_options: 0,
            tcp_options: 0,
            id: 0x1234,
            seq: 1000,
            flags: 0x19,
            payload: pattern(4096),
        }
    }
}

/// Bytes that repeat late and not on a power of two.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8 ^ (index / 251) as u8).collect()
}

impl Spec {
    /// The frame's bytes, with rubbish in both checksum fields.
    pub fn build(&self) -> Vec<u8> {
        let mut frame = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2];
        if let Some(tci) = self.vlan {
            frame.extend([0x81, 0]);
            frame.extend(tci.to_be_bytes());
        }
        let tcp = 20 + self.tcp_options + self.payload.len();
        if self.ipv6 {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend((tcp as u16).to_be_bytes());
            frame.extend([6, 64]);
            frame.extend(0x2001_0db8_0000_0000_0000_0000_0000_0001u128.to_be_bytes());
            frame.extend(0x2001_0db8_0000_0000_ffff_0000_0000_0002u128.to_be_bytes());
        } else {
            let header = 20 + self.ip_options;
            frame.extend([8, 0, 0x40 | (header / 4) as u8, 0x02]);
            frame.extend(((header + tcp) as u16).to_be_bytes());
            frame.extend(self.id.to_be_bytes());
            frame.extend([0x40, 0, 64, 6, 0xde, 0xad, 192, 0, 2, 1, 198, 51, 100, 2]);
            frame.extend(vec![1; self.ip_options]);
        }
        frame.extend([0x00, 0x50, 0xc3, 0x50]);
        frame.extend(self.seq.to_be_bytes());
        frame.extend(0xcafe_f00du32.to_be_bytes());
        frame.extend([((20 + self.tcp_options) * 4) as u8, self.flags, 0x72, 0x10]);
        frame.extend([0xbe, 0xef, 0, 7]);
        frame.extend(vec![1; self.tcp_options]);
        frame.extend(&self.payload);
        frame
    }

    /// Bytes of all headers.
    pub fn headers(&self) -> usize {
        self.build().len() - self.payload.len()
    }
}

/// Writes `bytes` to guest memory in pieces whose lengths repeat `sizes`, with gaps between them.
pub fn scatter(memory: &DmaMemory, bytes: &[u8], sizes: &[usize]) -> Gather {
    let mut gather = Gather::default();
    let mut address = 0x1001u64;
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at(rest.len().min(*size));
        memory.ram().unwrap().write_slice(piece, GuestAddress(address)).unwrap();
        gather.push(memory, address, piece.len()).unwrap();
        address += piece.len() as u64 + 3;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    gather
}

/// All frames of a batch with what travels beside them.
pub fn frames(memory: &DmaMemory, batch: &Batch) -> Vec<(Vec<u8>, Metadata)> {
    batch
        .frames()
        .map(|frame| {
            let mut bytes = Vec::new();
            frame.copy_to(memory, &mut bytes).unwrap();
            (bytes, frame.metadata())
        })
        .collect()
}

/// A segment as the independent parser sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Segment {
    pub length: usize,
    pub id: u16,
    pub seq: u32,
    pub flags: u8,
    pub payload: Vec<u8>,
    pub vlan: Option<u16>,
}

/// Parses a TCP frame and checks its lengths and checksums.
pub fn parse(bytes: &[u8]) -> Segment {
    let packet = SlicedPacket::from_ethernet(bytes).unwrap();
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { panic!("no TCP: {bytes:x?}") };
    let (id, checksum, stated) = match packet.net.as_ref().unwrap() {
        NetSlice::Ipv4(ip) => {
            let header = ip.header().to_header();
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            let checksum = tcp.calc_checksum_ipv4(header.source, header.destination).unwrap();
            (header.identification, checksum, usize::from(header.total_len))
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            let checksum = tcp.calc_checksum_ipv6(header.source(), header.destination()).unwrap();
            (0, checksum, usize::from(header.payload_length()) + 40)
        }
        NetSlice::Arp(_) => panic!("no IP: {bytes:x?}"),
    };
    let ethernet = 14 + 4 * packet.link_exts.len();
    assert_eq!(stated + ethernet, bytes.len());
    assert_eq!(tcp.checksum(), checksum);
    Segment {
        length: bytes.len(),
        id,
        seq: tcp.sequence_number(),
        flags: tcp.slice()[13],
        payload: tcp.payload().to_vec(),
        vlan: packet.vlan_ids().first().map(|id| id.value()),
    }
}
