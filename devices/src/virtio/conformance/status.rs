//! Status and features (sections 2.1, 2.2 and 3.1).

use super::every;
use super::subject::SIZE;
use crate::virtio::testing::*;

const UNKNOWN_FEATURE: u64 = 1 << 50;
const ALL: u8 = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;

#[test]
fn status_bits_stick_in_their_order_alone() {
    every(|mut subject| {
        let steps = [ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK];
        let driver = &mut subject.driver;
        driver.write(register::DRIVER_FEATURE_SELECT, 4, 1);
        driver.write(register::DRIVER_FEATURE, 4, VERSION_1 >> 32);
        let mut stands = 0;
        for next in steps {
            let later = steps.into_iter().filter(|step| *step > next || step.count_ones() != 1);
            let early = later.filter(|step| stands & step == 0 && *step != next);
            for bit in early.collect::<Vec<_>>() {
                driver.write(register::STATUS, 1, bit.into());
                assert_eq!(driver.status(), stands, "{}: {bit} on {stands}", subject.name);
            }
            driver.write(register::STATUS, 1, (stands | next).into());
            stands |= next;
            assert_eq!(driver.status(), stands, "{}", subject.name);
        }
    });
}

#[test]
fn a_status_bit_is_cleared_by_a_reset_alone() {
    every(|mut subject| {
        subject.start(0);
        for value in [1, ACKNOWLEDGE | DRIVER, DRIVER_OK, NEEDS_RESET, 0x30] {
            subject.driver.write(register::STATUS, 1, value.into());
            assert_eq!(subject.driver.status(), ALL, "{}", subject.name);
        }
        subject.driver.write(register::STATUS, 1, 0);
        assert_eq!(subject.driver.status(), 0, "{}", subject.name);
    });
}

#[test]
fn features_that_were_not_offered_or_lack_version_1_are_refused() {
    every(|mut subject| {
        for features in [0, RING_RESET, VERSION_1 | UNKNOWN_FEATURE] {
            let status = subject.driver.negotiate(features);
            assert_eq!(status, ACKNOWLEDGE | DRIVER, "{}: {features:#x}", subject.name);
            subject.driver.enable(subject.queue, SIZE);
            subject.driver.driver_ok();
            assert_eq!(subject.driver.read(register::QUEUE_ENABLE, 2), 0, "{}", subject.name);
            assert_eq!(subject.driver.status(), ACKNOWLEDGE | DRIVER, "{}", subject.name);
        }
        let mut ring = subject.start(0);
        subject.assert_serves(&mut ring);
    });
}

#[test]
fn features_are_fixed_once_they_are_agreed_on() {
    every(|mut subject| {
        subject.negotiate(0);
        for select in 0..4 {
            subject.driver.write(register::DRIVER_FEATURE_SELECT, 4, select);
            subject.driver.write(register::DRIVER_FEATURE, 4, 0xffff_ffff);
        }
        subject.driver.write(register::DRIVER_FEATURE_SELECT, 4, 0);
        let low = subject.driver.read(register::DRIVER_FEATURE, 4);
        subject.driver.write(register::DRIVER_FEATURE_SELECT, 4, 1);
        let high = subject.driver.read(register::DRIVER_FEATURE, 4);
        assert_eq!(low | high << 32, VERSION_1, "{}", subject.name);
    });
}

#[test]
fn every_subset_of_the_rings_features_is_accepted() {
    every(|mut subject| {
        let ring = [1 << 28, EVENT_INDEX, RING_RESET];
        for wanted in 0..8 {
            let bits = (0..).zip(ring).filter(|(index, _)| wanted & 1 << index != 0);
            let features = bits.map(|(_, bit)| bit).sum();
            assert_eq!(subject.driver.offered() & features, features, "{}", subject.name);
            let mut ring = subject.start(features);
            subject.assert_serves(&mut ring);
        }
    });
}

#[test]
fn a_driver_that_gave_up_is_left_alone() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        subject.driver.write(register::STATUS, 1, FAILED.into());
        assert_eq!(subject.driver.status(), ALL | FAILED, "{}", subject.name);
        assert!(subject.ask(&mut ring).is_empty(), "{}", subject.name);
        let mut ring = subject.start(0);
        subject.assert_serves(&mut ring);
    });
}

#[test]
fn the_generation_stays_while_the_configuration_does() {
    every(|mut subject| {
        let configuration = |subject: &mut super::Subject| {
            let bytes = (0..64).map(|at| subject.driver.read(register::DEVICE + at, 1));
            bytes.collect::<Vec<_>>()
        };
        let generation = subject.driver.read(register::GENERATION, 1);
        let before = configuration(&mut subject);
        let mut ring = subject.start(0);
        subject.assert_serves(&mut ring);
        assert_eq!(configuration(&mut subject), before, "{}", subject.name);
        assert_eq!(subject.driver.read(register::GENERATION, 1), generation, "{}", subject.name);
    });
}

#[test]
fn writes_to_the_configuration_change_nothing_that_was_not_agreed_on() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        let read = |subject: &mut super::Subject, at| subject.driver.read(register::DEVICE + at, 8);
        for at in (0..0x1000).step_by(8) {
            let before = read(&mut subject, at);
            for width in [1, 2, 4, 8] {
                subject.driver.write(register::DEVICE + at, width, u64::MAX);
            }
            assert_eq!(read(&mut subject, at), before, "{} at {at}", subject.name);
        }
        subject.assert_serves(&mut ring);
    });
}
