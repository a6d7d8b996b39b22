use std::collections::{BTreeMap as Map, BTreeSet};
use std::io;
use std::sync::{Mutex, MutexGuard};

use super::connection::BUFFER;
use super::packet::{HOST, SHUTDOWN_RECEIVE, SHUTDOWN_SEND};
use super::*;
use crate::pci::Function;
use crate::virtio::testing::*;

/// The port on which somebody of the host listens.
const LISTENS: u32 = 80;
const KEY: Key = Key { guest: 1000, host: LISTENS };
const ROOM: u32 = 4096;
const RECEIVE_BUFFERS: u64 = BUFFERS + 0x10_0000;

/// What is at the host's end of a connection.
#[derive(Default)]
struct End {
    incoming: Vec<u8>,
    incoming_over: bool,
    outgoing: Vec<u8>,
    outgoing_over: bool,
    /// Bytes it takes before it says that it would have to wait.
    room: usize,
    accepted: bool,
}

#[derive(Default)]
struct Desk {
    ends: Map<Key, End>,
    callers: Vec<Key>,
    woken: BTreeSet<Key>,
    dropped: Vec<Key>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Desk>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap()
    }

    fn end(&self, key: Key) -> Box<dyn Stream> {
        self.lock().ends.insert(key, End { room: usize::MAX, ..End::default() });
        Box::new(TestStream(self.clone(), key))
    }

    fn with<T>(&self, key: Key, work: impl FnOnce(&mut End) -> T) -> T {
        let mut desk = self.lock();
        desk.woken.insert(key);
        work(desk.ends.get_mut(&key).unwrap())
    }
}

impl Host for Shared {
    fn connect(&mut self, key: Key) -> Option<Box<dyn Stream>> {
        (key.host == LISTENS).then(|| self.end(key))
    }

    fn accept(&mut self) -> Option<(Key, Box<dyn Stream>)> {
        let key = self.lock().callers.pop()?;
        Some((key, self.end(key)))
    }

    fn woken(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.lock().woken).into_iter().collect()
    }
}

struct TestStream(Shared, Key);

impl TestStream {
    fn with<T>(&self, work: impl FnOnce(&mut End) -> T) -> T {
        work(self.0.lock().ends.get_mut(&self.1).unwrap())
    }
}

impl Stream for TestStream {
    fn accepted(&mut self) -> io::Result<()> {
        self.with(|end| end.accepted = true);
        Ok(())
    }

    fn read(&mut self, data: &mut [u8]) -> io::Result<usize> {
        self.with(|end| {
            if end.incoming.is_empty() && !end.incoming_over {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = data.len().min(end.incoming.len());
            data[..count].copy_from_slice(&end.incoming[..count]);
            end.incoming.drain(..count);
            Ok(count)
        })
    }

    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.with(|end| {
            let count = data.len().min(end.room);
            if count == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            end.room -= count;
            end.outgoing.extend_from_slice(&data[..count]);
            Ok(count)
        })
    }

    fn finish_writing(&mut self) {
        self.with(|end| end.outgoing_over = true);
    }
}

impl Drop for TestStream {
    fn drop(&mut self) {
        self.0.lock().dropped.push(self.1);
    }
}

/// A packet as the guest sees it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    key: Key,
    operation: u16,
    flags: u32,
    data: Vec<u8>,
}

fn seen(key: Key, operation: Operation, flags: u32, data: &[u8]) -> Seen {
    Seen { key, operation: operation as u16, flags, data: data.to_vec() }
}

struct Rig {
    driver: Driver<Vsock>,
    receive: Ring,
    transmit: Ring,
    desk: Shared,
    taken: u64,
}

fn rig() -> Rig {
    let desk = Shared::default();
    let mut driver = Driver::new(Vsock::new(Box::new(desk.clone())));
    driver.negotiate(VERSION_1 | STREAMS);
    let (receive, transmit) = (driver.enable(0, 64), driver.enable(1, 64));
    driver.driver_ok();
    let mut rig = Rig { driver, receive, transmit, desk, taken: 0 };
    for _ in 0..64 {
        rig.offer_buffer();
    }
    rig
}

