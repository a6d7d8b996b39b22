use std::sync::Mutex;

use super::*;
use crate::pci::Function;
use crate::virtio::WOKEN;
use crate::virtio::testing::*;

const SECTORS: u64 = 64;
/// Where tests put the header, the data and the status.
const HEADER: u64 = BUFFERS;
const DATA: u64 = BUFFERS + 0x1000;
const STATUS: u64 = BUFFERS + 0x8000;
const UNTOUCHED: u8 = 0xee;

const IN: u32 = 0;
const OUT: u32 = 1;
const FLUSH_REQUEST: u32 = 4;
const GET_ID: u32 = 8;
const DISCARD_REQUEST: u32 = 11;
const WRITE_ZEROES_REQUEST: u32 = 13;

const OK: u8 = 0;
const IO_ERROR: u8 = 1;
const UNSUPPORTED: u8 = 2;

/// A disk in memory, and what was asked of it.
#[derive(Default)]
struct Platter {
    bytes: Vec<u8>,
    seen: Vec<Operation>,
    /// Whether the last request had to reach stable storage.
    through: bool,
}

fn carry_out(platter: &mut Platter, request: &mut Request) {
    platter.seen.push(request.operation.clone());
    platter.through = request.through;
    let Request { operation, memory, buffers, data, .. } = request;
    let bytes = &mut platter.bytes;
    match operation {
        Operation::Read(offset) => {
            let from = *offset as usize..*offset as usize + data.len();
            buffers.write(memory, data.start, &bytes[from]).unwrap();
        }
        Operation::Write(offset) => {
            let to = *offset as usize..*offset as usize + data.len();
            buffers.copy(memory, data.clone(), &mut bytes[to]).unwrap();
        }
        Operation::WriteZeroes(spans) | Operation::Discard(spans) => {
            for span in spans {
                bytes[span.offset as usize..][..span.length as usize].fill(0);
            }
        }
        Operation::Flush => {}
    }
    request.outcome = Outcome::Done;
}

struct Rig {
    driver: Driver<Block>,
    ring: Ring,
    bench: Workbench<Request>,
    platter: Arc<Mutex<Platter>>,
}

fn config() -> Config {
    let serial = "wheel-7".into();
    Config { sectors: SECTORS, read_only: false, discard: true, serial, queues: 1 }
}

fn rig_with(config: Config, features: u64) -> Rig {
    let bytes = (0..SECTORS * SECTOR).map(|at| (at / SECTOR) as u8).collect();
    let platter = Arc::new(Mutex::new(Platter { bytes, ..Platter::default() }));
    let shared = platter.clone();
    let bench = Workbench::new(move |request| carry_out(&mut shared.lock().unwrap(), request));
    let mut driver = Driver::new(Block::new(config, Box::new(bench.clone())));
    assert_eq!(driver.negotiate(VERSION_1 | features) & FEATURES_OK, FEATURES_OK);
    let ring = driver.enable(0, 16);
    driver.driver_ok();
    Rig { driver, ring, bench, platter }
}

fn rig() -> Rig {
    rig_with(config(), FLUSH | DISCARD | WRITE_ZEROES)
}

impl Rig {
    fn header(&self, kind: u32, sector: u64) {
        let bytes = [kind.to_le_bytes().as_slice(), &[0; 4], &sector.to_le_bytes()].concat();
        self.driver.put(HEADER, &bytes);
        self.driver.put(STATUS, &[UNTOUCHED]);
    }

    /// Offers header and `data`, then what the device writes: the last byte is the status.
    fn offer(&mut self, data: &[(u64, u32)], writable: &[(u64, u32)]) {
        let head = 10;
        let all: Vec<_> = [(HEADER, 16)]
            .iter()
            .chain(data)
            .map(|buffer| (*buffer, 0))
            .chain(writable.iter().map(|buffer| (*buffer, WRITE)))
            .collect();
        for (index, ((address, length), flags)) in (0u16..).zip(&all) {
            let slot = |index: u16| (head + index) % 16;
            let more = if usize::from(index) + 1 < all.len() { NEXT } else { 0 };
            let (at, next) = (slot(index), slot(index + 1));
            self.ring.descriptor(at, *address, *length, flags | more, next);
        }
        self.ring.publish(head);
    }

