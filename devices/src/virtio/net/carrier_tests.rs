use std::sync::{Arc, Mutex};

use super::Ring;
use super::*;
use crate::pci::Function;
use crate::virtio::net::{Config, VirtioNet};
use crate::virtio::testing::*;

const MQ: u64 = 1 << 22;
const FILTERS: u64 = 1 << 18 | 1 << 19 | 1 << 20;
const RING_RESET: u64 = 1 << 40;
const CONTROL: u16 = 4;

/// What a carrier was asked for.
#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Start([Ring; 2]),
    Stop,
    Deliver(Offloads),
    Activate(bool),
}

/// A carrier that remembers, and that stops seven chains further each time.
#[derive(Clone, Default)]
struct Recording(Arc<Mutex<Vec<Asked>>>);

impl Recording {
    fn push(&self, asked: Asked) {
        self.0.lock().unwrap().push(asked);
    }

    /// What was asked since the last call, but for what it may deliver.
    fn take(&self) -> Vec<Asked> {
        let asked = std::mem::take(&mut *self.0.lock().unwrap());
        asked.into_iter().filter(|asked| !matches!(asked, Asked::Deliver(_))).collect()
    }
}

impl Carrier for Recording {
    fn start(&mut self, _features: u64, rings: [Ring; 2]) -> io::Result<()> {
        self.push(Asked::Start(rings));
        Ok(())
    }

    fn stop(&mut self) -> [u16; 2] {
        self.push(Asked::Stop);
        [7, 8]
    }

    fn deliver(&mut self, offloads: Offloads) {
        self.push(Asked::Deliver(offloads));
    }

    fn activate(&mut self, on: bool) {
        self.push(Asked::Activate(on));
    }
}

/// A driver of a NIC of two pairs, and their carriers.
fn driver() -> (Driver<VirtioNet>, [Recording; 2]) {
    let carriers = [Recording::default(), Recording::default()];
    let config = Config { pairs: 2, ..Config::new([2, 0, 0, 0, 0, 1]) };
    let boxed = carriers.clone().map(|carrier| Carried::new(Box::new(carrier))).into();
    (Driver::new(VirtioNet { carriers: boxed, ..VirtioNet::new(config) }), carriers)
}

fn start(driver: &mut Driver<VirtioNet>) -> Vec<DriverRing> {
    let features = driver.offered();
    driver.negotiate(features);
    let rings = (0..=CONTROL).map(|queue| driver.enable(queue, 8)).collect();
    driver.driver_ok();
    rings
}

/// A ring as the driver works it.
type DriverRing = crate::virtio::testing::Ring;

fn layout(ring: &DriverRing, vector: Option<u16>, base: u16) -> Ring {
    Ring {
        size: 8,
        descriptors: ring.descriptors,
        available: ring.available,
        used: ring.used,
        base,
        vector,
    }
}

#[test]
fn rings_are_handed_over_when_the_driver_is_ready_and_taken_back_at_its_reset() {
    let (mut driver, [first, second]) = driver();
    first.take();
    let rings = start(&mut driver);
    let expected = [layout(&rings[0], Some(1), 0), layout(&rings[1], Some(2), 0)];
    assert_eq!(first.take(), [Asked::Start(expected)]);
    let expected = [layout(&rings[2], Some(3), 0), layout(&rings[3], Some(4), 0)];
    assert!(second.take().contains(&Asked::Start(expected)));
    driver.write(register::STATUS, 1, 0);
    assert_eq!(first.take(), [Asked::Stop]);
    assert_eq!(second.take(), [Asked::Stop]);
    // The next driver's rings are new.
    let rings = start(&mut driver);
    let expected = [layout(&rings[0], Some(1), 0), layout(&rings[1], Some(2), 0)];
    assert_eq!(first.take(), [Asked::Start(expected)]);
}

#[test]
fn without_bus_mastering_nobody_works_on_the_rings_and_with_it_they_go_on_where_they_stopped() {
    let (mut driver, [first, _]) = driver();
    let rings = start(&mut driver);
    first.take();
    let _ = driver.function.write_config(4, &2u16.to_le_bytes());
    assert_eq!(first.take(), [Asked::Stop]);
    let _ = driver.function.write_config(4, &6u16.to_le_bytes());
    let expected = [layout(&rings[0], Some(1), 7), layout(&rings[1], Some(2), 8)];
    assert_eq!(first.take(), [Asked::Start(expected)]);
}

#[test]
fn what_needs_somebody_who_looks_at_frames_and_resets_of_single_queues_are_not_offered() {
    let (mut driver, _) = driver();
    assert_eq!(driver.offered() & (FILTERS | RING_RESET | MQ), MQ);
}

#[test]
fn pairs_are_switched_on_and_off_as_the_driver_asks() {
    let (mut driver, [_, second]) = driver();
    let mut rings = start(&mut driver);
    assert!(second.take().contains(&Asked::Activate(false)));
    let control = &mut rings[usize::from(CONTROL)];
    driver.put(BUFFERS, &[4, 0, 2, 0]);
    control.descriptor(0, BUFFERS, 4, NEXT, 1);
    control.descriptor(1, BUFFERS + 8, 1, WRITE, 0);
    control.publish(0);
    driver.function.ring(CONTROL.into());
    assert_eq!(driver.bytes(BUFFERS + 8, 1), [0]);
    assert_eq!(second.take(), [Asked::Activate(true)]);
}

#[test]
fn where_there_is_no_vector_a_carrier_rings_and_the_line_is_asserted() {
    let (mut driver, [first, _]) = driver();
    driver.disable_msix();
    let rings = start(&mut driver);
    let expected = [layout(&rings[0], None, 0), layout(&rings[1], None, 0)];
    assert!(first.take().contains(&Asked::Start(expected)));
    assert!(!driver.function.level());
    driver.function.ring(0);
    assert!(driver.function.level());
    assert_eq!(driver.read(register::ISR, 1), 1);
    assert!(!driver.function.level());
}
