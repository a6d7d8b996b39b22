//! What the NIC does as time goes by.

use super::guest::{Guest, MAC, OWN, RX_BUFFER, RX_RING, rx_buffer};
use super::{Chip, Config, Quirks};
use crate::net::Nic;
use crate::pci::Function;

const TCTR: u64 = 0x48;
const TIMER_INT: u64 = 0x54;
const MITIGATE: u64 = 0xe2;

fn to_us(length: usize) -> Vec<u8> {
    [&MAC[..], &vec![0; length - 6]].concat()
}

#[test]
fn the_counter_runs_from_the_moment_it_is_written() {
    let mut guest = Guest::standard();
    guest.nic.set_time(5000);
    let _ = guest.write(TCTR, 4, 1);
    guest.nic.set_time(8000);
    assert_eq!(guest.read(TCTR, 4), 100);
}

#[test]
fn the_counter_raises_timeout_when_it_reaches_the_value_and_not_before() {
    for chip in [Chip::Rtl8139CPlus, Chip::Rtl8139] {
        let mut guest = Guest::powered_on(Config { chip, ..Config::new(MAC) });
        let _ = guest.write(0x3c, 2, 0x4000);
        let _ = guest.write(TCTR, 4, 0);
        let _ = guest.write(TIMER_INT, 4, 20);
        assert_eq!(guest.nic.deadline(), Some(600));
        guest.nic.set_time(599);
        assert_eq!([guest.read(0x3e, 2), guest.read(TCTR, 4)], [0, 19]);
        guest.nic.set_time(600);
        assert!(guest.nic.level());
        assert_eq!([guest.acknowledge(), guest.read(TCTR, 4)], [0x4000, 20]);
        let _ = guest.write(TCTR, 4, 0);
        assert_eq!(guest.nic.deadline(), Some(1200));
        let _ = guest.write(TIMER_INT, 4, 0);
        assert_eq!(guest.nic.deadline(), None);
    }
}

#[test]
fn a_halted_clock_raises_no_timeout() {
    let mut guest = Guest::standard();
    let _ = guest.write(TIMER_INT, 4, 20);
    let _ = guest.write(0x5b, 1, 0x48);
    guest.nic.set_time(600);
    assert_eq!(guest.read(0x3e, 2), 0);
}

#[test]
fn a_reset_stops_the_timer_and_starts_the_counter_at_zero() {
    let mut guest = Guest::standard();
    let _ = guest.write(TIMER_INT, 4, 1000);
    guest.nic.set_time(3000);
    let _ = guest.write(0x37, 1, 0x10);
    assert_eq!((guest.nic.deadline(), guest.read(TCTR, 4)), (None, 0));
    let mut guest = Guest::up(Config { quirks: Quirks::QEMU_7_2, ..Config::new(MAC) });
    guest.nic.set_time(3000);
    let _ = guest.write(0x37, 1, 0x10);
    assert_eq!(guest.read(TCTR, 4), 100);
}

#[test]
fn sent_frames_interrupt_at_once_where_nothing_is_to_be_held_back() {
    let mut guest = Guest::standard();
    guest.send(&[0; 60], 0);
    assert_eq!(guest.acknowledge(), 0x84);
}

#[test]
fn tok_waits_for_its_time_and_brings_tdu_along() {
    let mut guest = Guest::standard();
    let _ = guest.write(MITIGATE, 2, 0x3000);
    guest.send(&[0; 60], 0);
    guest.send(&[0; 60], 0);
    assert_eq!((guest.read(0x3e, 2), guest.nic.deadline()), (0, Some(7680)));
    guest.nic.set_time(7680);
    assert_eq!((guest.acknowledge(), guest.nic.deadline()), (0x84, None));
}

#[test]
fn tok_comes_early_when_enough_frames_were_sent() {
    let mut guest = Guest::standard();
    let _ = guest.write(MITIGATE, 2, 0xf100);
    for _ in 0..3 {
        guest.send(&[0; 60], 0);
    }
    assert_eq!(guest.read(0x3e, 2), 0);
    guest.send(&[0; 60], 0);
    assert_eq!(guest.read(0x3e, 2), 0x84);
}

#[test]
fn rok_waits_for_its_time_or_enough_frames() {
    let mut guest = Guest::standard();
    let _ = guest.write(MITIGATE, 2, 0x0011);
    guest.arrive([to_us(60)]);
    assert_eq!((guest.read(0x3e, 2), guest.nic.deadline()), (0, Some(2560)));
    guest.arrive([to_us(60), to_us(60), to_us(60)]);
    assert_eq!((guest.acknowledge(), guest.nic.deadline()), (0x01, None));
    guest.arrive([to_us(60)]);
    guest.nic.set_time(2560);
    assert_eq!(guest.acknowledge(), 0x01);
}

#[test]
fn the_units_of_mitigation_are_longer_at_10_mbit() {
    let mut guest = Guest::standard();
    let _ = guest.write(0x50, 1, 0xc0);
    let _ = guest.write(0x62, 2, 0x0100);
    let _ = guest.write(MITIGATE, 2, 0x0010);
    guest.arrive([to_us(60)]);
    assert_eq!(guest.nic.deadline(), Some(40960));
}

#[test]
fn qemu_knows_no_mitigation() {
    let mut guest = Guest::up(Config { quirks: Quirks::QEMU_7_2, ..Config::new(MAC) });
    let _ = guest.write(MITIGATE, 2, 0xffff);
    assert_eq!(guest.read(MITIGATE, 2), 0);
    guest.arrive([to_us(60)]);
    assert_eq!((guest.acknowledge(), guest.nic.deadline()), (0x01, None));
}

#[test]
fn a_pulled_cable_interrupts_at_once_whatever_is_held_back() {
    let mut guest = Guest::standard();
    let _ = guest.write(MITIGATE, 2, 0xffff);
    guest.nic.set_link(false);
    assert_eq!(guest.acknowledge(), 0x20);
}

#[test]
fn a_frame_without_a_descriptor_is_offered_again_after_a_while() {
    let mut guest = Guest::standard();
    guest.arrive((0..64).map(|_| to_us(60)));
    assert_eq!(guest.nic.deadline(), None);
    guest.nic.set_time(1000);
    guest.arrive([to_us(60)]);
    assert_eq!((guest.wire.incoming.len(), guest.nic.deadline()), (1, Some(2_001_000)));
    // A driver that polls writes no register.
    guest.put(RX_RING, 0, OWN | RX_BUFFER as u32, rx_buffer(0));
    guest.nic.set_time(2_001_000);
    assert_eq!(guest.nic.deadline(), None);
    guest.arrive([]);
    assert_eq!((guest.wire.incoming.len(), guest.nic.deadline()), (0, None));
}

#[test]
fn a_full_c_mode_ring_is_not_looked_at_again_until_the_driver_has_written_capr() {
    let mut guest = Guest::c_mode(Config::new(MAC), 0);
    guest.arrive((0..10).map(|_| to_us(1514)));
    assert!(!guest.wire.incoming.is_empty());
    assert_eq!(guest.nic.deadline(), None);
}
