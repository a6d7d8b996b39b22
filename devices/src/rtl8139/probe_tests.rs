//! What a driver meets when it probes the NIC and brings the interface up.

use super::guest::{Guest, MAC};
use super::*;
use crate::pci::{Doorbell, Function};

fn config(guest: &mut Guest, offset: usize) -> u32 {
    let mut data = [0; 4];
    guest.nic.read_config(offset, &mut data);
    u32::from_le_bytes(data)
}

#[test]
fn configuration_space_shows_a_realtek_8139_of_revision_20() {
    let mut guest = Guest::powered_on(Config::new(MAC));
    let words = [0x00, 0x04, 0x08, 0x2c, 0x3c].map(|offset| config(&mut guest, offset));
    assert_eq!(words, [0x8139_10ec, 0x0010_0000, 0x0200_0020, 0x1100_1af4, 0x4020_0100]);
}

#[test]
fn both_bars_size_to_256() {
    let mut guest = Guest::powered_on(Config::new(MAC));
    let sizes = [0x10, 0x14, 0x18].map(|offset| {
        let _ = guest.nic.write_config(offset, &[0xff; 4]);
        config(&mut guest, offset)
    });
    assert_eq!(sizes, [0xffff_ff01, 0xffff_ff00, 0]);
}

#[test]
fn registers_come_up_with_their_reset_values() {
    let mut guest = Guest::powered_on(Config::new(MAC));
    let bytes = [0x37, 0x50, 0x51, 0x52, 0x58, 0x59, 0x5a, 0x5b, 0x5e, 0xd8];
    let bytes = bytes.map(|offset| guest.read(offset, 1));
    assert_eq!(bytes, [0x01, 0, 0, 0x0c, 0xd0, 0x01, 0, 1, 0x20, 0]);
    let words = [0x38, 0x3c, 0x3e, 0x60, 0x62, 0x64, 0x66, 0x68, 0x6a, 0x74, 0xe0];
    let words = words.map(|offset| guest.read(offset, 2));
    let expected = [0xfff0, 0, 0, 0x0f, 0x1000, 0x782d, 0x05e1, 0x05e1, 1, 0x0340, 0];
    assert_eq!(words, expected);
    let longs = [0x00, 0x10, 0x20, 0x40, 0x44, 0xe4].map(|offset| guest.read(offset, 4));
    assert_eq!(longs, [0x1200_5452, 0x2000, 0, 0x7480_0000, 0, 0]);
}

/// As Linux does it: SK falls with the bit on DI, then rises.
fn eeprom_word(guest: &mut Guest, address: u32, address_bits: u32) -> u32 {
    let enable = 0x88;
    let _ = guest.write(0x50, 1, 0x80);
    let _ = guest.write(0x50, 1, enable);
    let command = 0b110 << address_bits | address;
    for bit in (0..address_bits + 3).rev() {
        let data = (command >> bit & 1) << 1;
        let _ = guest.write(0x50, 1, enable | data);
        let _ = guest.write(0x50, 1, enable | data | 0x04);
    }
    let _ = guest.write(0x50, 1, enable);
    let word = (0..16).fold(0, |word, _| {
        let _ = guest.write(0x50, 1, enable | 0x04);
        let word = word << 1 | guest.read(0x50, 1) & 1;
        let _ = guest.write(0x50, 1, enable);
        word
    });
    let _ = guest.write(0x50, 1, 0);
    word
}

/// A command without an answer.
fn eeprom_command(guest: &mut Guest, bits: u32, count: u32) {
    for bit in (0..count).rev() {
        let data = (bits >> bit & 1) << 1;
        let _ = guest.write(0x50, 1, 0x88 | data);
        let _ = guest.write(0x50, 1, 0x88 | data | 0x04);
    }
    let _ = guest.write(0x50, 1, 0x80);
}

#[test]
fn the_driver_reads_the_mac_address_from_the_eeprom() {
    let mut guest = Guest::powered_on(Config::new(MAC));
    assert_ne!(eeprom_word(&mut guest, 0, 8), 0x8129);
    assert_eq!(eeprom_word(&mut guest, 0, 6), 0x8129);
    let words = [7, 8, 9].map(|address| eeprom_word(&mut guest, address, 6));
    assert_eq!(words, [0x5452, 0x1200, 0x5634]);
}

