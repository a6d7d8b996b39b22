//! Packets that a driver sends: IPv4 with TCP, UDP and others, right and damaged.

use super::{Bytes, Driver};

const TCP: u8 = 6;
const UDP: u8 = 17;

impl Driver {
    /// A frame to send, with as much as `most` bytes of payload.
    pub(super) fn outgoing(&mut self, most: usize) -> Bytes {
        let mut head = self.destination().to_vec();
        head.extend([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
        if self.once_in(12) {
            head.extend([0x81, 0x00, 0x00, 0x07]);
        }
        let length = self.payload(most);
        head.extend(self.network_packet(length));
        let mut frame = Bytes { head, tail: length };
        if self.once_in(8) {
            frame.tail += self.rng.usize(..30);
        }
        if self.once_in(4) {
            self.damage(&mut frame.head);
        }
        if self.once_in(8) {
            let length = self.rng.usize(self.limits.least_frame..80).min(frame.len());
            frame = frame.cut(length);
        }
        frame
    }

    fn payload(&mut self, most: usize) -> usize {
        let length = match self.rng.u32(..10) {
            0 => 0,
            1 => self.rng.usize(1..4),
            2..4 => self.rng.usize(..100),
            4..7 => self.rng.usize(..5000),
            7..9 => self.rng.usize(..20_000),
            _ => self.rng.usize(..65_400),
        };
        length.min(most)
    }

    /// EtherType and headers of a packet that carries `length` bytes.
    pub(super) fn network_packet(&mut self, length: usize) -> Vec<u8> {
        let protocol = self.pick(&[TCP, TCP, TCP, TCP, UDP, UDP, 1]);
        let transport = self.transport(protocol);
        if self.once_in(16) {
            return self.ipv6(protocol, &transport, length);
        }
        let header = self.pick(&[5, 5, 5, 5, 5, 6, 7, 15]);
        let total = (4 * header + transport.len() + length) as u16;
        let mut packet = vec![0x08, 0x00, 0x40 | header as u8, self.rng.u8(..)];
        packet.extend(total.to_be_bytes());
        let id = self.pick(&[[0x12, 0x34], [0xff, 0xff], [0xff, 0xfe]]);
        packet.extend(id);
        let fragment = self.pick(&[[0x40, 0], [0x40, 0], [0x40, 0], [0x20, 0], [0x00, 0x07]]);
        packet.extend(fragment);
        packet.extend([64, protocol]);
        // Checksum, addresses, options.
        packet.extend((0..10 + 4 * (header - 5)).map(|_| self.rng.u8(..)));
        packet.extend(transport);
        packet
    }

    fn transport(&mut self, protocol: u8) -> Vec<u8> {
        let ports: [u8; 4] = std::array::from_fn(|_| self.rng.u8(..));
        let mut header = ports.to_vec();
        if protocol != TCP {
            header.extend((0..4).map(|_| self.rng.u8(..)));
            return header;
        }
        let words = self.pick(&[5, 5, 5, 8, 8, 15]);
        let sequence = self.pick(&[1000, u32::MAX - 1000, 0]);
        header.extend(sequence.to_be_bytes());
        header.extend([0, 0, 0, 9, (words << 4) as u8]);
        let any = self.rng.u8(..);
        let flags = self.pick(&[0x10, 0x18, 0x19, 0xf8, 0x02, any]);
        header.push(flags);
        header.extend((0..6 + 4 * (words - 5)).map(|_| self.rng.u8(..)));
        header
    }

    fn ipv6(&mut self, protocol: u8, transport: &[u8], length: usize) -> Vec<u8> {
        let mut packet = vec![0x86, 0xdd, 0x60, 0, 0, 0];
        packet.extend(((transport.len() + length) as u16).to_be_bytes());
        packet.extend([protocol, 64]);
        packet.extend((0..32).map(|_| self.rng.u8(..)));
        packet.extend(transport);
        packet
    }

    /// Changes a byte or two that matter: type, version, lengths, protocol, data offset.
    fn damage(&mut self, head: &mut [u8]) {
        for _ in 0..self.rng.u32(1..3) {
            let any = self.rng.usize(..60);
            let at = self.pick(&[12, 13, 14, 14, 16, 17, 23, 46, 46, any]);
            if let Some(byte) = head.get_mut(at) {
                *byte = self.rng.u8(..);
            }
        }
    }
}
