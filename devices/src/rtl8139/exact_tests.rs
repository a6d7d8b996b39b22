use super::super::guest::{Guest, MAC};
use super::super::registers::Reg;
use super::super::{Config, Quirks};

fn guest() -> Guest {
    Guest::powered_on(Config { quirks: Quirks::QEMU_7_2, ..Config::new(MAC) })
}

#[test]
fn a_width_without_a_handler_falls_apart_into_bytes() {
    let mut guest = guest();
    let _ = guest.write(0x3c, 2, 0x80ff);
    assert_eq!([guest.read(0x3c, 4), guest.read(0x3c, 1), guest.read(0x38, 4)], [0, 0, 0]);
    let _ = guest.write(0x3c, 4, 0);
    assert_eq!(guest.read(0x3c, 2), 0x80ff);
    assert_eq!(
        [guest.read(0x40, 4), guest.read(0x40, 2), guest.read(0x43, 1)],
        [0x7480_0000, 0, 0x74]
    );
}

#[test]
fn narrow_writes_to_wide_registers_are_lost() {
    let mut guest = guest();
    for (offset, width) in [(0x44, 1), (0x44, 2), (0x10, 2), (0x20, 2), (0xe0, 1)] {
        let before = guest.nic.registers.clone();
        let _ = guest.write(offset, width, 0xffff);
        assert_eq!(guest.nic.registers.get(Reg::Rcr), before.get(Reg::Rcr), "{offset:#x}");
        assert_eq!(guest.nic.registers.get(Reg::Tsd0), before.get(Reg::Tsd0), "{offset:#x}");
        assert_eq!(guest.nic.registers.get(Reg::Tsad0), before.get(Reg::Tsad0), "{offset:#x}");
        assert_eq!(guest.nic.registers.get(Reg::Cpcr), before.get(Reg::Cpcr), "{offset:#x}");
    }
}

#[test]
fn unaligned_accesses_fall_apart_into_aligned_pieces() {
    let mut guest = guest();
    let _ = guest.write(0x30, 4, 0x1234_5678);
    assert_eq!(guest.read(0x2f, 4), 0);
    let _ = guest.write(0x07, 4, 0x4433_2211);
    assert_eq!(guest.read(0x08, 4), 0x0044_3322);
}

#[test]
fn eight_bytes_are_two_accesses_of_four() {
    let mut guest = guest();
    let _ = guest.nic.registers.get(Reg::Rdsar0);
    let data = 0x1111_2222_3333_4444u64.to_le_bytes();
    let _ = crate::pci::Function::write_bar(&mut guest.nic, 1, 0xe4, &data);
    assert_eq!([guest.read(0xe4, 4), guest.read(0xe8, 4)], [0x3333_4444, 0x1111_2222]);
}

#[test]
fn the_chip_answers_any_width_at_any_place() {
    let mut guest = Guest::powered_on(Config::new(MAC));
    let _ = guest.write(0x3c, 1, 0xff);
    let _ = guest.write(0x3d, 1, 0x80);
    assert_eq!([guest.read(0x3c, 2), guest.read(0x3c, 4)], [0x80ff, 0x80ff]);
    let _ = guest.write(0x45, 1, 0x18);
    assert_eq!(guest.read(0x44, 4), 0x1800);
    let _ = guest.write(0x31, 4, 0xaabb_ccdd);
    assert_eq!(guest.read(0x30, 4), 0xbbcc_dd00);
    assert_eq!(guest.read(0x41, 2), 0x8000);
}
