use super::super::net::{Config, VirtioNet};
use super::super::testing::{Driver, register};

fn driver() -> Driver<VirtioNet> {
    Driver::new(VirtioNet::new(Config::new([2, 0, 0, 0, 0, 1])))
}

#[test]
fn registers_lie_side_by_side_without_gaps_up_to_the_length() {
    let mut end = 0;
    for (offset, width, _) in super::REGISTERS {
        assert_eq!(offset, end);
        end = offset + width;
    }
    assert_eq!(end, super::LENGTH as usize);
}

#[test]
fn one_access_covers_neighbouring_registers() {
    let mut driver = driver();
    driver.write(register::DEVICE_FEATURE_SELECT, 4, 1);
    assert_eq!(driver.read(register::DEVICE_FEATURE_SELECT, 8) & 0xffff_ffff, 1);
    assert_ne!(driver.read(register::DEVICE_FEATURE_SELECT, 8) >> 32 & 1, 0, "VERSION_1");
    assert_eq!(driver.read(register::CONFIGURATION_VECTOR, 4), 0x0003_ffff);
}

#[test]
fn an_address_may_be_written_in_any_width_and_reads_back() {
    let mut driver = driver();
    driver.write(register::QUEUE_DESCRIPTORS, 8, 0x0123_4567_89ab_cdef);
    driver.write(register::QUEUE_DESCRIPTORS + 5, 1, 0xee);
    assert_eq!(driver.read(register::QUEUE_DESCRIPTORS, 8), 0x0123_ee67_89ab_cdef);
    assert_eq!(driver.read(register::QUEUE_DESCRIPTORS + 3, 2), 0x6789);
}

#[test]
fn a_queue_that_does_not_exist_has_no_size_and_takes_nothing() {
    let mut driver = driver();
    driver.write(register::QUEUE_SELECT, 2, 3);
    driver.write(register::QUEUE_SIZE, 2, 64);
    driver.write(register::QUEUE_DESCRIPTORS, 8, 0x1000);
    driver.write(register::QUEUE_ENABLE, 2, 1);
    driver.write(register::QUEUE_RESET, 2, 1);
    assert_eq!(driver.read(register::QUEUE_SIZE, 2), 0);
    assert_eq!(driver.read(register::QUEUE_DESCRIPTORS, 8), 0);
    assert_eq!(driver.read(register::QUEUE_ENABLE, 2), 0);
}

#[test]
fn bytes_beyond_the_structure_read_as_zero() {
    let mut driver = driver();
    driver.write(register::QUEUE_RESET, 8, u64::MAX);
    assert_eq!(driver.read(0x3c, 8), 0);
    assert_eq!(driver.read(0xfff, 8), 0);
}

#[test]
fn vectors_beyond_the_table_read_back_as_none() {
    let mut driver = driver();
    driver.write(register::QUEUE_VECTOR, 2, 4);
    driver.write(register::CONFIGURATION_VECTOR, 2, 4);
    assert_eq!(driver.read(register::QUEUE_VECTOR, 2), 0xffff);
    assert_eq!(driver.read(register::CONFIGURATION_VECTOR, 2), 0xffff);
    driver.write(register::QUEUE_VECTOR, 2, 2);
    assert_eq!(driver.read(register::QUEUE_VECTOR, 2), 2);
}
