//! A guest that sends super-frames through an RTL8139C+, as 8139cp does.

use devices::memory::DmaMemory;
use devices::net::{Backend, Batch, Metadata, Nic, Sent, Transmit};
use devices::pci::Function;
use devices::rtl8139::{Config, MEMORY_BAR, Rtl8139};
use vm_memory::{GuestAddress, GuestMemoryMmap};

/// Bytes of guest memory.
pub const RAM: usize = 1 << 20;
/// Bytes of the super-frame: Linux's largest, 65535 bytes of IP less what headers it keeps room for.
pub const FRAME: usize = 65_226;
/// Bytes of its headers: Ethernet, IPv4, TCP with timestamps.
pub const HEADERS: usize = 14 + 20 + 32;

const RING: u64 = 0x1_0000;
/// The first buffer. They lie apart, at odd addresses, as pages of a socket do not.
const BUFFERS: u64 = 0x2_0001;
/// Pieces of a super-frame: what Linux makes of one, the headers and 16 fragments.
const PIECES: u64 = 17;
const OWN: u32 = 1 << 31;
const EOR: u32 = 1 << 30;
const FS: u32 = 1 << 29;
const LS: u32 = 1 << 28;
const LGSEN: u32 = 1 << 27;

/// The guest and its NIC.
pub struct Guest {
    nic: Rtl8139,
    memory: DmaMemory,
}

impl Guest {
    /// A guest with `ram` bytes whose NIC is up.
    pub fn new(ram: usize) -> Self {
        let ram = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), ram)]).expect("memory");
        let memory = DmaMemory::new(ram);
        let mut nic = Rtl8139::new(Config::new([2, 0, 0, 0, 0, 1]), memory.clone());
        let _ = nic.write_config(4, &7u16.to_le_bytes());
        for (offset, width, value) in [
            (0x37, 1, 0x10),
            (0xe0, 2, 0x2b),
            (0x20, 4, RING as u32),
            (0x24, 4, 0),
            (0x37, 1, 0x0c),
            (0x3c, 2, 0x80ff),
        ] {
            let _ = nic.write_bar(MEMORY_BAR, offset, &u32::to_le_bytes(value)[..width]);
        }
        Self { nic, memory }
    }

    /// Puts `frame` into guest memory, to be cut at `mss`. Answers its descriptors' words.
    pub fn queue(&mut self, frame: &[u8], mss: u16) -> Vec<(u64, u32)> {
        let mut words = Vec::new();
        let mut buffer = BUFFERS;
        let (headers, payload) = frame.split_at(HEADERS);
        let pieces = payload.chunks(payload.len().div_ceil(PIECES as usize - 1));
        for (index, piece) in (0..).zip([headers].into_iter().chain(pieces)) {
            let at = RING + 16 * index;
            self.memory.write(buffer, piece).expect("RAM");
            self.memory.write(at + 4, &0u32.to_le_bytes()).expect("RAM");
            self.memory.write(at + 8, &buffer.to_le_bytes()).expect("RAM");
            let first = if index == 0 { FS } else { 0 };
            let last = if index == PIECES - 1 { LS | EOR } else { 0 };
            let word = OWN | LGSEN | u32::from(mss) << 16 | first | last | piece.len() as u32;
            words.push((at, word));
            buffer += piece.len() as u64 + 7;
        }
        words
    }

    /// Hands descriptors over, the first one last.
    pub fn give(&mut self, words: &[(u64, u32)]) {
        for (at, word) in words.iter().rev() {
            self.memory.write_u32(*at, *word).expect("RAM");
        }
    }

    /// Rings the doorbell, lets the NIC work until it is idle, and acknowledges the interrupt.
    pub fn send(&mut self, port: &mut dyn Backend) {
        self.nic.ring(0);
        while self.nic.transmit(port) == Transmit::More {}
        self.nic.flush();
        let _ = self.nic.write_bar(MEMORY_BAR, 0x3e, &[0xff, 0xff]);
    }
}

/// A whole super-frame: headers with rubbish in both checksum fields, and payload.
pub fn frame() -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
    frame.extend(((FRAME - 14) as u16).to_be_bytes());
    frame.extend([0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 1, 2, 10, 0, 2, 2]);
    frame.extend([0, 80, 0x9c, 0x40, 0, 0, 0, 1, 0, 0, 0, 1, 0x80, 0x18, 1, 0, 0, 0, 0, 0]);
    frame.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
    frame.extend((frame.len()..FRAME).map(|index| (index % 251) as u8));
    frame
}

/// A port that counts: frames, their bytes, and how many of those were copied on the way.
#[derive(Debug, Default)]
pub struct Counting {
    /// Frames.
    pub frames: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Bytes that lie in the batch, not in guest memory.
    pub copied: usize,
}

impl Backend for Counting {
    fn send(&mut self, _memory: &DmaMemory, batch: &Batch) -> Sent {
        for frame in batch.frames() {
            self.frames += 1;
            self.bytes += frame.len();
            self.copied += frame.headers().len();
        }
        Sent::All
    }

    fn peek(&mut self) -> Option<(&[u8], Metadata)> {
        None
    }

    fn consume(&mut self) {}
}