impl Rig {
    fn offer_buffer(&mut self) {
        let at = RECEIVE_BUFFERS + (self.taken % 64) * u64::from(ROOM);
        self.taken += 1;
        self.receive.offer(&[(at, ROOM)], WRITE);
    }

    fn send_raw(&mut self, bytes: &[u8]) {
        self.driver.put(BUFFERS, bytes);
        self.transmit.offer(&[(BUFFERS, bytes.len() as u32)], 0);
        self.driver.function.ring(TRANSMIT.into());
    }

    fn packet(&mut self, header: Header, data: &[u8]) {
        let mut bytes = header.bytes().to_vec();
        // From the guest, so the other way round.
        bytes[..8].copy_from_slice(&GUEST.to_le_bytes());
        bytes[8..16].copy_from_slice(&HOST.to_le_bytes());
        bytes[16..20].copy_from_slice(&header.key.guest.to_le_bytes());
        bytes[20..24].copy_from_slice(&header.key.host.to_le_bytes());
        bytes.extend_from_slice(data);
        self.send_raw(&bytes);
    }

    fn send(&mut self, key: Key, operation: Operation, data: &[u8]) {
        self.packet(header(key, operation, data.len()), data);
    }

    /// What the guest received since the last call.
    fn received(&mut self) -> Vec<Seen> {
        let first = self.receive.used_index() - self.receive.take_used().len() as u16;
        let count = self.receive.used_index() - first;
        (0..count)
            .map(|index| {
                let slot = u64::from((first + index) % 64);
                let at = RECEIVE_BUFFERS + slot * u64::from(ROOM);
                let bytes = self.driver.bytes(at, LENGTH);
                let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
                assert_eq!(bytes[..16], [HOST.to_le_bytes(), GUEST.to_le_bytes()].concat());
                let data = self.driver.bytes(at + LENGTH as u64, u32_at(24) as usize);
                let key = Key { host: u32_at(16), guest: u32_at(20) };
                let operation = u16::from_le_bytes([bytes[30], bytes[31]]);
                self.offer_buffer();
                Seen { key, operation, flags: u32_at(32), data }
            })
            .collect()
    }

    fn ring(&mut self) {
        self.driver.function.ring(RECEIVE.into());
    }

    /// A rig with a connection that the guest made.
    fn connected() -> Self {
        let mut rig = rig();
        rig.send(KEY, Operation::Request, &[]);
        assert_eq!(rig.received(), [seen(KEY, Operation::Response, 0, &[])]);
        rig
    }
}

fn header(key: Key, operation: Operation, length: usize) -> Header {
    let length = length as u32;
    Header { key, length, operation: Some(operation), flags: 0, buffer: 1 << 16, forwarded: 0 }
}

#[test]
fn the_guest_connects_and_bytes_go_both_ways() {
    let mut rig = Rig::connected();
    rig.send(KEY, Operation::Data, b"question");
    assert_eq!(rig.desk.with(KEY, |end| end.outgoing.clone()), b"question");
    rig.desk.with(KEY, |end| end.incoming = b"answer".to_vec());
    rig.ring();
    assert_eq!(rig.received(), [seen(KEY, Operation::Data, 0, b"answer")]);
}

#[test]
fn where_nobody_listens_the_guest_is_told() {
    let mut rig = rig();
    let key = Key { guest: 1, host: 81 };
    rig.send(key, Operation::Request, &[]);
    assert_eq!(rig.received(), [seen(key, Operation::Reset, 0, &[])]);
}

#[test]
fn the_host_connects_and_hears_when_the_guest_accepts() {
    let mut rig = rig();
    let key = Key { guest: 22, host: 1 << 30 };
    rig.desk.lock().callers.push(key);
    rig.ring();
    assert_eq!(rig.received(), [seen(key, Operation::Request, 0, &[])]);
    rig.desk.with(key, |end| end.incoming = b"too early".to_vec());
    rig.ring();
    assert!(rig.received().is_empty());
    assert!(!rig.desk.with(key, |end| end.accepted));
    rig.send(key, Operation::Response, &[]);
    assert!(rig.desk.with(key, |end| end.accepted));
    assert_eq!(rig.received(), [seen(key, Operation::Data, 0, b"too early")]);
}

