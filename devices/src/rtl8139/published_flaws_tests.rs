//! Every published flaw of an RTL8139 model, and those found in reading: each test says what the
//! guest does and what must not happen. Both the chip and the `qemu` profiles have to stand them.

// Lengths are decimal.
#![allow(clippy::decimal_bitwise_operands)]

use super::guest::{EOR, FS, Guest, LGSEN, LS, MAC, OWN, RX_RING, TX_BUFFERS, TX_RING, rx_buffer};
use super::transmit::MAX_FRAME;
use super::{Config, MEMORY_BAR, Quirks, Tso};
use crate::ethernet::testing::{Spec, pattern};
use crate::net::{Metadata, Nic};
use crate::pci::Function;

/// Commands that ask for each offload.
const OFFLOADS: [u32; 4] = [LGSEN | 1000 << 16, 0x0004_0000, 0x0001_0000, 0x0007_0000];
/// What guest memory holds around frames, so that it shows where it does not belong.
const SECRET: u8 = 0xa5;

fn profiles() -> Vec<Config> {
    let chip = Config::new(MAC);
    vec![
        chip,
        Config { tso: Tso::Mtu1500, ..chip },
        Config { quirks: Quirks::QEMU_5_2, ..chip },
        Config { quirks: Quirks::QEMU_7_2, ..chip },
    ]
}

/// Sends `frame` with every offload; answers all that came out.
fn offloaded(config: Config, frame: &[u8]) -> Vec<Vec<u8>> {
    let send = |command| {
        let mut guest = Guest::up(config);
        guest.memory.write(TX_BUFFERS, &vec![SECRET; 0x1_2000]).unwrap();
        guest.send(frame, command)
    };
    OFFLOADS.into_iter().flat_map(send).collect()
}

fn assert_no_leak(frame: &[u8]) {
    for config in profiles() {
        for out in offloaded(config, frame) {
            let padded = frame.len().max(60);
            assert!(out.len() <= padded, "{} bytes in, {} out", frame.len(), out.len());
            assert!(!out.windows(4).any(|bytes| bytes == [SECRET; 4]));
        }
    }
}

/// CVE-2015-5165: the model believed lengths in headers, and sent what lay behind the frame.
#[test]
fn cve_2015_5165_lengths_in_headers_give_no_memory_away() {
    let mut frame = Spec { payload: pattern(100), ..Spec::default() }.build();
    for (at, value) in [(16, 0xff), (14, 0x44), (14, 0x4f), (46, 0x10), (46, 0xf0), (16, 0x00)] {
        let good = std::mem::replace(&mut frame[at], value);
        assert_no_leak(&frame);
        frame[at] = good;
    }
    for length in [1, 12, 13, 14, 20, 33, 34, 35, 53, 54] {
        assert_no_leak(&frame[..length]);
    }
}

/// CVE-2016-8910: a ring in which every descriptor stays the NIC's kept it busy for good.
#[test]
fn cve_2016_8910_a_ring_that_never_ends_ends_the_round() {
    for config in profiles() {
        let mut guest = Guest::up(config);
        for index in 0..64 {
            guest.put(TX_RING, index, OWN, TX_BUFFERS);
        }
        for _ in 0..4 {
            let _ = guest.write(0xd9, 1, 0x40);
            let _ = guest.nic.transmit(&mut guest.wire);
            // The guest hands over again what the NIC gave back.
            for index in 0..64 {
                guest.put(TX_RING, index, OWN, TX_BUFFERS);
            }
        }
        assert!(guest.wire.sent.is_empty());
    }
}

/// CVE-2018-17958: the size of a received frame was kept in a signed integer.
#[test]
fn cve_2018_17958_huge_frames_do_not_overrun_a_ring() {
    for length in [8188, 8192, 65535, 65536, 1 << 20] {
        let mut guest = Guest::c_mode(Config::new(MAC), 0);
        let _ = guest.write(0x44, 4, 0xe7bf & !0x1800);
        guest.memory.write(rx_buffer(0) + 8192 + 16, &[SECRET; 64]).unwrap();
        let _ = guest.nic.receive(&vec![0xff; length], Metadata::default());
        assert_eq!(guest.ring(8192 + 16, 64), [SECRET; 64], "{length}");
    }
    for config in profiles() {
        for length in [8188, 65536, 1 << 20] {
            let mut guest = Guest::up(config);
            let _ = guest.nic.receive(&vec![0xff; length], Metadata::default());
            assert_eq!(guest.word(RX_RING, 0, 0) & OWN, OWN, "{length}");
        }
    }
}

