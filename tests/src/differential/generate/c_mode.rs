//! What a driver of C mode does: four transmit descriptors, one receive ring.

use super::{Driver, layout};

impl Driver {
    pub(super) fn c_mode_setup(&mut self) {
        if self.cplus || !self.once_in(4) {
            self.reset();
        }
        let start = self.pick(&[0, 0, 0, 0x10, 4, 0x100]);
        self.write(0x30, 4, layout::C_RING as u32 + start);
        self.write(0x37, 1, 0xc);
        self.receive_configuration();
        if !self.once_in(3) {
            self.hash();
        }
        self.transmit_configuration();
        let mask = self.pick(&[0xc07f, 0xc07f, 0xffff, 0xffef]);
        self.write(0x3c, 2, mask);
    }

    pub(super) fn c_mode_action(&mut self) {
        match self.rng.u32(..20) {
            0..5 => self.send_slot(),
            5..12 => {
                for _ in 0..self.pick(&[1, 1, 1, 2, 6]) {
                    self.arrival();
                }
            }
            12..15 => self.read_pointer(),
            15 => self.ring_start(),
            16 if self.once_in(3) => self.c_mode_setup(),
            17 => self.read(0x3a, 2),
            _ => self.common_action(),
        }
    }

    fn send_slot(&mut self) {
        let frame = self.outgoing(2000);
        let room = (layout::TX_BUFFERS.end - layout::TX_BUFFERS.start) as usize - 0x2000;
        let at = layout::TX_BUFFERS.start + self.rng.usize(..room) as u64;
        let slot = if self.once_in(10) { self.rng.u8(..4) } else { self.slot };
        self.slot = (self.slot + u8::from(slot == self.slot)) % 4;
        let any = self.rng.u32(..);
        let size = self.pick(&[frame.len() as u32, frame.len() as u32, 60, 0, any & 0x1fff]);
        let size = if size == 0 { 0 } else { size.max(self.limits.least_frame as u32) };
        let rest = self.pick(&[0, 0, 0x8_0000, 0x8_0000, any & !0x1fff]);
        self.ram(at, frame);
        self.write(0x20 + 4 * slot, 4, at as u32);
        self.write(0x10 + 4 * slot, 4, rest | size);
    }

    /// CAPR: mostly to where the NIC will write next.
    fn read_pointer(&mut self) {
        let any = self.rng.u32(..0x1_0000);
        let half = (self.written / 2) & !3;
        let at = self.pick(&[self.written, self.written, self.written, half, any, any & !3]);
        self.write(0x38, 2, at.wrapping_sub(16) & 0xffff);
    }

    fn ring_start(&mut self) {
        let start = self.pick(&[0, 0x20, 0x400]);
        self.write(0x30, 4, layout::C_RING as u32 + start);
    }
}
