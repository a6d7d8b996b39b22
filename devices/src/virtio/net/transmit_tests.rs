use super::*;
use crate::ethernet::testing::{Spec, parse, pattern};
use crate::memory::DmaMemory;
use crate::net::{Gso, GsoKind, Loop, Metadata};
use crate::virtio::net::{Config, VirtioNet};
use crate::virtio::testing::*;

const VERSION_1: u64 = 1 << 32;
const EVENT_INDEX: u64 = 1 << 29;
const OFFLOADS: u64 = 1 | 1 << 11 | 1 << 12 | 1 << 13;

/// A wire that takes everything unfinished.
#[derive(Default)]
struct Strong(Loop);

impl Backend for Strong {
    fn offloads(&self) -> Offloads {
        Offloads { checksum: true, tso4: true, tso6: true }
    }
    fn send(&mut self, memory: &DmaMemory, batch: &Batch) -> Sent {
        self.0.send(memory, batch)
    }
    fn peek(&mut self) -> Option<(&[u8], Metadata)> {
        None
    }
    fn consume(&mut self) {}
}

/// Counts batches.
#[derive(Default)]
struct Counting(Vec<usize>);

impl Backend for Counting {
    fn send(&mut self, _memory: &DmaMemory, batch: &Batch) -> Sent {
        self.0.push(batch.len());
        Sent::All
    }
    fn peek(&mut self) -> Option<(&[u8], Metadata)> {
        None
    }
    fn consume(&mut self) {}
}

fn driver() -> Driver<VirtioNet> {
    Driver::new(VirtioNet::new(Config::new([2, 0, 0, 0, 0, 1])))
}

#[test]
fn a_super_frame_is_cut_at_the_mss_for_a_backend_without_tso() {
    for ipv6 in [false, true] {
        let mut driver = driver();
        let (_, mut ring) = driver.start(VERSION_1 | OFFLOADS, 256);
        let spec = Spec { ipv6, tcp_options: 12, payload: pattern(65_000), ..Spec::default() };
        let kind = if ipv6 { 4 } else { 1 };
        let start = if ipv6 { 54 } else { 34 };
        let bytes = [header(1, kind, 1368, start, 16), spec.build()].concat();
        let buffers = place(&driver, &bytes, 4093);
        ring.offer(&buffers, 0);

        let mut wire = Loop::default();
        assert_eq!(driver.transmit(&mut wire), Transmit::Idle);

        let segments: Vec<_> = wire.sent.iter().map(|(frame, _)| parse(frame)).collect();
        assert_eq!(segments.len(), 65_000usize.div_ceil(1368));
        let payload: Vec<u8> = segments.iter().flat_map(|s| s.payload.clone()).collect();
        assert_eq!(payload, spec.payload);
        assert!(segments.iter().all(|segment| segment.payload.len() <= 1368));
        assert_eq!(ring.take_used(), [(0, 0)]);
    }
}

#[test]
fn a_super_frame_goes_out_whole_to_a_backend_that_takes_it() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1 | OFFLOADS, 256);
    let spec = Spec { payload: pattern(20_000), ..Spec::default() };
    let bytes = [header(1, 1, 1400, 34, 16), spec.build()].concat();
    let buffers = place(&driver, &bytes, 65_536);
    ring.offer_indirect(&buffers, 0);

    let mut wire = Strong::default();
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);

    let (frame, metadata) = &wire.0.sent[0];
    assert_eq!(frame.len(), spec.build().len());
    assert_eq!(frame[54..], spec.payload);
    assert_eq!(metadata.gso, Some(Gso { kind: GsoKind::Tcp4, size: 1400, header_length: 54 }));
    assert_eq!(metadata.partial_checksum, Some((34, 16)));
}

#[test]
fn an_open_checksum_is_filled_in_for_a_backend_that_does_not() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1 | OFFLOADS, 256);
    let frame = open_checksum(&pattern(777));
    let buffers = place(&driver, &[header(1, 0, 0, 34, 16), frame].concat(), 100);
    ring.offer(&buffers, 0);

    let mut wire = Loop::default();
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
    assert_eq!(parse(&wire.sent[0].0).payload, pattern(777));
}

#[test]
fn a_header_may_be_spread_over_buffers_and_share_one_with_the_frame() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1, 64);
    let buffers = place(&driver, &plain(60), 5);
    ring.offer(&buffers, 0);
    let mut wire = Loop::default();
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
    assert_eq!(wire.sent[0].0, pattern(60));
}

#[test]
fn many_chains_make_one_batch_and_one_interrupt() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1 | EVENT_INDEX, 256);
    let buffers = place(&driver, &plain(60), 1000);
    for _ in 0..100 {
        ring.offer(&buffers, 0);
    }
    ring.set_used_event(40);

    let mut wire = Counting::default();
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);

    assert_eq!(wire.0, [100]);
    assert_eq!(ring.take_used().len(), 100);
    assert_eq!(driver.sent.take(), [2]);
}

#[test]
fn the_event_index_holds_interrupts_back_until_it_is_passed() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1 | EVENT_INDEX, 256);
    let buffers = place(&driver, &plain(60), 1000);
    ring.set_used_event(2);
    for expected in [&[][..], &[], &[2], &[]] {
        ring.offer(&buffers, 0);
        assert_eq!(driver.transmit(&mut Loop::default()), Transmit::Idle);
        assert_eq!(driver.sent.take(), expected);
    }
}