/// CVE-2021-3416 and CVE-2023-3019: DMA aimed at the NIC's own registers called it again from
/// within. Ours reaches RAM alone, so the transfer is lost and no register changes.
#[test]
fn cve_2021_3416_and_2023_3019_dma_does_not_reach_registers() {
    let registers = 0xfebf_0000u64;
    for config in profiles() {
        let mut guest = Guest::up(config);
        let _ = guest.nic.write_config(0x14, &(registers as u32).to_le_bytes());
        let _ = guest.write(0x40, 4, 0x0306_0600);
        guest.put(RX_RING, 0, OWN | 0x600, registers + 0xd0);
        guest.put(RX_RING, 1, OWN | 0x600, registers);
        let before = guest.read(0x44, 4);
        for _ in 0..4 {
            guest.queue(&[&MAC[..], &[0x40; 94]].concat(), 1, 0);
            let _ = guest.write(0xd9, 1, 0x40);
            guest.work();
        }
        assert_eq!([guest.read(0x44, 4), guest.read(0x00, 4)], [before, 0x1200_5452]);
        let _ = guest.write(0x20, 4, registers as u32);
        let _ = guest.write(0xd9, 1, 0x40);
        guest.work();
        let _ = guest.write(0xe4, 4, registers as u32);
        guest.arrive([[&MAC[..], &[0x40; 94]].concat()]);
        assert_eq!(guest.read(0x44, 4), before);
    }
}

/// The same in C mode: a receive ring that lies over the registers.
#[test]
fn a_c_mode_ring_over_the_registers_changes_none() {
    for quirks in [Quirks::NONE, Quirks::QEMU_7_2] {
        let mut guest = Guest::c_mode(Config { quirks, ..Config::new(MAC) }, 0);
        let _ = guest.nic.write_config(0x14, &0xfebf_0000u32.to_le_bytes());
        let _ = guest.write(0x30, 4, 0xfebf_0010);
        guest.arrive([[&MAC[..], &[0; 94]].concat()]);
        let tsd = [0x10, 0x14].map(|offset| guest.read(offset, 4));
        assert_eq!(tsd, [0x2000; 2]);
    }
}

/// QEMU issue 1582: a segment size of zero was divided by.
#[test]
fn issue_1582_a_segment_size_of_zero_divides_nothing() {
    let frame = Spec { payload: pattern(3000), ..Spec::default() }.build();
    for config in profiles() {
        let mut guest = Guest::up(config);
        let sent = guest.send(&frame, LGSEN);
        assert!(!sent.is_empty());
    }
    assert_eq!(Guest::standard().send(&frame, LGSEN), [frame]);
}

/// The reproducer of the fix: IHL 7, data offset 8, no payload, at the start of memory.
#[test]
fn issue_1582_the_published_reproducer_passes() {
    let mut frame = vec![0; 74];
    frame[12..16].copy_from_slice(&[0x08, 0x00, 0x47, 0x00]);
    frame[16..18].copy_from_slice(&60u16.to_be_bytes());
    frame[23] = 6;
    frame[14 + 28 + 12] = 0x80;
    for config in profiles() {
        let mut guest = Guest::up(config);
        guest.send(&frame, LGSEN);
        assert_ne!(guest.acknowledge() & 0x04, 0);
    }
}

