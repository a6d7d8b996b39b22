use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::*;
use crate::pci::Function;
use crate::virtio::testing::*;

/// The host's end of a port.
#[derive(Default)]
struct Host {
    got: Vec<u8>,
    room: usize,
    gives: VecDeque<u8>,
    opened: Vec<bool>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Host>>);

impl Port for Shared {
    fn write(&mut self, data: &[u8]) -> usize {
        let mut host = self.0.lock().unwrap();
        let length = data.len().min(host.room);
        host.room -= length;
        host.got.extend_from_slice(&data[..length]);
        length
    }
    fn read(&mut self, data: &mut [u8]) -> usize {
        let mut host = self.0.lock().unwrap();
        let length = data.len().min(host.gives.len());
        for byte in &mut data[..length] {
            *byte = host.gives.pop_front().unwrap();
        }
        length
    }
    fn guest_opened(&mut self, open: bool) {
        self.0.lock().unwrap().opened.push(open);
    }
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Host) -> T) -> T {
        work(&mut self.0.lock().unwrap())
    }
}

/// A console with a plain port 0 and a port 1 called "control", and a driver with all queues.
struct Guest {
    driver: Driver<Console>,
    rings: Vec<Ring>,
    port: Shared,
}

impl Guest {
    fn new() -> Self {
        let port = Shared::default();
        port.with(|host| host.room = usize::MAX);
        let config = |name: &str, console, port| Config { name: name.into(), console, port };
        let ports = vec![
            config("console", true, Box::new(Shared::default()) as Box<dyn Port>),
            config("control", false, Box::new(port.clone())),
        ];
        let mut driver = Driver::new(Console::new(ports).unwrap());
        driver.negotiate(VERSION_1 | MULTIPORT | RING_RESET);
        let rings = (0..6).map(|queue| driver.enable(queue, 64)).collect();
        driver.driver_ok();
        Self { driver, rings, port }
    }

    fn ring(&mut self, queue: u16) {
        self.driver.function.ring(queue.into());
    }

    /// Offers `count` buffers of 64 bytes on receive queue `queue`, one after the other.
    fn listen(&mut self, queue: u16, count: u64) {
        for index in 0..count {
            self.rings[usize::from(queue)].offer(&[(BUFFERS + 64 * index, 64)], WRITE);
        }
        self.ring(queue);
    }

    fn say(&mut self, port: u32, event: u16, value: u16) {
        let at = BUFFERS + 0x8000;
        let event = [event.to_le_bytes(), value.to_le_bytes()].concat();
        self.driver.put(at, &[port.to_le_bytes().to_vec(), event].concat());
        self.rings[3].offer(&[(at, 8)], 0);
        self.ring(CONTROL_TRANSMIT);
    }

    /// The messages that came, as port, event, value and what follows.
    fn heard(&mut self) -> Vec<(u32, u16, u16, String)> {
        let used = self.rings[2].take_used();
        let message = |(head, length): (u32, u32)| {
            let bytes = self.driver.bytes(BUFFERS + 64 * u64::from(head), length as usize);
            let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
            let name = String::from_utf8(bytes[8..].to_vec()).unwrap();
            (word(0).into(), word(4), word(6), name)
        };
        used.into_iter().map(message).collect()
    }
}

#[test]
fn ports_are_added_named_and_opened_as_the_driver_gets_ready() {
    let mut guest = Guest::new();
    guest.listen(CONTROL_RECEIVE, 16);
    guest.say(0xffff_ffff, 0, 1);
    assert_eq!(guest.heard(), [(0, 1, 1, String::new()), (1, 1, 1, String::new())]);
    guest.say(1, 3, 1);
    assert_eq!(guest.heard(), [(1, 7, 1, "control".into()), (1, 6, 1, String::new())]);
    guest.say(0, 3, 1);
    let console = [(0, 4, 1, String::new()), (0, 7, 1, "console".into()), (0, 6, 1, String::new())];
    assert_eq!(guest.heard(), console);
}