#[test]
fn configuration_registers_are_locked_until_9346cr_unlocks_them() {
    let mut guest = Guest::powered_on(Config::new(MAC));
    let _ = guest.write(0x59, 1, 0x40);
    assert_eq!(guest.read(0x59, 1), 0x01);
    let _ = guest.write(0x50, 1, 0xc0);
    let _ = guest.write(0x59, 1, 0x40);
    assert_eq!(guest.read(0x59, 1), 0x41);
}

#[test]
fn soft_reset_clears_what_it_must_and_spares_addresses_and_configuration() {
    let mut guest = Guest::standard();
    let _ = guest.write(0x50, 1, 0xc0);
    let _ = guest.write(0x00, 4, 0xdead_beef);
    let _ = guest.write(0x5c, 2, 1);
    let _ = guest.write(0x37, 1, 0x10);
    assert_eq!(guest.read(0x37, 1), 0x01);
    let cleared = [(0x3c, 2), (0xe0, 2), (0xe4, 4), (0x44, 4), (0x5c, 2), (0x20, 4), (0xec, 1)];
    assert_eq!(cleared.map(|(offset, width)| guest.read(offset, width)), [0; 7]);
    assert_eq!([guest.read(0x00, 4), guest.read(0x08, 4)], [0xdead_beef, u32::MAX]);
    assert_eq!([guest.read(0x52, 1), guest.read(0x59, 1), guest.read(0x50, 1)], [0x2d, 0x41, 0xc0]);
}

#[test]
fn soft_reset_of_qemu_restores_the_address_and_spares_the_filter() {
    let mut guest = Guest::up(Config { quirks: Quirks::QEMU_7_2, ..Config::new(MAC) });
    let _ = guest.write(0x00, 4, 0xdead_beef);
    assert_eq!(guest.read(0x00, 4), 0xdead_beef);
    let _ = guest.write(0x37, 1, 0x10);
    assert_eq!(
        [guest.read(0x00, 4), guest.read(0x52, 1), guest.read(0xe0, 2)],
        [0x1200_5452, 0x0c, 0]
    );
    assert_eq!(
        [guest.read(0x08, 4), guest.read(0x44, 4), guest.read(0xec, 1)],
        [u32::MAX, 0xa40e, 6]
    );
}

#[test]
fn the_address_is_locked_as_the_configuration_is() {
    let mut guest = Guest::standard();
    let _ = guest.write(0x00, 4, 0xdead_beef);
    assert_eq!(guest.read(0x00, 4), 0x1200_5452);
}

#[test]
fn autoload_loads_address_and_configuration_and_nothing_else() {
    let mut guest = Guest::standard();
    let _ = guest.write(0x50, 1, 0xc0);
    let _ = guest.write(0x00, 4, 0xdead_beef);
    let _ = guest.write(0x50, 1, 0x40);
    assert_eq!([guest.read(0x50, 1), guest.read(0xe0, 2)], [0, 0x2b]);
    assert_eq!(
        [guest.read(0x00, 4), guest.read(0x52, 1), guest.read(0x59, 1)],
        [0x1200_5452, 0x0c, 0x01]
    );
}

#[test]
fn autoload_of_qemu_resets_and_leaves_9346cr_at_zero() {
    let mut guest = Guest::up(Config { quirks: Quirks::QEMU_7_2, ..Config::new(MAC) });
    let _ = guest.write(0x50, 1, 0x40);
    assert_eq!([guest.read(0x50, 1), guest.read(0xe0, 2), guest.read(0x37, 1)], [0, 0, 0x11]);
}

#[test]
fn an_enable_bit_that_is_set_again_restarts_the_rings_of_qemu_only() {
    let quirks = [Quirks::NONE, Quirks::QEMU_7_2];
    let next = quirks.map(|quirks| {
        let mut guest = Guest::up(Config { quirks, ..Config::new(MAC) });
        guest.arrive([[&MAC[..], &[0; 54]].concat()]);
        let _ = guest.write(0x37, 1, 0x0c);
        guest.nic.receiver.next
    });
    assert_eq!(next, [1, 0]);
}