#[test]
fn a_connection_that_the_guest_refuses_is_dropped() {
    let mut rig = rig();
    let key = Key { guest: 22, host: 1 << 30 };
    rig.desk.lock().callers.push(key);
    rig.ring();
    rig.send(key, Operation::Reset, &[]);
    assert_eq!(rig.desk.lock().dropped, [key]);
}

#[test]
fn no_more_is_sent_than_the_guest_has_room_for() {
    let mut rig = Rig::connected();
    rig.packet(Header { buffer: 10, ..header(KEY, Operation::CreditUpdate, 0) }, &[]);
    rig.desk.with(KEY, |end| end.incoming = b"0123456789abcdef".to_vec());
    rig.ring();
    assert_eq!(rig.received(), [seen(KEY, Operation::Data, 0, b"0123456789")]);
    let more = Header { buffer: 10, forwarded: 4, ..header(KEY, Operation::CreditUpdate, 0) };
    rig.packet(more, &[]);
    assert_eq!(rig.received(), [seen(KEY, Operation::Data, 0, b"abcd")]);
}

#[test]
fn what_the_host_does_not_take_is_kept_and_the_guest_told_of_room() {
    let mut rig = Rig::connected();
    rig.desk.with(KEY, |end| end.room = 100);
    let chunk = vec![7; 60_000];
    rig.send(KEY, Operation::Data, &chunk);
    rig.send(KEY, Operation::Data, &chunk);
    assert_eq!(rig.desk.with(KEY, |end| end.outgoing.len()), 100);
    assert!(rig.received().is_empty());
    rig.desk.with(KEY, |end| end.room = usize::MAX);
    rig.ring();
    assert_eq!(rig.desk.with(KEY, |end| end.outgoing.len()), 120_000);
    assert_eq!(rig.received(), [seen(KEY, Operation::CreditUpdate, 0, &[])]);
}

#[test]
fn a_guest_that_sends_beyond_its_credit_loses_the_connection() {
    let mut rig = Rig::connected();
    rig.desk.with(KEY, |end| end.room = 0);
    for _ in 0..=BUFFER / 60_000 {
        rig.send(KEY, Operation::Data, &vec![7; 60_000]);
    }
    assert_eq!(rig.received(), [seen(KEY, Operation::Reset, 0, &[])]);
    assert_eq!(rig.desk.lock().dropped, [KEY]);
}

#[test]
fn asked_for_its_room_the_device_answers() {
    let mut rig = Rig::connected();
    rig.send(KEY, Operation::CreditRequest, &[]);
    assert_eq!(rig.received(), [seen(KEY, Operation::CreditUpdate, 0, &[])]);
}

#[test]
fn each_direction_ends_by_itself() {
    let mut rig = Rig::connected();
    rig.desk.with(KEY, |end| {
        end.incoming = b"last".to_vec();
        end.incoming_over = true;
    });
    rig.ring();
    let last = seen(KEY, Operation::Data, 0, b"last");
    assert_eq!(rig.received(), [last, seen(KEY, Operation::Shutdown, SHUTDOWN_SEND, &[])]);
    rig.send(KEY, Operation::Data, b"still");
    assert_eq!(rig.desk.with(KEY, |end| end.outgoing.clone()), b"still");
    let flags = SHUTDOWN_SEND | SHUTDOWN_RECEIVE;
    rig.packet(Header { flags, ..header(KEY, Operation::Shutdown, 0) }, &[]);
    assert!(rig.desk.with(KEY, |end| end.outgoing_over));
    assert_eq!(rig.received(), [seen(KEY, Operation::Reset, 0, &[])]);
    assert_eq!(rig.desk.lock().dropped, [KEY]);
}