    /// Rings, has the work done, and gives it back.
    fn go(&mut self) {
        self.driver.function.ring(0);
        self.bench.work();
        self.driver.function.ring(WOKEN);
    }

    fn through(&self) -> bool {
        self.platter.lock().unwrap().through
    }

    /// The status of the last request.
    fn status(&self) -> u8 {
        self.driver.bytes(STATUS, 1)[0]
    }

    fn read(&mut self, sector: u64, length: u32) -> u8 {
        self.header(IN, sector);
        self.offer(&[], &[(DATA, length), (STATUS, 1)]);
        self.go();
        self.status()
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> u8 {
        self.header(OUT, sector);
        self.driver.put(DATA, bytes);
        self.offer(&[(DATA, bytes.len() as u32)], &[(STATUS, 1)]);
        self.go();
        self.status()
    }

    fn spans(&mut self, kind: u32, spans: &[(u64, u32, u32)]) -> u8 {
        let bytes: Vec<u8> = spans
            .iter()
            .flat_map(|(sector, count, flags)| {
                let words = [count.to_le_bytes(), flags.to_le_bytes()].concat();
                [sector.to_le_bytes().as_slice(), &words].concat()
            })
            .collect();
        self.header(kind, 0);
        self.driver.put(DATA, &bytes);
        self.offer(&[(DATA, bytes.len() as u32)], &[(STATUS, 1)]);
        self.go();
        self.status()
    }

    fn seen(&self) -> Vec<Operation> {
        std::mem::take(&mut self.platter.lock().unwrap().seen)
    }
}

#[test]
fn a_read_brings_the_sectors_and_says_how_much_was_written() {
    let mut rig = rig();
    assert_eq!(rig.read(3, 1024), OK);
    let expected = [[3; 512], [4; 512]].concat();
    assert_eq!(rig.driver.bytes(DATA, 1024), expected);
    assert_eq!(rig.ring.take_used(), [(10, 1025)]);
    assert_eq!(rig.driver.sent.take(), [1]);
}

#[test]
fn a_write_reaches_the_disk_and_needs_no_stable_storage() {
    let mut rig = rig();
    assert_eq!(rig.write(5, &[0xaa; 512]), OK);
    assert_eq!(rig.platter.lock().unwrap().bytes[5 * 512..6 * 512], [0xaa; 512]);
    assert_eq!((rig.seen(), rig.through()), (vec![Operation::Write(5 * 512)], false));
    assert_eq!(rig.ring.take_used(), [(10, 1)]);
}

#[test]
fn header_data_and_status_may_be_cut_anywhere() {
    let mut rig = rig();
    rig.header(IN, 1);
    let head = [(HEADER, 3), (HEADER + 3, 13)];
    let answer = [(DATA, 500), (DATA + 500, 12)];
    let buffers = [(head[0], 0), (head[1], 0), (answer[0], WRITE), (answer[1], WRITE)];
    for (index, ((address, length), flags)) in (0..).zip(buffers) {
        rig.ring.descriptor(index, address, length, flags | NEXT, index + 1);
    }
    rig.ring.descriptor(4, STATUS, 1, WRITE, 0);
    rig.ring.publish(0);
    rig.go();
    assert_eq!(rig.status(), OK);
    assert_eq!(rig.driver.bytes(DATA, 512), [1; 512]);
}

#[test]
fn data_and_status_may_share_a_buffer() {
    let mut rig = rig();
    rig.header(IN, 2);
    rig.offer(&[], &[(DATA, 513)]);
    rig.go();
    assert_eq!(rig.driver.bytes(DATA, 513), [[2; 512].as_slice(), &[OK]].concat());
}

#[test]
fn nothing_is_given_back_before_it_is_done() {
    let mut rig = rig();
    rig.header(IN, 0);
    rig.offer(&[], &[(DATA, 512), (STATUS, 1)]);
    rig.driver.function.ring(0);
    rig.driver.function.ring(WOKEN);
    assert_eq!(rig.status(), UNTOUCHED);
    assert!(rig.ring.take_used().is_empty());
    assert_eq!(rig.bench.waiting(), 1);
}

#[test]
fn beyond_the_end_and_in_parts_of_sectors_there_is_an_error() {
    let mut rig = rig();
    assert_eq!(rig.read(SECTORS - 1, 1024), IO_ERROR);
    assert_eq!(rig.read(u64::MAX, 512), IO_ERROR);
    assert_eq!(rig.read(0, 100), IO_ERROR);
    assert_eq!(rig.write(SECTORS, &[1; 512]), IO_ERROR);
    assert_eq!(rig.write(0, &[1; 513]), IO_ERROR);
    assert!(rig.seen().is_empty());
}

#[test]
fn what_goes_wrong_elsewhere_is_the_drivers_to_know() {
    let bench = Workbench::new(|request: &mut Request| request.outcome = Outcome::Failed);
    let mut rig = Rig { bench: bench.clone(), ..rig() };
    rig.driver = Driver::new(Block::new(config(), Box::new(bench)));
    rig.driver.negotiate(VERSION_1);
    rig.ring = rig.driver.enable(0, 16);
    rig.driver.driver_ok();
    assert_eq!(rig.read(0, 512), IO_ERROR);
    assert_eq!(rig.ring.take_used(), [(10, 1)]);
}

#[test]
fn a_read_only_disk_refuses_to_be_changed() {
    let read_only = Config { read_only: true, ..config() };
    let mut rig = rig_with(read_only, RO | FLUSH);
    assert_eq!(rig.driver.offered() & (RO | DISCARD | WRITE_ZEROES), RO);
    assert_eq!(rig.write(0, &[1; 512]), IO_ERROR);
    assert_eq!(rig.spans(WRITE_ZEROES_REQUEST, &[(0, 1, 0)]), IO_ERROR);
    assert_eq!(rig.read(1, 512), OK);
}

#[test]
fn a_flush_is_passed_on() {
    let mut rig = rig();
    rig.header(FLUSH_REQUEST, 0);
    rig.offer(&[], &[(STATUS, 1)]);
    rig.go();
    assert_eq!((rig.status(), rig.seen()), (OK, vec![Operation::Flush]));
}

#[test]
fn a_driver_that_cannot_flush_has_every_write_on_stable_storage() {
    let mut rig = rig_with(config(), 0);
    assert_eq!(rig.write(0, &[1; 512]), OK);
    assert_eq!((rig.seen(), rig.through()), (vec![Operation::Write(0)], true));
}

#[test]
fn the_driver_chooses_write_through_by_the_cache_mode() {
    let mut rig = rig_with(config(), FLUSH | CONFIG_WCE);
    assert_eq!(rig.driver.read(register::DEVICE + 32, 1), 1);
    rig.driver.write(register::DEVICE + 32, 1, 0);
    assert_eq!(rig.driver.read(register::DEVICE + 32, 1), 0);
    rig.write(0, &[1; 512]);
    assert_eq!((rig.seen(), rig.through()), (vec![Operation::Write(0)], true));
    rig.driver.negotiate(VERSION_1);
    assert_eq!(rig.driver.read(register::DEVICE + 32, 1), 1);
}

#[test]
fn the_serial_number_is_padded_with_zeroes() {
    let mut rig = rig();
    rig.header(GET_ID, 0);
    rig.offer(&[], &[(DATA, 20), (STATUS, 1)]);
    rig.go();
    assert_eq!(rig.status(), OK);
    assert_eq!(rig.driver.bytes(DATA, 20), [b"wheel-7".as_slice(), &[0; 13]].concat());
    assert_eq!(rig.ring.take_used(), [(10, 21)]);
}

#[test]
fn discard_and_write_zeroes_name_their_spans() {
    let mut rig = rig();
    assert_eq!(rig.spans(DISCARD_REQUEST, &[(0, 8, 0), (16, 1, 0)]), OK);
    let span = |offset, length, unmap| Span { offset, length, unmap };
    let discarded = vec![span(0, 4096, false), span(16 * 512, 512, false)];
    assert_eq!(rig.seen(), [Operation::Discard(discarded)]);
    assert_eq!(rig.spans(WRITE_ZEROES_REQUEST, &[(9, 2, 1)]), OK);
    assert_eq!(rig.seen(), [Operation::WriteZeroes(vec![span(9 * 512, 1024, true)])]);
}

#[test]
fn spans_outside_the_rules_are_refused() {
    let mut rig = rig();
    assert_eq!(rig.spans(DISCARD_REQUEST, &[(0, 8, 1)]), UNSUPPORTED);
    assert_eq!(rig.spans(WRITE_ZEROES_REQUEST, &[(0, 8, 2)]), UNSUPPORTED);
    assert_eq!(rig.spans(DISCARD_REQUEST, &[(SECTORS - 1, 2, 0)]), IO_ERROR);
    assert_eq!(rig.spans(DISCARD_REQUEST, &[(u64::MAX, u32::MAX, 0)]), IO_ERROR);
    assert_eq!(rig.spans(DISCARD_REQUEST, &[]), IO_ERROR);
    assert_eq!(rig.spans(DISCARD_REQUEST, &[(0, 1, 0); MAX_SPANS as usize + 1]), IO_ERROR);
    assert!(rig.seen().is_empty());
}

#[test]
fn what_was_not_negotiated_and_what_is_unknown_is_unsupported() {
    let mut rig = rig_with(config(), FLUSH);
    assert_eq!(rig.spans(DISCARD_REQUEST, &[(0, 8, 0)]), UNSUPPORTED);
    rig.header(99, 0);
    rig.offer(&[], &[(STATUS, 1)]);
    rig.go();
    assert_eq!(rig.status(), UNSUPPORTED);
}

fn assert_fault(rig: &mut Rig) {
    rig.go();
    assert_eq!(rig.driver.status() & NEEDS_RESET, NEEDS_RESET);
    assert_eq!(rig.driver.function.transport().faults(), 1);
}

#[test]
fn a_chain_without_room_for_the_status_is_a_fault() {
    let mut rig = rig();
    rig.header(OUT, 0);
    rig.offer(&[(DATA, 512)], &[]);
    assert_fault(&mut rig);
}

#[test]
fn half_a_header_is_a_fault() {
    let mut rig = rig();
    rig.ring.descriptor(0, HEADER, 8, NEXT, 1);
    rig.ring.descriptor(1, STATUS, 1, WRITE, 0);
    rig.ring.publish(0);
    assert_fault(&mut rig);
}

#[test]
fn a_readable_buffer_behind_a_writable_one_is_a_fault() {
    let mut rig = rig();
    rig.header(OUT, 0);
    rig.ring.descriptor(0, STATUS, 1, WRITE | NEXT, 1);
    rig.ring.descriptor(1, HEADER, 16, 0, 0);
    rig.ring.publish(0);
    assert_fault(&mut rig);
}

#[test]
fn a_reset_forgets_what_nobody_has_begun_and_returns_nothing_of_it() {
    let mut rig = rig();
    rig.header(IN, 1);
    rig.offer(&[], &[(DATA, 512), (STATUS, 1)]);
    rig.driver.function.ring(0);
    assert_eq!(rig.bench.waiting(), 1);
    rig.driver.write(register::STATUS, 1, 0);
    assert_eq!(rig.bench.waiting(), 0);
    rig.driver.negotiate(VERSION_1);
    rig.ring = rig.driver.enable(0, 16);
    rig.driver.driver_ok();
    rig.driver.function.ring(WOKEN);
    assert!(rig.ring.take_used().is_empty());
    assert_eq!(rig.read(1, 512), OK);
}

#[test]
fn a_queue_reset_forgets_that_queue_and_keeps_the_other() {
    let mut rig = rig_with(Config { queues: 2, ..config() }, MQ | FLUSH | RING_RESET);
    let mut other = rig.driver.enable(1, 16);
    rig.header(IN, 1);
    rig.offer(&[], &[(DATA, 512), (STATUS, 1)]);
    other.descriptor(0, HEADER, 16, NEXT, 1);
    other.descriptor(1, DATA, 512, WRITE | NEXT, 2);
    other.descriptor(2, STATUS, 1, WRITE, 0);
    other.publish(0);
    rig.driver.function.ring(0);
    rig.driver.function.ring(1);
    assert_eq!(rig.bench.waiting(), 2);
    rig.driver.write(register::QUEUE_SELECT, 2, 0);
    rig.driver.write(register::QUEUE_RESET, 2, 1);
    assert_eq!(rig.bench.waiting(), 1);
    rig.bench.work();
    rig.driver.function.ring(WOKEN);
    assert_eq!(other.take_used(), [(0, 513)]);
    assert!(rig.ring.take_used().is_empty());
}

#[test]
fn a_chain_offered_again_and_again_waits_for_the_first_ones() {
    let mut rig = rig();
    rig.header(IN, 1);
    for _ in 0..16 {
        rig.offer(&[], &[(DATA, 512), (STATUS, 1)]);
    }
    rig.driver.function.ring(0);
    for _ in 0..8 {
        rig.offer(&[], &[(DATA, 512), (STATUS, 1)]);
    }
    rig.driver.function.ring(0);
    assert_eq!(rig.bench.waiting(), 16);
    rig.go();
    assert_eq!(rig.bench.waiting(), 8);
    rig.go();
    assert_eq!(rig.ring.take_used().len(), 24);
}

#[test]
fn the_configuration_tells_size_limits_and_queues() {
    let mut rig = rig_with(Config { queues: 3, ..config() }, 0);
    let mut at = |offset: u64, width| rig.driver.read(register::DEVICE + offset, width);
    assert_eq!(at(0, 8), SECTORS);
    assert_eq!(at(8, 4), u64::from(MAX_SEGMENT));
    assert_eq!(at(12, 4), u64::from(MAX_SEGMENTS));
    assert_eq!(at(20, 4), SECTOR);
    assert_eq!(at(34, 2), 3);
    assert_eq!(at(40, 4), u64::from(MAX_SPANS));
    assert_eq!(at(56, 1), 1);
    assert_eq!(rig.driver.offered() & MQ, MQ);
}

#[test]
fn zeroes_too_reach_stable_storage_where_writes_do() {
    let mut rig = rig_with(config(), WRITE_ZEROES);
    assert_eq!(rig.spans(WRITE_ZEROES_REQUEST, &[(0, 1, 0)]), OK);
    assert!(rig.through());
}

#[test]
fn what_is_done_is_given_back_on_a_queue_while_the_first_is_off() {
    let mut rig = rig_with(Config { queues: 2, ..config() }, MQ | RING_RESET);
    rig.ring = rig.driver.enable(1, 16);
    rig.driver.write(register::QUEUE_SELECT, 2, 0);
    rig.driver.write(register::QUEUE_RESET, 2, 1);
    rig.header(IN, 1);
    rig.offer(&[], &[(DATA, 512), (STATUS, 1)]);
    rig.driver.function.ring(1);
    rig.bench.work();
    rig.driver.function.ring(WOKEN);
    assert_eq!(rig.ring.take_used(), [(10, 513)]);
}

/// Does everything at once.
struct Quick(Arc<Mutex<Platter>>);

impl Executor<Request> for Quick {
    fn do_at_once(&mut self, request: &mut Request) -> bool {
        carry_out(&mut self.0.lock().unwrap(), request);
        true
    }

    fn submit(&mut self, _job: crate::virtio::Job<Request>) {}

    fn finished(&mut self) -> Option<crate::virtio::Job<Request>> {
        None
    }

    fn cancel(&mut self, _queue: Option<u16>) {}
}

#[test]
fn what_can_be_done_at_once_is_given_back_at_once() {
    let mut rig = rig();
    rig.driver = Driver::new(Block::new(config(), Box::new(Quick(rig.platter.clone()))));
    rig.driver.negotiate(VERSION_1);
    rig.ring = rig.driver.enable(0, 16);
    rig.driver.driver_ok();
    for _ in 0..40 {
        rig.header(IN, 3);
        rig.offer(&[], &[(DATA, 512), (STATUS, 1)]);
        rig.driver.function.ring(0);
        assert_eq!((rig.status(), rig.ring.take_used()), (OK, vec![(10, 513)]));
        assert_eq!(rig.driver.bytes(DATA, 512), [3; 512]);
    }
}
