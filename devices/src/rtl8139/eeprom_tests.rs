// Binary numbers are grouped as commands are: start bit, opcode, address.
#![allow(clippy::unusual_byte_groupings)]

use super::*;

const MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];

fn send(eeprom: &mut Eeprom, bits: u32, count: u32) {
    for bit in (0..count).rev() {
        let data = bits >> bit & 1 == 1;
        eeprom.drive(Wires { select: true, clock: false, data });
        eeprom.drive(Wires { select: true, clock: true, data });
    }
}

fn receive(eeprom: &mut Eeprom) -> u16 {
    (0..16).fold(0, |word, _| {
        eeprom.drive(Wires { select: true, clock: true, data: false });
        let word = word << 1 | u16::from(eeprom.output());
        eeprom.drive(Wires { select: true, clock: false, data: false });
        word
    })
}

/// As drivers do it: select, start bit, opcode 10, address; each bit with the clock low, then high.
fn read(eeprom: &mut Eeprom, address: u32, bits: u32) -> u16 {
    eeprom.drive(Wires::default());
    send(eeprom, 0b110 << bits | address, bits + 3);
    eeprom.drive(Wires { select: true, clock: false, data: false });
    let word = receive(eeprom);
    eeprom.drive(Wires::default());
    word
}

fn command(eeprom: &mut Eeprom, bits: u32, count: u32) {
    eeprom.drive(Wires::default());
    send(eeprom, bits, count);
    eeprom.drive(Wires::default());
}

#[test]
fn a_driver_finds_signature_and_mac_address() {
    let mut eeprom = Eeprom::new(MAC, false);
    let words = [0, 1, 2, 7, 8, 9].map(|address| read(&mut eeprom, address, 6));
    assert_eq!(words, [0x8129, 0x10ec, 0x8139, 0x5452, 0x1200, 0x5634]);
}

#[test]
fn a_probe_for_a_larger_chip_does_not_find_the_signature() {
    assert_eq!(read(&mut Eeprom::new(MAC, false), 0, 8), 0x04a7);
}

#[test]
fn a_second_read_needs_no_change_of_chip_select() {
    let mut eeprom = Eeprom::new(MAC, false);
    send(&mut eeprom, 0b1_10_000000, 9);
    eeprom.drive(Wires { select: true, clock: false, data: false });
    assert_eq!(receive(&mut eeprom), 0x8129);
    send(&mut eeprom, 0b1_10_000001, 9);
    eeprom.drive(Wires { select: true, clock: false, data: false });
    assert_eq!(receive(&mut eeprom), 0x10ec);
}

#[test]
fn nothing_is_driven_while_the_chip_is_not_selected() {
    let mut eeprom = Eeprom::new(MAC, false);
    send(&mut eeprom, 0b1_10_000000, 9);
    eeprom.drive(Wires { select: false, clock: true, data: true });
    assert!(!eeprom.output());
}

#[test]
fn writes_count_only_between_enable_and_disable() {
    let mut eeprom = Eeprom::new(MAC, false);
    let write = |word: u32| 0b1_01_000111 << 16 | word;
    command(&mut eeprom, write(0x1111), 25);
    assert_eq!(read(&mut eeprom, 7, 6), 0x5452);

    command(&mut eeprom, 0b1_00_110000, 9);
    command(&mut eeprom, write(0x2222), 25);
    command(&mut eeprom, 0b1_00_000000, 9);
    command(&mut eeprom, write(0x3333), 25);
    assert_eq!(read(&mut eeprom, 7, 6), 0x2222);
    assert_eq!(eeprom.mac()[..2], [0x22, 0x22]);
}

#[test]
fn erasing_and_writing_all_reach_every_word() {
    let mut eeprom = Eeprom::new(MAC, false);
    command(&mut eeprom, 0b1_00_110000, 9);
    command(&mut eeprom, 0b1_00_010000 << 16 | 0xabcd, 25);
    assert_eq!([0, 63].map(|address| read(&mut eeprom, address, 6)), [0xabcd; 2]);
    command(&mut eeprom, 0b1_11_000101, 9);
    assert_eq!([4, 5].map(|address| read(&mut eeprom, address, 6)), [0xabcd, 0xffff]);
    command(&mut eeprom, 0b1_00_100000, 9);
    assert_eq!([0, 63].map(|address| read(&mut eeprom, address, 6)), [0xffff; 2]);
}

#[test]
fn a_simple_chip_takes_no_writes_and_waits_for_chip_select_after_them() {
    let mut eeprom = Eeprom::new(MAC, true);
    assert_eq!([3, 4, 10].map(|address| read(&mut eeprom, address, 6)), [0; 3]);
    command(&mut eeprom, 0b1_00_110000, 9);
    command(&mut eeprom, 0b1_01_000111 << 16 | 0x1111, 25);
    assert_eq!(read(&mut eeprom, 7, 6), 0x5452);

    send(&mut eeprom, 0b1_00_110000, 9);
    send(&mut eeprom, 0b1_10_000000, 9);
    eeprom.drive(Wires { select: true, clock: false, data: false });
    assert_eq!(receive(&mut eeprom), 0);
}