#[test]
fn without_event_index_the_flag_of_the_driver_holds_interrupts_back() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1, 256);
    let buffers = place(&driver, &plain(60), 1000);
    for (flags, expected) in [(1, &[][..]), (0, &[2])] {
        ring.set_available_flags(flags);
        ring.offer(&buffers, 0);
        assert_eq!(driver.transmit(&mut Loop::default()), Transmit::Idle);
        assert_eq!(driver.sent.take(), expected);
    }
}

#[test]
fn an_idle_queue_asks_for_a_kick_at_the_next_chain() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1 | EVENT_INDEX, 256);
    let buffers = place(&driver, &plain(60), 1000);
    for next in 1..5 {
        ring.offer(&buffers, 0);
        assert_eq!(driver.transmit(&mut Loop::default()), Transmit::Idle);
        assert_eq!(ring.available_event(), next);
    }
}

#[test]
fn a_blocked_backend_leaves_the_queue_alone_until_it_resumes() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1, 256);
    let buffers = place(&driver, &plain(60), 1000);
    let mut wire = Loop { blocked: true, ..Loop::default() };
    ring.offer(&buffers, 0);
    assert_eq!(driver.transmit(&mut wire), Transmit::Blocked);
    assert_eq!(ring.take_used().len(), 1, "the backend has the frame");
    assert_eq!(ring.used_flags(), 1, "no kicks while blocked");

    ring.offer(&buffers, 0);
    assert_eq!(driver.transmit(&mut wire), Transmit::Blocked);
    assert!(ring.take_used().is_empty());

    wire.blocked = false;
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
    assert_eq!(ring.take_used().len(), 1);
    assert_eq!(wire.sent.len(), 2);
    assert_eq!(ring.used_flags(), 0);
}

#[test]
fn small_segments_end_the_batch_but_not_the_round() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1 | OFFLOADS, 256);
    let spec = Spec { payload: pattern(2_000), ..Spec::default() };
    let bytes = [header(1, 1, 10, 34, 16), spec.build()].concat();
    let buffers = place(&driver, &bytes, 65_536);
    for _ in 0..3 {
        ring.offer(&buffers, 0);
    }
    let mut wire = Counting::default();
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
    assert_eq!(wire.0, [200, 200, 200]);
}

#[test]
fn a_round_is_bounded_in_segments_whatever_the_driver_asks_for() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1 | OFFLOADS, 256);
    let spec = Spec { payload: pattern(2_000), ..Spec::default() };
    let one_byte_each = [header(1, 1, 1, 34, 16), spec.build()].concat();
    let buffers = place(&driver, &one_byte_each, 65_536);
    for _ in 0..4 {
        ring.offer(&buffers, 0);
    }
    let mut wire = Counting::default();
    assert_eq!(driver.transmit(&mut wire), Transmit::More);
    assert_eq!(wire.0, [2_000, 2_000]);
    assert_eq!(driver.transmit(&mut wire), Transmit::More);
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
    assert_eq!(wire.0, [2_000; 4]);
}

#[test]
fn frames_are_lost_while_the_link_is_down() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1, 256);
    let buffers = place(&driver, &plain(60), 1000);
    driver.nic().set_link(false);
    ring.offer(&buffers, 0);
    let mut wire = Loop::default();
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
    assert_eq!(ring.take_used().len(), 1);
    assert!(wire.sent.is_empty());
}

#[test]
fn a_driver_that_is_not_ready_sends_nothing() {
    let mut driver = driver();
    assert_eq!(driver.transmit(&mut Loop::default()), Transmit::Idle);
    driver.negotiate(VERSION_1);
    let mut ring = driver.enable(1, 8);
    let buffers = place(&driver, &plain(60), 1000);
    ring.offer(&buffers, 0);
    assert_eq!(driver.transmit(&mut Loop::default()), Transmit::Idle);
    assert!(ring.take_used().is_empty());
    driver.driver_ok();
    assert_eq!(driver.transmit(&mut Loop::default()), Transmit::Idle);
    assert_eq!(ring.take_used().len(), 1);
}

#[test]
fn nothing_moves_without_bus_mastering() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1, 8);
    let buffers = place(&driver, &plain(60), 1000);
    ring.offer(&buffers, 0);
    let _ = crate::pci::Function::write_config(&mut driver.function, 4, &[2, 0]);
    assert_eq!(driver.transmit(&mut Loop::default()), Transmit::Idle);
    assert!(ring.take_used().is_empty());
    assert_eq!(driver.status() & NEEDS_RESET, 0);
}

#[test]
fn a_reset_while_blocked_starts_afresh() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1, 8);
    let buffers = place(&driver, &plain(60), 1000);
    ring.offer(&buffers, 0);
    let mut wire = Loop { blocked: true, ..Loop::default() };
    assert_eq!(driver.transmit(&mut wire), Transmit::Blocked);
    let (_, mut ring) = driver.start(VERSION_1, 8);
    ring.offer(&buffers, 0);
    wire.blocked = false;
    assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
    assert_eq!(ring.take_used(), [(0, 0)]);
}

#[test]
fn indexes_wrap_at_65536() {
    let mut driver = driver();
    let (_, mut ring) = driver.start(VERSION_1 | EVENT_INDEX, 8);
    let buffers = place(&driver, &plain(60), 1000);
    let mut wire = Counting::default();
    for _ in 0..9_000 {
        for _ in 0..8 {
            ring.offer(&buffers, 0);
        }
        ring.set_used_event(ring.used_index());
        assert_eq!(driver.transmit(&mut wire), Transmit::Idle);
        assert_eq!(ring.take_used().len(), 8);
    }
    assert_eq!(wire.0.iter().sum::<usize>(), 72_000);
    assert_eq!(driver.sent.take().len(), 9_000);
}