/// QEMU work item 3518: a tiny frame, tagged, looped back and stripped, was read past its end.
#[test]
fn issue_3518_a_tiny_tagged_frame_in_loopback_brings_padding_and_nothing_else() {
    for config in profiles() {
        for length in 12..60u64 {
            let mut guest = Guest::up(config);
            let _ = guest.write(0x44, 4, 0xa40f);
            let _ = guest.write(0x40, 4, 0x0306_0600);
            let _ = guest.write(0xe0, 2, 0x6b);
            guest.memory.write(TX_BUFFERS, &[SECRET; 128]).unwrap();
            guest.memory.write(TX_BUFFERS, &vec![0xff; length as usize]).unwrap();
            guest.put(TX_RING, 0, OWN | EOR | FS | LS | length as u32, TX_BUFFERS);
            guest.memory.write_u32(TX_RING + 4, 0x0002_0100).unwrap();
            let _ = guest.write(0xd9, 1, 0x40);
            guest.work();
            let status = guest.word(RX_RING, 0, 0);
            assert_eq!(status & OWN, 0);
            assert!(status & 0x1fff <= 64);
            let bytes = guest.received(0, (status & 0x1fff) as usize - 4);
            assert!(!bytes.contains(&SECRET), "{length}");
        }
    }
}

/// Found in reading: without an end the receive ring went on through all of memory.
#[test]
fn a_receive_ring_without_end_starts_over_after_64() {
    let mut guest = Guest::standard();
    let frame = || [&MAC[..], &[0; 54]].concat();
    for index in 0..64 {
        guest.put(RX_RING, index, OWN | 0x600, rx_buffer(index));
    }
    guest.arrive((0..1000).map(|_| frame()));
    assert_eq!(guest.wire.incoming.len(), 1000 - 64);
    guest.put(RX_RING, 0, OWN | 0x600, rx_buffer(0));
    guest.arrive([]);
    assert_eq!(guest.wire.incoming.len(), 1000 - 65);
}

/// The profile goes on as QEMU does, but out of RAM it finds no descriptor.
#[test]
fn a_receive_ring_without_end_leaves_ram_without_harm() {
    let mut guest = Guest::up(Config { quirks: Quirks::QEMU_7_2, ..Config::new(MAC) });
    let _ = guest.write(0xe4, 4, 0x1f_ff00);
    for index in 0..16 {
        guest.memory.write_u32(0x1f_ff00 + 16 * index, OWN | 0x600).unwrap();
    }
    guest.arrive((0..1000).map(|_| [&MAC[..], &[0; 54]].concat()));
    assert_eq!(guest.read(0x4c, 4), 1000 - 16);
}

/// Found in reading: the buffer that a frame is put together in has 65536 bytes.
#[test]
fn a_frame_of_70000_bytes_is_cut_at_65536() {
    for config in profiles() {
        let mut guest = Guest::up(config);
        guest.put(TX_RING, 0, OWN | FS | 60000, TX_BUFFERS);
        guest.put(TX_RING, 1, OWN | LS | EOR | 10000, TX_BUFFERS);
        let _ = guest.write(0xd9, 1, 0x40);
        guest.work();
        assert_eq!(guest.sent()[0].len(), MAX_FRAME);
    }
}

/// Whatever is written where, in every profile and on both chips.
#[test]
fn no_sequence_of_accesses_frames_and_times_stops_any_profile() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let plain = Config { chip: super::Chip::Rtl8139, ..Config::new(MAC) };
    for config in profiles().into_iter().chain([plain]) {
        for _ in 0..40 {
            let mut guest = Guest::up(config);
            for step in 0..200 {
                let [offset, width, value] = [random() % 260, 1 << (random() % 4), random()];
                let data = value.to_le_bytes();
                let _ = guest.nic.write_bar(MEMORY_BAR, offset, &data[..width as usize]);
                guest.nic.read_bar(MEMORY_BAR, offset, &mut [0; 8][..width as usize]);
                let at = RX_RING + random() % 0x900;
                guest.memory.write(at, &(random() | 0xf000_0000).to_le_bytes()).unwrap();
                guest.nic.set_time(step * (random() % 10_000));
                guest.nic.ring(0);
                let _ = guest.nic.transmit(&mut guest.wire);
                let length = (random() % 200) as usize;
                let _ = guest.nic.receive(&vec![random() as u8; length], Metadata::default());
                guest.nic.set_link(random() % 4 != 0);
                guest.nic.flush();
                guest.wire.sent.clear();
            }
        }
    }
}