#[test]
fn messages_wait_for_a_driver_that_is_slow_to_listen() {
    let mut guest = Guest::new();
    guest.say(0, 0, 1);
    assert_eq!(guest.heard(), []);
    guest.listen(CONTROL_RECEIVE, 1);
    assert_eq!(guest.heard().len(), 1);
}

#[test]
fn a_driver_that_asks_without_listening_costs_bounded_memory() {
    let mut guest = Guest::new();
    for _ in 0..10_000 {
        guest.say(1, 3, 1);
    }
    guest.listen(CONTROL_RECEIVE, 64);
    assert_eq!(guest.heard().len(), 64);
    assert_eq!(guest.driver.status() & NEEDS_RESET, 0);
}

#[test]
fn messages_about_ports_that_do_not_exist_and_short_ones_are_ignored() {
    let mut guest = Guest::new();
    guest.listen(CONTROL_RECEIVE, 4);
    guest.say(9, 3, 1);
    guest.say(u32::MAX, 6, 1);
    guest.say(0, 999, 1);
    guest.rings[3].offer(&[(BUFFERS, 7)], 0);
    guest.ring(CONTROL_TRANSMIT);
    assert_eq!(guest.heard(), []);
    assert_eq!(guest.driver.status() & NEEDS_RESET, 0);
}

#[test]
fn bytes_of_the_guest_reach_the_port_in_order() {
    let mut guest = Guest::new();
    guest.driver.put(BUFFERS, b"hello, world");
    guest.rings[5].offer(&[(BUFFERS, 5), (BUFFERS + 5, 2)], 0);
    guest.rings[5].offer(&[(BUFFERS + 7, 5)], 0);
    guest.ring(transmit_queue(1));
    assert_eq!(guest.port.with(|host| host.got.clone()), b"hello, world");
    assert_eq!(guest.rings[5].take_used(), [(0, 0), (2, 0)]);
    assert_eq!(guest.driver.sent.take(), [6]);
}

#[test]
fn a_port_without_room_gets_the_rest_later() {
    let mut guest = Guest::new();
    guest.driver.put(BUFFERS, b"hello, world");
    guest.port.with(|host| host.room = 7);
    guest.rings[5].offer(&[(BUFFERS, 12)], 0);
    guest.ring(transmit_queue(1));
    assert!(guest.rings[5].take_used().is_empty());
    guest.port.with(|host| host.room = 100);
    guest.ring(transmit_queue(1));
    assert_eq!(guest.port.with(|host| host.got.clone()), b"hello, world");
    assert_eq!(guest.rings[5].take_used().len(), 1);
}

#[test]
fn bytes_of_the_host_wait_until_the_guest_opens_the_port() {
    let mut guest = Guest::new();
    guest.port.with(|host| host.gives.extend(b"a command"));
    guest.listen(receive_queue(1), 2);
    assert!(guest.rings[4].take_used().is_empty());
    guest.say(1, 6, 1);
    assert_eq!(guest.rings[4].take_used(), [(0, 9)]);
    assert_eq!(guest.driver.bytes(BUFFERS, 9), b"a command");
    assert_eq!(guest.port.with(|host| host.opened.clone()), [true]);

    guest.port.with(|host| host.gives.extend([7; 70]));
    guest.ring(receive_queue(1));
    assert_eq!(guest.rings[4].take_used(), [(1, 64)]);
    guest.listen(receive_queue(1), 1);
    assert_eq!(guest.rings[4].take_used(), [(2, 6)]);
}

#[test]
fn an_endless_chain_is_taken_in_turns() {
    let mut guest = Guest::new();
    guest.rings[5].offer(&[(BUFFERS, 0x10_0000); 3], 0);
    guest.ring(transmit_queue(1));
    assert_eq!(guest.driver.function.unfinished(), Some(transmit_queue(1).into()));
    assert_eq!(guest.port.with(|host| host.got.len()), 1 << 20);
    for _ in 0..3 {
        guest.ring(transmit_queue(1));
    }
    assert_eq!(guest.driver.function.unfinished(), None);
    assert_eq!(guest.rings[5].take_used().len(), 1);
}

