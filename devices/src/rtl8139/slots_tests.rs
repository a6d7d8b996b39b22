use super::super::guest::{Guest, MAC, TX_BUFFERS};
use super::super::{Chip, Config, Quirks};
use super::*;
use crate::bus::Action;
use crate::pci::Function;

const TSD0: u64 = 0x10;

fn guest() -> Guest {
    Guest::c_mode(Config { chip: Chip::Rtl8139, ..Config::new(MAC) }, 2)
}

fn frame(number: u8) -> Vec<u8> {
    vec![number; 60 + usize::from(number)]
}

#[test]
fn a_write_to_a_status_register_sends_a_frame() {
    let mut guest = guest();
    guest.memory.write(TX_BUFFERS, &frame(1)).unwrap();
    assert_eq!(guest.write(TSD0, 4, 0x0008_003d), Action::Service);
    guest.work();
    assert_eq!(guest.sent(), [frame(1)]);
    assert_eq!(guest.read(TSD0, 4), 0x0008_a03d);
    assert_eq!(guest.read(0x60, 2), 0x100f);
    assert_eq!(guest.acknowledge(), 0x04);
}

#[test]
fn descriptors_are_taken_in_turn() {
    let mut guest = guest();
    for lap in 0..3 {
        for slot in 0..4 {
            guest.hand_over(slot, &frame(slot as u8));
        }
        guest.work();
        assert_eq!(guest.sent(), [0, 1, 2, 3].map(frame), "lap {lap}");
    }
}

#[test]
fn a_descriptor_out_of_turn_waits() {
    let mut guest = guest();
    guest.hand_over(1, &frame(1));
    guest.work();
    assert!(guest.sent().is_empty());
    assert_eq!(guest.read(TSD0 + 4, 4), 0x0008_003d);
    guest.hand_over(0, &frame(0));
    guest.work();
    assert_eq!(guest.sent(), [frame(0), frame(1)]);
}

#[test]
fn in_qemu_each_write_sends_one_frame_at_most() {
    let mut guest = Guest::c_mode(Config { quirks: Quirks::QEMU_7_2, ..Config::new(MAC) }, 2);
    guest.hand_over(1, &frame(1));
    guest.work();
    guest.hand_over(0, &frame(0));
    guest.work();
    assert_eq!(guest.sent(), [frame(0)]);
    guest.hand_over(0, &frame(2));
    guest.work();
    assert_eq!(guest.sent(), [frame(1)]);
}

#[test]
fn a_write_clears_what_was_told_of_the_last_frame() {
    assert_eq!(status_after_write(0xffc0_ffff, 0x003c), 0x00c0_003c);
    assert_eq!(status_after_write(0, u32::MAX), 0x003f_3fff);
}

#[test]
fn a_frame_that_is_too_long_is_aborted() {
    let mut guest = guest();
    let _ = guest.write(TSD0, 4, LONGEST + 1);
    guest.hand_over(1, &frame(1));
    guest.work();
    assert_eq!(guest.sent(), [frame(1)]);
    assert_eq!(guest.read(TSD0, 4), 0x4000_2701);
    assert_eq!(guest.read(0x60, 2), 0x201f);
    assert_eq!(guest.acknowledge(), 0x0c);
}

#[test]
fn qemu_sends_frames_of_up_to_8191_bytes() {
    let mut guest = Guest::c_mode(Config { quirks: Quirks::QEMU_7_2, ..Config::new(MAC) }, 2);
    let _ = guest.write(TSD0, 4, 8191);
    guest.work();
    assert_eq!(guest.sent()[0].len(), 8191);
}

#[test]
fn a_frame_of_no_bytes_sends_nothing_and_completes() {
    let mut guest = guest();
    let _ = guest.write(TSD0, 4, 0);
    guest.work();
    assert!(guest.sent().is_empty());
    assert_eq!([guest.read(TSD0, 4), guest.acknowledge()], [0xa000, 0x04]);
}

#[test]
fn a_buffer_outside_of_ram_is_a_system_error_and_ends() {
    let mut guest = guest();
    let _ = guest.write(0x20, 4, 0xffff_f000);
    let _ = guest.write(TSD0, 4, 60);
    guest.work();
    assert!(guest.sent().is_empty());
    assert_eq!([guest.read(TSD0, 4), guest.acknowledge()], [0x4000_203c, 0x8008]);
}

#[test]
fn nothing_moves_while_the_transmitter_or_bus_mastering_is_off() {
    let mut guest = guest();
    let _ = guest.write(0x37, 1, 0);
    guest.hand_over(0, &frame(1));
    guest.work();
    assert!(guest.sent().is_empty());
    let _ = guest.nic.write_config(4, &3u16.to_le_bytes());
    let _ = guest.write(0x37, 1, 0x0c);
    guest.work();
    assert_eq!([guest.read(TSD0, 4), guest.read(0x3e, 2)], [0x0008_003d, 0]);
    let _ = guest.nic.write_config(4, &7u16.to_le_bytes());
    guest.work();
    assert_eq!(guest.sent(), [frame(1)]);
}

#[test]
fn short_frames_are_not_padded() {
    let mut guest = guest();
    guest.hand_over(0, &[7; 20]);
    guest.work();
    assert_eq!(guest.sent(), [[7; 20]]);
}

#[test]
fn in_cplus_mode_the_status_registers_are_something_else() {
    let mut guest = Guest::standard();
    let _ = guest.write(TSD0 + 8, 4, 0x003c);
    guest.work();
    assert!(guest.sent().is_empty());
    assert_eq!(guest.read(TSD0 + 8, 4), 0x003c);
}

#[test]
fn a_plain_8139_has_no_cplus_registers() {
    let mut guest = guest();
    assert_eq!([guest.read(0x5e, 1), guest.read(0x40, 4)], [0x10, 0x7700_0680]);
    for (offset, width) in [(0xe0, 2), (0xe2, 2), (0xe4, 4), (0xe8, 4), (0xec, 1)] {
        let _ = guest.write(offset, width, u32::MAX);
        assert_eq!(guest.read(offset, width), 0, "{offset:#x}");
    }
    assert_eq!(guest.write(0xd9, 1, 0x41), Action::None);
    assert_eq!(guest.read(0x3e, 2), 0);
    assert!(guest.nic.doorbells().is_empty());
    guest.hand_over(0, &frame(1));
    guest.work();
    assert_eq!(guest.sent(), [frame(1)]);
}

#[test]
fn the_tally_of_the_chip_counts_c_mode_frames() {
    let mut guest = Guest::c_mode(Config::new(MAC), 2);
    guest.hand_over(0, &frame(1));
    let _ = guest.write(TSD0 + 4, 4, LONGEST + 1);
    guest.work();
    assert_eq!([guest.nic.tally.sent, guest.nic.tally.transmit_errors], [1, 1]);
    assert_eq!(guest.nic.tally.aborted, 1);
}
