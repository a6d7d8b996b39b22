//! What a driver of C+ mode does: descriptor rings, offloads, tags, tallies.

use super::{Driver, layout};

const OWN: u32 = 1 << 31;
const EOR: u32 = 1 << 30;
const FS: u32 = 1 << 29;
const LS: u32 = 1 << 28;
const LGSEN: u32 = 1 << 27;
const RING: u64 = 64;
/// Segments of a super-frame at most: the wire holds what a step sends.
const SEGMENTS: usize = 200;

impl Driver {
    pub(super) fn cplus_setup(&mut self) {
        if !self.once_in(4) {
            self.reset();
        }
        self.command_bits();
        self.cplus_command();
        if self.rng.bool() {
            self.command_bits();
        }
        self.receive_configuration();
        if !self.once_in(3) {
            self.hash();
        }
        self.transmit_configuration();
        self.write(0x3c, 2, 0x80ff);
        for _ in 0..self.rng.u32(1..6) {
            self.receive_descriptor();
        }
        self.receive = 0;
    }

    fn command_bits(&mut self) {
        self.write(0x37, 1, 0xc);
        (self.transmit, self.receive) = (0, 0);
    }

    /// CPCR. The transmit addresses mean rings from then on, so they are set before.
    fn cplus_command(&mut self) {
        let ring = if self.once_in(20) { 0 } else { layout::RX_RING };
        for (offset, address) in [(0x20, layout::TX_RING), (0x28, layout::HIGH_RING), (0xe4, ring)]
        {
            self.write(offset, 4, address as u32);
            self.write(offset + 4, 4, 0);
        }
        let features = self.pick(&[0, 0x20, 0x40, 0x60, 0x28]);
        let modes = self.pick(&[3, 3, 3, 3, 3, 1, 2, 0]);
        self.write(0xe0, 2, features | modes);
        self.cplus = true;
    }

    pub(super) fn cplus_action(&mut self) {
        match self.rng.u32(..24) {
            0..8 => self.send(),
            8..14 => self.arrival(),
            14..17 => self.receive_descriptor(),
            17 => self.tally(),
            18 => self.cplus_command(),
            19 if self.once_in(3) => self.cplus_setup(),
            20 => self.poll(),
            _ => self.common_action(),
        }
    }

    fn poll(&mut self) {
        let any = self.rng.u32(..256);
        let value = self.pick(&[0x40, 0x40, 0x40, 0x80, 0xc0, 0x01, 0, any]);
        if value & 0x80 != 0 && self.rng.bool() {
            let (word, buffer) = (OWN | EOR | FS | LS | 0x3c, layout::TX_BUFFERS.start as u32);
            self.words(layout::HIGH_RING, [word, 0, buffer, 0]);
        }
        self.write(0xd9, 1, value);
    }

    /// Queues a frame, or several, and rings.
    fn send(&mut self) {
        let count = self.pick(&[1, 1, 1, 1, 2, 3, 5]);
        for _ in 0..count {
            self.queue(if count == 1 { 65_400 } else { 5000 });
        }
        if self.once_in(12) {
            return;
        }
        if self.once_in(8) {
            self.poll();
        }
        self.write(0xd9, 1, 0x40);
    }

    fn queue(&mut self, most: usize) {
        let frame = self.outgoing(most);
        let room = (layout::TX_BUFFERS.end - layout::TX_BUFFERS.start) as usize - frame.len();
        let at = layout::TX_BUFFERS.start + self.rng.usize(..room) as u64;
        let command = self.offload(frame.len());
        let tag = self.tag();
        self.ram(at, frame.clone());

        let pieces = self.pick(&[1, 1, 1, 1, 2, 3, 4, 9]);
        let mut done = 0;
        for piece in 0..pieces {
            let last = piece + 1 == pieces;
            let rest = frame.len() - done;
            let length = if last { rest } else { self.rng.usize(..=rest) };
            let length = self.limits.piece(length, rest);
            let mut word = OWN | command | length as u32;
            word |= if (piece == 0) ^ self.once_in(40) { FS } else { 0 };
            word |= if last ^ self.once_in(40) { LS } else { 0 };
            if self.once_in(50) {
                word &= !OWN;
            }
            self.transmit_descriptor(word, tag, at + done as u64);
            done += length;
        }
    }

    fn transmit_descriptor(&mut self, word: u32, tag: u32, buffer: u64) {
        let index = self.transmit % RING;
        let end = if index == RING - 1 || self.once_in(20) { EOR } else { 0 };
        self.transmit = if end != 0 { 0 } else { index + 1 };
        self.words(layout::TX_RING + 16 * index, [word | end, tag, buffer as u32, 0]);
    }

    /// The command bits of a frame of `length` bytes.
    fn offload(&mut self, length: usize) -> u32 {
        if self.once_in(5) {
            return 0;
        }
        if self.rng.u32(..5) < 2 {
            // IPCS, UDPCS, TCPCS, and bits that mean nothing then.
            return self.rng.u32(..8) << 16 | if self.once_in(8) { 0x0230_0000 } else { 0 };
        }
        let any = self.rng.u32(..2048);
        let mss = self.pick(&[0, 1, 6, 7, 100, 536, 1000, 1368, 1448, 1460, 2047, any]);
        let least = (length / SEGMENTS) as u32;
        let mss = if mss > 0 && mss < least { least } else { mss };
        LGSEN | mss << 16
    }

    fn tag(&mut self) -> u32 {
        let tag = self.rng.u32(..0x1_0000);
        if self.once_in(4) { tag | 0x2_0000 } else { self.pick(&[0, tag, 0xfffd_ffff]) }
    }

    fn receive_descriptor(&mut self) {
        let index = self.receive % RING;
        let any = self.rng.u32(..0x2000);
        let size = self.pick(&[1536, 1536, 1600, 0x1fff, 64, 128, 60, 0, any]);
        let end = if index == RING - 1 || self.once_in(12) { EOR } else { 0 };
        let own = if self.once_in(12) { 0 } else { OWN };
        let rest = if self.once_in(6) { self.rng.u32(..) & 0x3fff_e000 } else { 0 };
        let room = (layout::RX_BUFFERS.end - layout::RX_BUFFERS.start) as u32 - 0x2000;
        let buffer = layout::RX_BUFFERS.start as u32 + self.rng.u32(..room);
        let tag = self.pick(&[0, u32::MAX, any]);
        self.words(layout::RX_RING + 16 * index, [own | end | rest | size, tag, buffer, 0]);
        self.receive = if end != 0 { 0 } else { index + 1 };
    }

    /// Dumps the tally counters.
    fn tally(&mut self) {
        if !self.cplus {
            return;
        }
        let offset = self.pick(&[0, 0x40, 0x30]);
        self.write(0x14, 4, 0);
        self.write(0x10, 4, (layout::TALLY + offset) as u32 | 8);
    }
}
