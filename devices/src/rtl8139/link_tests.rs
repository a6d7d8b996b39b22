//! The cable, and the interrupt.

use super::guest::{Guest, MAC};
use crate::net::Nic;
use crate::pci::Function;

#[test]
fn a_pulled_cable_shows_in_the_phy_and_interrupts() {
    let mut guest = Guest::standard();
    guest.nic.set_link(false);
    assert_eq!([guest.read(0x64, 2), guest.read(0x58, 1)], [0x7809, 0xd4]);
    assert!(guest.nic.level());
    assert_eq!(guest.acknowledge(), 0x20);

    guest.nic.set_link(true);
    assert_eq!([guest.read(0x64, 2), guest.read(0x58, 1)], [0x782d, 0xd0]);
    assert_eq!(guest.acknowledge(), 0x20);
}

#[test]
fn a_link_that_stays_as_it_is_does_not_interrupt() {
    let mut guest = Guest::standard();
    guest.nic.set_link(true);
    assert!(!guest.nic.level());
}

#[test]
fn a_reset_does_not_plug_the_cable_in() {
    let mut guest = Guest::standard();
    guest.nic.set_link(false);
    let _ = guest.write(0x37, 1, 0x10);
    let _ = guest.write(0x62, 2, 0x8000);
    assert_eq!([guest.read(0x64, 2), guest.read(0x58, 1)], [0x7809, 0xd4]);
}

#[test]
fn frames_sent_without_a_cable_are_lost_but_complete() {
    let mut guest = Guest::standard();
    guest.nic.set_link(false);
    guest.acknowledge();
    assert!(guest.send(&[0; 60], 0).is_empty());
    assert_eq!(guest.acknowledge(), 0x84);
}

#[test]
fn a_pulled_cable_brings_no_frames() {
    let mut guest = Guest::standard();
    guest.nic.set_link(false);
    guest.acknowledge();
    guest.arrive([[&MAC[..], &[7; 60]].concat()]);
    assert_eq!(guest.acknowledge(), 0);
    assert!(guest.wire.incoming.is_empty());
}

#[test]
fn the_line_follows_status_and_mask() {
    let mut guest = Guest::standard();
    guest.send(&[0; 60], 0);
    assert!(guest.nic.level());
    let _ = guest.write(0x3c, 2, 0);
    assert!(!guest.nic.level());
    let _ = guest.write(0x3c, 2, 0x80ff);
    assert!(guest.nic.level());
    guest.acknowledge();
    assert!(!guest.nic.level());
}

#[test]
fn pci_status_shows_the_interrupt_even_where_intx_is_disabled() {
    let mut guest = Guest::standard();
    let pending = |guest: &Guest| guest.nic.configuration().u16(6) & 8 != 0;
    let _ = guest.nic.write_config(4, &0x0407u16.to_le_bytes());
    guest.send(&[0; 60], 0);
    assert!(pending(&guest));
    assert!(!guest.nic.level());
    guest.acknowledge();
    assert!(!pending(&guest));
}

#[test]
fn reading_the_status_has_no_effect() {
    let mut guest = Guest::standard();
    guest.send(&[0; 60], 0);
    assert_eq!([guest.read(0x3e, 2), guest.read(0x3e, 2)], [0x84, 0x84]);
}

#[test]
fn in_loopback_frames_come_back_through_the_filter_and_none_goes_out() {
    let mut guest = Guest::standard();
    let _ = guest.write(0x40, 4, 0x0306_0600);
    let own = [&MAC[..], &[7; 60]].concat();
    assert!(guest.send(&own, 0).is_empty());
    assert!(guest.send(&[2; 66], 0).is_empty());
    assert_eq!(guest.received(0, 66), own);
    assert_eq!(guest.acknowledge(), 0x85);
    assert_ne!(guest.word(super::guest::RX_RING, 1, 0) & super::guest::OWN, 0);
}