#[test]
fn qemu_shows_reset_until_the_command_register_is_written() {
    let mut guest = Guest::powered_on(Config { quirks: Quirks::QEMU_7_2, ..Config::new(MAC) });
    assert_eq!(guest.read(0x37, 1), 0x11);
    let _ = guest.write(0x37, 1, 0);
    assert_eq!(guest.read(0x37, 1), 0x01);
}

#[test]
fn autoload_brings_what_was_written_to_the_eeprom() {
    let mut guest = Guest::powered_on(Config::new(MAC));
    eeprom_command(&mut guest, 0b1_0011_0000, 9);
    eeprom_command(&mut guest, 0b1_0100_0111 << 16 | 0x2211, 25);
    let _ = guest.write(0x50, 1, 0x40);
    assert_eq!(guest.read(0x00, 4), 0x1200_2211);
    guest.nic.reset();
    assert_eq!(guest.read(0x00, 4), 0x1200_2211);
}

#[test]
fn the_transmit_configuration_counts_only_while_the_transmitter_is_on() {
    let mut guest = Guest::powered_on(Config::new(MAC));
    let _ = guest.write(0x40, 4, 0x0300_0600);
    assert_eq!(guest.read(0x40, 4), 0x7480_0000);
    let _ = guest.write(0x37, 1, 0x04);
    let _ = guest.write(0x40, 4, 0x0300_0600);
    assert_eq!(guest.read(0x40, 4), 0x7780_0600);
}

#[test]
fn both_bars_lead_to_the_same_registers() {
    let mut guest = Guest::standard();
    let _ = guest.nic.write_bar(IO_BAR, 0xec, &[0x2a]);
    assert_eq!(guest.read(0xec, 1), 0x2a);
}

#[test]
fn doorbells_stand_behind_both_bars_and_are_only_noted() {
    let mut guest = Guest::standard();
    let bells = guest.nic.doorbells();
    let bell = |bar| Doorbell { bar, offset: 0xd9, width: 1, value: Some(0x40), id: 0 };
    assert_eq!(bells, [bell(IO_BAR), bell(MEMORY_BAR)]);
    guest.queue(&[0; 60], 1, 0);
    guest.nic.ring(0);
    assert!(guest.wire.sent.is_empty());
    guest.work();
    assert_eq!(guest.wire.sent.len(), 1);
}

#[test]
fn the_mirror_shows_what_reads_give_until_the_counter_is_used() {
    let mut guest = Guest::standard();
    let mut page = [0; 4096];
    assert!(guest.nic.mirror(MEMORY_BAR, &mut page));
    let mut registers = [0; 256];
    guest.nic.read_bar(MEMORY_BAR, 0, &mut registers);
    assert_eq!(page[..256], registers);
    assert!(page[256..].iter().all(|byte| *byte == 0xff));
    assert!(!guest.nic.mirror(IO_BAR, &mut page));

    let _ = guest.write(0x54, 4, 1000);
    assert!(!guest.nic.mirror(MEMORY_BAR, &mut page));
}

#[test]
fn power_on_reset_closes_memory_and_clears_everything() {
    let mut guest = Guest::standard();
    guest.nic.reset();
    assert!(guest.memory.ram().is_none());
    assert_eq!([guest.read(0x08, 4), guest.read(0x44, 4)], [0, 0]);
    assert_eq!(config(&mut guest, 4), 0x0010_0000);
}

#[test]
fn a_tally_dump_says_what_was_sent_and_received() {
    let mut guest = Guest::standard();
    guest.send(&[0; 60], 0);
    guest.arrive([[&MAC[..], &[0; 54]].concat(), vec![0xff; 60], vec![2; 60]]);
    let _ = guest.write(0x14, 4, 0);
    let _ = guest.write(0x10, 4, 0x9000 | 8);
    assert_eq!(guest.read(0x10, 4), 0x9000);
    let words = [0, 8, 24, 40, 48].map(|at| guest.memory.read_u32(0x9000 + at).unwrap());
    assert_eq!(words, [1, 2, 0, 1, 1]);
}
