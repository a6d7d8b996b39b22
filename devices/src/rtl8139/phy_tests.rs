use super::super::guest::{Guest, MAC};
use super::super::{Config, Quirks};
use crate::net::Nic;

const BMCR: u64 = 0x62;
const BMSR: u64 = 0x64;
const ANAR: u64 = 0x66;
const MSR: u64 = 0x58;
const CSCR: u64 = 0x74;

fn unlocked() -> Guest {
    let mut guest = Guest::standard();
    let _ = guest.write(0x50, 1, 0xc0);
    guest
}

#[test]
fn an_offer_of_10_mbit_alone_negotiates_10_mbit() {
    let mut guest = unlocked();
    let _ = guest.write(ANAR, 2, 0x0061);
    let _ = guest.write(BMCR, 2, 0x1200);
    assert_eq!(
        [guest.read(MSR, 1), guest.read(BMSR, 2), guest.read(BMCR, 2)],
        [0xd8, 0x782d, 0x1000]
    );
    assert_eq!(guest.acknowledge(), 0x20);
}

#[test]
fn an_offer_of_nothing_negotiates_no_link() {
    let mut guest = unlocked();
    let _ = guest.write(ANAR, 2, 0x0001);
    let _ = guest.write(BMCR, 2, 0x1200);
    assert_eq!([guest.read(MSR, 1), guest.read(BMSR, 2)], [0xd4, 0x7829]);
    assert!(guest.send(&[0; 60], 0).is_empty());
}

#[test]
fn speed_and_duplex_can_be_set_where_they_are_not_negotiated() {
    let mut guest = unlocked();
    let _ = guest.write(BMCR, 2, 0x0100);
    assert_eq!([guest.read(MSR, 1), guest.read(BMSR, 2), guest.read(0x68, 2)], [0xd8, 0x780d, 0]);
    let _ = guest.write(BMCR, 2, 0x2100);
    assert_eq!([guest.read(MSR, 1), guest.read(BMCR, 2)], [0xd0, 0x2100]);
}

#[test]
fn what_is_negotiated_is_locked() {
    let mut guest = Guest::standard();
    let _ = guest.write(BMCR, 2, 0x2100);
    assert_eq!(guest.read(BMCR, 2), 0x1000);
}

#[test]
fn a_reset_of_the_phy_clears_itself_and_restores_the_offer() {
    let mut guest = unlocked();
    let _ = guest.write(ANAR, 2, 0x0061);
    let _ = guest.write(BMCR, 2, 0x8000);
    assert_eq!(
        [guest.read(ANAR, 2), guest.read(BMCR, 2), guest.read(MSR, 1)],
        [0x05e1, 0x1000, 0xd0]
    );
}

#[test]
fn a_link_change_shows_in_cscr_until_it_is_acknowledged() {
    let mut guest = Guest::standard();
    guest.nic.set_link(false);
    assert_eq!(guest.read(CSCR, 2), 0x0b40);
    assert_eq!(guest.acknowledge(), 0x20);
    assert_eq!(guest.read(CSCR, 2), 0x0340);
}

#[test]
fn without_a_cable_nobody_negotiates() {
    let mut guest = Guest::standard();
    guest.nic.set_link(false);
    assert_eq!([guest.read(0x68, 2), guest.read(0x6a, 2), guest.read(BMSR, 2)], [0, 0, 0x7809]);
}

#[test]
fn the_phy_of_qemu_stays_as_it_is() {
    let mut guest = Guest::up(Config { quirks: Quirks::QEMU_7_2, ..Config::new(MAC) });
    let _ = guest.write(0x50, 1, 0xc0);
    let _ = guest.write(BMCR, 2, 0x2300);
    assert_eq!(guest.read(BMCR, 2), 0x1200);
    let _ = guest.write(BMSR, 2, 0xffff);
    assert_eq!(guest.read(BMSR, 2), 0x78ed);
    guest.nic.set_link(false);
    assert_eq!([guest.read(BMSR, 2), guest.read(CSCR, 2)], [0x78e9, 0x0340]);
    let _ = guest.write(BMCR, 2, 0x8000);
    assert_eq!([guest.read(BMSR, 2), guest.read(BMCR, 2)], [0x7829, 0x1000]);
}
