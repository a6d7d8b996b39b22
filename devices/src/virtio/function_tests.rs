use super::super::net::{Config, VirtioNet};
use super::super::testing::*;
use super::*;

const CSUM: u64 = 1;
const HOST_TSO4: u64 = 1 << 11;
const STATUS: u64 = 1 << 16;

fn driver() -> Driver<VirtioNet> {
    Driver::new(VirtioNet::new(Config::new([2, 0, 0, 0, 0, 1])))
}

#[test]
fn the_identity_is_the_one_that_lspci_calls_virtio_network_device() {
    let mut driver = driver();
    let mut header = [0; 0x40];
    driver.function.read_config(0, &mut header);
    assert_eq!(header[..4], [0xf4, 0x1a, 0x00, 0x10]);
    assert_eq!(header[8..12], [0, 0, 0, 2], "revision 0, Ethernet controller");
    assert_eq!(header[0x2c..0x30], [0xf4, 0x1a, 1, 0], "the device type is the subsystem ID");
}

#[test]
fn every_structure_is_found_through_its_capability_inside_the_bar() {
    let mut driver = driver();
    let mut space = [0; 256];
    driver.function.read_config(0, &mut space);
    for kind in 1..=5 {
        let at = driver.capability(9, |bytes| bytes[3] == kind);
        let word = |at: usize| u32::from_le_bytes(space[at..at + 4].try_into().unwrap());
        assert_eq!(usize::from(space[at + 4]), BAR);
        assert!(u64::from(word(at + 8)) + u64::from(word(at + 12)) <= BAR_SIZE);
        assert!(word(at + 8).is_multiple_of(4));
    }
}

#[test]
fn the_window_in_configuration_space_reaches_the_registers() {
    let mut driver = driver();
    let at = driver.capability(9, |bytes| bytes[3] == 5);
    let _ = driver.function.write_config(at + 4, &[BAR as u8]);
    let _ = driver.function.write_config(at + 8, &(register::STATUS as u32).to_le_bytes());
    let _ = driver.function.write_config(at + 12, &1u32.to_le_bytes());
    let _ = driver.function.write_config(at + 16, &[ACKNOWLEDGE]);
    assert_eq!(driver.status(), ACKNOWLEDGE);
    let mut data = [0; 1];
    driver.function.read_config(at + 16, &mut data);
    assert_eq!(data, [ACKNOWLEDGE]);
}

#[test]
fn a_window_set_wrongly_is_only_memory() {
    let mut driver = driver();
    let at = driver.capability(9, |bytes| bytes[3] == 5);
    for (bar, offset, length) in [(7u8, 0u32, 4u32), (4, 0x15, 2), (4, 0, 3), (4, u32::MAX, 1)] {
        let _ = driver.function.write_config(at + 4, &[bar]);
        let _ = driver.function.write_config(at + 8, &offset.to_le_bytes());
        let _ = driver.function.write_config(at + 12, &length.to_le_bytes());
        let _ = driver.function.write_config(at + 16, &[0xff; 4]);
        driver.function.read_config(at + 16, &mut [0; 4]);
    }
    assert_eq!(driver.status(), 0);
}

