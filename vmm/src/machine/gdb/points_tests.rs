use super::*;

#[test]
fn debug_registers_hold_addresses_and_conditions() {
    let mut points = HardwarePoints::default();
    assert_eq!(points.registers(), None);
    assert!(points.add(0x1000, Condition::Execute));
    assert!(points.add(0x2000, Condition::Write(4)));
    assert!(points.add(0x3000, Condition::Access(8)));
    let registers = points.registers().unwrap();
    assert_eq!(registers[..4], [0x1000, 0x2000, 0x3000, 0]);
    assert_eq!(registers[7], 0b010101 | 0b1101 << 20 | 0b1011 << 24);
}

#[test]
fn there_are_four_of_them() {
    let mut points = HardwarePoints::default();
    for address in 0..4 {
        assert!(points.add(address, Condition::Execute));
    }
    assert!(!points.add(4, Condition::Execute));
    assert!(points.remove(2, Condition::Execute));
    assert!(!points.remove(2, Condition::Execute));
    assert!(points.add(4, Condition::Execute));
    assert_eq!(points.hit(1 << 2), Some((4, Condition::Execute)));
    assert_eq!(points.hit(0), None);
}

#[test]
fn only_aligned_powers_of_two_are_watched() {
    let write = |address, length| Condition::watch(WatchKind::Write, address, length);
    assert_eq!(write(8, 8), Some(Condition::Write(8)));
    assert_eq!(write(4, 8), None);
    assert_eq!(write(8, 3), None);
    assert_eq!(Condition::watch(WatchKind::Read, 1, 1), Some(Condition::Access(1)));
}