#[test]
fn bytes_on_their_way_arrive_before_the_end() {
    let mut rig = Rig::connected();
    rig.desk.with(KEY, |end| end.room = 0);
    rig.send(KEY, Operation::Data, b"late");
    let flags = SHUTDOWN_SEND | SHUTDOWN_RECEIVE;
    rig.packet(Header { flags, ..header(KEY, Operation::Shutdown, 0) }, &[]);
    assert!(rig.received().is_empty());
    rig.desk.with(KEY, |end| end.room = 10);
    rig.ring();
    assert_eq!(rig.desk.with(KEY, |end| end.outgoing.clone()), b"late");
    assert_eq!(rig.received(), [seen(KEY, Operation::Reset, 0, &[])]);
}

#[test]
fn packets_of_no_connection_and_of_other_kinds_are_answered_by_a_reset() {
    let mut rig = rig();
    rig.send(KEY, Operation::Data, b"who?");
    assert_eq!(rig.received(), [seen(KEY, Operation::Reset, 0, &[])]);
    rig.send(KEY, Operation::Reset, &[]);
    assert!(rig.received().is_empty());
    let mut datagram = header(KEY, Operation::Request, 0).bytes();
    datagram[..16].copy_from_slice(&[GUEST.to_le_bytes(), HOST.to_le_bytes()].concat());
    datagram[28] = 3;
    rig.send_raw(&datagram);
    assert_eq!(rig.received().len(), 1);
    datagram[8] = 9;
    rig.send_raw(&datagram);
    assert!(rig.received().is_empty());
}

#[test]
fn a_length_that_is_a_lie_costs_the_connection() {
    let mut rig = Rig::connected();
    rig.packet(header(KEY, Operation::Data, 5000), b"short");
    assert_eq!(rig.received(), [seen(KEY, Operation::Reset, 0, &[])]);
    assert_eq!(rig.desk.lock().dropped, [KEY]);
}

#[test]
fn there_is_a_limit_to_connections() {
    let mut rig = rig();
    for guest in 0..=MAX_CONNECTIONS as u32 {
        rig.send(Key { guest, host: LISTENS }, Operation::Request, &[]);
        let answers = rig.received();
        let expected =
            if guest < MAX_CONNECTIONS as u32 { Operation::Response } else { Operation::Reset };
        assert_eq!(answers[0].operation, expected as u16);
    }
}

#[test]
fn a_guest_that_does_not_listen_is_not_listened_to() {
    let desk = Shared::default();
    let mut driver = Driver::new(Vsock::new(Box::new(desk.clone())));
    driver.negotiate(VERSION_1);
    let (receive, transmit) = (driver.enable(0, 64), driver.enable(1, 64));
    driver.driver_ok();
    let mut rig = Rig { driver, receive, transmit, desk, taken: 0 };
    for _ in 0..MAX_RESETS + 10 {
        rig.send(KEY, Operation::Data, b"");
    }
    assert_eq!(rig.transmit.used_index() as usize, MAX_RESETS);
}

#[test]
fn half_a_header_and_buffers_too_small_for_one_are_faults() {
    let mut rig = rig();
    rig.send_raw(&[0; LENGTH - 1]);
    assert_eq!(rig.driver.status() & NEEDS_RESET, NEEDS_RESET);
    let mut rig = self::rig();
    rig.driver.negotiate(VERSION_1);
    (rig.receive, rig.transmit) = (rig.driver.enable(0, 64), rig.driver.enable(1, 64));
    rig.driver.driver_ok();
    rig.receive.offer(&[(RECEIVE_BUFFERS, LENGTH as u32 - 1)], WRITE);
    rig.send(KEY, Operation::Data, b"");
    assert_eq!(rig.driver.status() & NEEDS_RESET, NEEDS_RESET);
}

#[test]
fn a_reset_ends_all_connections() {
    let mut rig = Rig::connected();
    rig.driver.write(register::STATUS, 1, 0);
    assert_eq!(rig.desk.lock().dropped, [KEY]);
    assert_eq!(rig.driver.read(register::DEVICE, 8), GUEST);
}