#[test]
fn a_driver_that_climbs_every_step_gets_a_running_device() {
    let mut driver = driver();
    let features = driver.offered();
    driver.start(features, 256);
    assert_eq!(driver.status(), ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    assert!(driver.function.transport().running());
}

#[test]
fn the_mac_is_read_from_the_device_configuration() {
    let mut driver = driver();
    assert_eq!(driver.read(register::DEVICE, 8), 0x0001_0100_0000_0002);
    assert_eq!(driver.read(register::DEVICE + 0xff8, 8), 0);
}

#[test]
fn features_that_were_not_offered_are_refused() {
    let mut driver = driver();
    assert_eq!(driver.negotiate(VERSION_1 | 1 << 33) & FEATURES_OK, 0);
}

#[test]
fn a_driver_without_version_1_is_refused() {
    let mut driver = driver();
    assert_eq!(driver.negotiate(CSUM) & FEATURES_OK, 0);
}

#[test]
fn segmentation_without_checksum_is_refused() {
    let mut driver = driver();
    assert_eq!(driver.negotiate(VERSION_1 | HOST_TSO4) & FEATURES_OK, 0);
    assert_eq!(driver.negotiate(VERSION_1 | HOST_TSO4 | CSUM) & FEATURES_OK, FEATURES_OK);
}

#[test]
fn features_are_fixed_once_agreed() {
    let mut driver = driver();
    driver.negotiate(VERSION_1);
    driver.write(register::DRIVER_FEATURE_SELECT, 4, 0);
    driver.write(register::DRIVER_FEATURE, 4, CSUM);
    assert_eq!(driver.read(register::DRIVER_FEATURE, 4), 0);
}

#[test]
fn status_bits_do_not_stick_before_their_predecessors() {
    let mut driver = driver();
    driver.write(register::STATUS, 1, DRIVER_OK.into());
    driver.write(register::STATUS, 1, FEATURES_OK.into());
    driver.write(register::STATUS, 1, DRIVER.into());
    assert_eq!(driver.status(), 0);
    driver.write(register::STATUS, 1, (ACKNOWLEDGE | DRIVER | DRIVER_OK).into());
    assert_eq!(driver.status(), ACKNOWLEDGE | DRIVER);
}

#[test]
fn a_queue_cannot_be_enabled_before_features_are_agreed() {
    let mut driver = driver();
    driver.enable(0, 8);
    assert_eq!(driver.read(register::QUEUE_ENABLE, 2), 0);
}

#[test]
fn an_enabled_queue_keeps_its_layout() {
    let mut driver = driver();
    driver.negotiate(VERSION_1);
    let ring = driver.enable(0, 8);
    driver.write(register::QUEUE_SIZE, 2, 16);
    driver.write(register::QUEUE_DESCRIPTORS, 8, 0);
    assert_eq!(driver.read(register::QUEUE_SIZE, 2), 8);
    assert_eq!(driver.read(register::QUEUE_DESCRIPTORS, 8), ring.descriptors);
}

#[test]
fn a_queue_size_that_is_no_power_of_two_asks_for_a_reset() {
    for size in [0, 3, 257, 512, 32768, 65535] {
        let mut driver = driver();
        driver.negotiate(VERSION_1);
        driver.write(register::QUEUE_SIZE, 2, size);
        driver.write(register::QUEUE_ENABLE, 2, 1);
        assert_eq!(driver.status() & NEEDS_RESET, NEEDS_RESET, "size {size}");
        assert_eq!(driver.read(register::QUEUE_ENABLE, 2), 0);
    }
}

#[test]
fn misaligned_rings_ask_for_a_reset() {
    let registers = [register::QUEUE_DESCRIPTORS, register::QUEUE_AVAILABLE, register::QUEUE_USED];
    for at in registers {
        let mut driver = driver();
        driver.negotiate(VERSION_1);
        driver.write(at, 8, 0x1001);
        driver.write(register::QUEUE_ENABLE, 2, 1);
        assert_eq!(driver.status() & NEEDS_RESET, NEEDS_RESET);
    }
}

#[test]
fn a_reset_brings_every_register_back() {
    let mut driver = driver();
    let before: Vec<u64> = (0..0x3c).map(|at| driver.read(at, 1)).collect();
    driver.start(VERSION_1 | RING_RESET, 8);
    driver.write(register::STATUS, 1, 0);
    let after: Vec<u64> = (0..0x3c).map(|at| driver.read(at, 1)).collect();
    assert_eq!(before, after);
    driver.start(VERSION_1, 8);
    assert!(driver.function.transport().running());
}

#[test]
fn a_queue_is_reset_alone_if_that_was_agreed() {
    let mut driver = driver();
    driver.start(VERSION_1 | RING_RESET, 8);
    driver.write(register::QUEUE_SELECT, 2, 1);
    driver.write(register::QUEUE_RESET, 2, 1);
    assert_eq!(driver.read(register::QUEUE_RESET, 2), 0);
    assert_eq!(driver.read(register::QUEUE_ENABLE, 2), 0);
    assert_eq!(driver.read(register::QUEUE_SIZE, 2), 256);
    driver.write(register::QUEUE_SELECT, 2, 0);
    assert_eq!(driver.read(register::QUEUE_ENABLE, 2), 1);
    driver.enable(1, 16);
    assert_eq!(driver.read(register::QUEUE_ENABLE, 2), 1);
}

#[test]
fn a_queue_is_not_reset_alone_if_that_was_not_agreed() {
    let mut driver = driver();
    driver.start(VERSION_1, 8);
    driver.write(register::QUEUE_RESET, 2, 1);
    assert_eq!(driver.read(register::QUEUE_ENABLE, 2), 1);
}

#[test]
fn a_link_change_raises_the_generation_and_the_configuration_interrupt() {
    let mut driver = driver();
    driver.start(VERSION_1 | STATUS, 8);
    let generation = driver.read(register::GENERATION, 1);
    driver.nic().set_link(false);
    driver.nic().set_link(false);
    assert_eq!(driver.read(register::DEVICE + 6, 2), 0);
    assert_eq!(driver.read(register::GENERATION, 1), generation + 1);
    assert_eq!(driver.sent.take(), [0]);
    driver.nic().set_link(true);
    assert_eq!(driver.read(register::DEVICE + 6, 2), 1);
}

#[test]
fn without_msix_the_line_is_asserted_until_the_isr_is_read() {
    let mut driver = driver();
    driver.disable_msix();
    driver.start(VERSION_1 | STATUS, 8);
    driver.nic().set_link(false);
    assert!(driver.function.level());
    let mut status = [0; 2];
    driver.function.read_config(6, &mut status);
    assert_eq!(status[0] & 8, 8);
    assert_eq!(driver.read(register::ISR, 1), 2);
    assert!(!driver.function.level());
    assert_eq!(driver.read(register::ISR, 1), 0);
    assert!(driver.sent.take().is_empty());
}

#[test]
fn the_line_stays_low_while_the_command_register_disables_it() {
    let mut driver = driver();
    driver.disable_msix();
    driver.start(VERSION_1 | STATUS, 8);
    let _ = driver.function.write_config(4, &0x0406u16.to_le_bytes());
    driver.nic().set_link(false);
    assert!(!driver.function.level());
}

#[test]
fn every_queue_has_a_doorbell_where_its_registers_say() {
    let mut driver = driver();
    let doorbells = driver.function.doorbells();
    assert_eq!(doorbells.len(), 3);
    for (queue, doorbell) in doorbells.iter().enumerate() {
        driver.write(register::QUEUE_SELECT, 2, queue as u64);
        let offset = driver.read(register::QUEUE_NOTIFY_OFFSET, 2) * 4;
        assert_eq!(doorbell.offset, register::NOTIFY + offset);
        assert_eq!((doorbell.bar, doorbell.id, doorbell.value), (BAR, queue as u32, None));
    }
}

#[test]
fn a_kick_that_reaches_us_asks_for_the_worker_whenever_it_comes() {
    let mut driver = driver();
    let kick = |driver: &mut Driver<VirtioNet>, queue: u64| {
        driver.function.write_bar(BAR, register::NOTIFY + 4 * queue, &[0, 0])
    };
    assert_eq!(kick(&mut driver, 1), Action::Service);
    assert_eq!(kick(&mut driver, 1023), Action::Service);
    driver.start(VERSION_1, 8);
    assert_eq!(kick(&mut driver, 0), Action::Service);
}

#[test]
fn nothing_is_answered_behind_bars_and_pages_that_do_not_exist() {
    let mut driver = driver();
    let mut data = [0xff; 8];
    driver.function.read_bar(0, 0, &mut data);
    assert_eq!(data, [0; 8]);
    driver.function.read_bar(BAR, u64::MAX, &mut data);
    let _ = driver.function.write_bar(BAR, u64::MAX, &data);
    driver.function.read_bar(MSIX_BAR, u64::MAX - 8, &mut data);
    let _ = driver.function.write_bar(MSIX_BAR, u64::MAX - 7, &data);
}

#[test]
fn power_on_state_returns_with_a_function_reset() {
    let mut driver = driver();
    driver.start(VERSION_1, 8);
    driver.function.reset();
    assert_eq!(driver.status(), 0);
    assert!(!driver.function.configuration().bus_master());
    assert!(driver.function.transport().memory().ram().is_none());
}
