//! Incoming frames.

use super::{Bytes, Driver, Step, layout};

impl Driver {
    /// A frame arrives.
    pub(super) fn arrival(&mut self) {
        let frame = self.incoming();
        // Header and FCS, in words.
        let length = frame.len().max(60) as u32 + 8;
        self.written = (self.written + length.next_multiple_of(4)) % self.ring.max(1);
        self.receive += 1;
        self.steps.push(Step::Frame(frame));
    }

    fn incoming(&mut self) -> Bytes {
        let mut head = self.destination().to_vec();
        head.extend([2, 0, 0, 0, 0, 9]);
        if self.once_in(4) {
            let tag = self.rng.u16(..).to_be_bytes();
            head.extend([0x81, 0x00, tag[0], tag[1]]);
        }
        if self.once_in(3) {
            head.extend(self.network_packet(100));
        } else {
            head.extend([0x08, 0x06]);
        }
        let length = match self.rng.u32(..20) {
            0..3 => self.rng.usize(14..=60),
            3..7 => self.pick(&[14, 59, 60, 61, 64, 1500, 1514, 1518]),
            7..14 => self.rng.usize(60..400),
            14..18 => self.rng.usize(1000..1600),
            18 => self.rng.usize(1600..9000),
            _ => self.rng.usize(60..12000),
        };
        let tail = length.saturating_sub(head.len());
        Bytes { head, tail }.cut(length)
    }

    pub(super) fn destination(&mut self) -> [u8; 6] {
        let mut group: [u8; 6] = std::array::from_fn(|_| self.rng.u8(..));
        group[0] |= 1;
        let mut other = group;
        other[0] &= !1;
        let fixed = [0x01, 0x00, 0x5e, 0x00, 0x00, 0x01];
        self.pick(&[layout::MAC, layout::MAC, layout::MAC, [0xff; 6], group, fixed, other])
    }
}