#[test]
fn a_driver_that_takes_its_memory_away_leaves_nothing_unfinished() {
    let mut guest = Guest::new();
    guest.rings[5].offer(&[(BUFFERS, 0x10_0000); 3], 0);
    guest.ring(transmit_queue(1));
    let left = guest.driver.function.unfinished().unwrap();
    let _ = guest.driver.function.write_config(4, &[2, 0]); // no bus master any more
    guest.driver.function.ring(left);
    assert_eq!(guest.driver.function.unfinished(), None);
}

#[test]
fn empty_buffers_do_not_stop_a_port() {
    let mut guest = Guest::new();
    guest.say(1, 6, 1);
    guest.port.with(|host| host.gives.extend(b"x"));
    guest.rings[4].offer(&[(BUFFERS, 0)], WRITE);
    guest.rings[4].offer(&[(BUFFERS, 8)], WRITE);
    guest.ring(receive_queue(1));
    assert_eq!(guest.rings[4].take_used(), [(0, 0), (1, 1)]);
    guest.rings[5].offer(&[(BUFFERS, 0)], 0);
    guest.ring(transmit_queue(1));
    assert_eq!(guest.rings[5].take_used().len(), 1);
}

#[test]
fn a_reset_closes_the_ports_and_forgets_transfers() {
    let mut guest = Guest::new();
    guest.say(1, 6, 1);
    guest.port.with(|host| host.room = 3);
    guest.rings[5].offer(&[(BUFFERS, 12)], 0);
    guest.ring(transmit_queue(1));
    guest.driver.write(register::STATUS, 1, 0);
    assert_eq!(guest.port.with(|host| host.opened.clone()), [true, false]);
}

#[test]
fn without_multiport_the_first_port_is_open_from_the_start() {
    let port = Shared::default();
    port.with(|host| host.gives.extend(b"boot"));
    let config = Config { name: String::new(), console: true, port: Box::new(port.clone()) };
    let mut driver = Driver::new(Console::new(vec![config]).unwrap());
    driver.negotiate(VERSION_1);
    let mut ring = driver.enable(0, 8);
    driver.driver_ok();
    ring.offer(&[(BUFFERS, 16)], WRITE);
    driver.function.ring(0);
    assert_eq!(ring.take_used(), [(0, 4)]);
    assert_eq!(port.with(|host| host.opened.clone()), [true]);
}

#[test]
fn the_number_of_ports_is_in_the_configuration_and_has_limits() {
    let mut guest = Guest::new();
    assert_eq!(guest.driver.read(register::DEVICE, 8) >> 32, 2);
    assert_eq!(guest.driver.function.doorbells().len() + 1, usize::from(vectors(2)));
    assert!(Console::new(Vec::new()).is_err());
    let config =
        || Config { name: String::new(), console: false, port: Box::new(Shared::default()) };
    assert!(Console::new((0..=MAX_PORTS).map(|_| config()).collect()).is_err());
    let most = Console::new((0..MAX_PORTS).map(|_| config()).collect()).unwrap();
    assert_eq!(Driver::new(most).function.doorbells().len(), 64);
}

#[test]
fn of_a_chain_that_is_taken_back_by_a_queue_reset_nothing_is_missing_in_the_next() {
    let mut guest = Guest::new();
    guest.port.with(|host| host.room = 3);
    guest.driver.put(BUFFERS, b"abcdef");
    guest.rings[5].offer(&[(BUFFERS, 6)], 0);
    guest.ring(5);
    guest.driver.write(register::QUEUE_SELECT, 2, 5);
    guest.driver.write(register::QUEUE_RESET, 2, 1);
    guest.rings[5] = guest.driver.enable(5, 64);
    guest.port.with(|host| host.room = usize::MAX);
    guest.driver.put(BUFFERS, b"ghijkl");
    guest.rings[5].offer(&[(BUFFERS, 6)], 0);
    guest.ring(5);
    assert_eq!(guest.port.with(|host| host.got.clone()), b"abcghijkl");
}
