use super::super::guest::{Guest, MAC};
use super::super::{Config, Quirks};
use super::*;
use crate::net::{Metadata, Nic, Receipt};
use crate::pci::Function;

const PMCSR: usize = 0x54;

fn magic(destination: [u8; 6]) -> Vec<u8> {
    [&destination[..], &[2; 6], &[0x08, 0x42], &[0xff; 6], &MAC.repeat(16)].concat()
}

fn control(guest: &mut Guest) -> u16 {
    guest.nic.configuration().u16(PMCSR)
}

/// A NIC that its driver sent to sleep, with or without the wish to be woken up.
fn asleep(config3: u32) -> Guest {
    let mut guest = Guest::standard();
    let _ = guest.write(0x50, 1, 0xc0);
    let _ = guest.write(0x52, 1, 0x01);
    let _ = guest.write(0x59, 1, config3);
    let _ = guest.nic.write_config(PMCSR, &0x0103u16.to_le_bytes());
    guest
}

#[test]
fn the_power_management_capability_stands_at_50() {
    let guest = Guest::powered_on(Config::new(MAC));
    let pci = guest.nic.configuration();
    assert_eq!([pci.u16(0x34) & 0xff, pci.u16(0x50), pci.u16(0x52)], [0x50, 0x0001, 0x7602]);
}

#[test]
fn qemu_has_a_pointer_to_no_capability() {
    let guest = Guest::powered_on(Config { quirks: Quirks::QEMU_7_2, ..Config::new(MAC) });
    let pci = guest.nic.configuration();
    assert_eq!([pci.u16(0x34), pci.u16(0x06) & 0x10, pci.u16(0x50)], [0xdc, 0, 0]);
}

#[test]
fn a_sleeping_nic_answers_no_register_and_moves_no_frame() {
    let mut guest = asleep(0);
    assert_eq!(guest.read(0x3e, 2), 0xffff);
    guest.nic.ring(0);
    guest.queue(&[0; 60], 1, 0);
    guest.work();
    assert!(guest.wire.sent.is_empty());
    guest.arrive([magic(MAC)]);
    assert!(guest.wire.incoming.is_empty());
    assert!(!guest.nic.level());
    assert!(!guest.nic.mirror(1, &mut [0; 256]));
}

#[test]
fn a_magic_packet_wakes_a_nic_that_was_asked_to_look_for_it() {
    for destination in [MAC, [0xff; 6]] {
        let mut guest = asleep(0x20);
        assert_eq!(guest.nic.receive(&magic(destination), Metadata::default()), Receipt::Done);
        assert!(guest.nic.wakes());
        assert_eq!(control(&mut guest), 0x8103);
        let _ = guest.nic.write_config(PMCSR, &0x8000u16.to_le_bytes());
        assert!(!guest.nic.wakes());
        assert_eq!(control(&mut guest), 0);
    }
}

#[test]
fn other_frames_and_other_wishes_do_not_wake_it() {
    let mut frame = magic(MAC);
    frame[40] ^= 1;
    let mut guest = asleep(0x20);
    let _ = guest.nic.receive(&frame, Metadata::default());
    let _ = guest.nic.receive(&magic([2; 6]), Metadata::default());
    assert!(!guest.nic.wakes());
    let mut guest = asleep(0);
    let _ = guest.nic.receive(&magic(MAC), Metadata::default());
    assert!(!guest.nic.wakes());
}

#[test]
fn an_awake_nic_takes_a_magic_packet_for_a_frame() {
    let mut guest = Guest::standard();
    guest.arrive([magic(MAC)]);
    assert_eq!(guest.acknowledge(), 1);
    assert_eq!(control(&mut guest), 0);
}

#[test]
fn coming_back_from_d3_resets_the_chip() {
    let mut guest = asleep(0);
    let _ = guest.nic.write_config(PMCSR, &[0, 0]);
    assert_eq!([guest.read(0x37, 1), guest.read(0xe0, 2)], [0x01, 0]);
}

#[test]
fn the_pattern_may_stand_anywhere() {
    let pattern = [&[0xff; 6][..], &MAC.repeat(16)].concat();
    assert!(is_magic(&pattern, MAC));
    assert!(is_magic(&[&[0xff; 9][..], &pattern, &[1]].concat(), MAC));
    assert!(!is_magic(&pattern[1..], MAC));
    assert!(!is_magic(&[], MAC));
}
