//! Descriptor chains (sections 2.7.4, 2.7.5).

use super::every;
use super::subject::{ANSWERED, ASKED, Empty, SIZE, Subject};
use crate::virtio::MAX_CHAIN;
use crate::virtio::testing::*;

/// Has every device kicked for what `offer` put on its queue, and asserts that it asks for a reset.
fn faults(offer: impl Fn(&mut Subject, &mut Ring)) {
    every(|mut subject| {
        let mut ring = subject.start(0);
        offer(&mut subject, &mut ring);
        subject.kick();
        assert!(ring.take_used().is_empty(), "{}", subject.name);
        subject.assert_fault();
    });
}

#[test]
fn a_chain_that_loops_asks_for_a_reset() {
    faults(|subject, ring| {
        let flags = subject.flags() | NEXT;
        ring.descriptor(0, ASKED, 16, flags, 1);
        ring.descriptor(1, ASKED, 16, flags, 0);
        ring.publish(0);
    });
    faults(|subject, ring| {
        ring.descriptor(3, ASKED, 16, subject.flags() | NEXT, 3);
        ring.publish(3);
    });
}

#[test]
fn a_loop_in_a_table_asks_for_a_reset() {
    faults(|subject, ring| {
        let (table, length) = ring.table(&[(ASKED, 16, subject.flags())]);
        let next = [(subject.flags() | NEXT).to_le_bytes(), [0; 2]].concat();
        subject.driver.put(table + 12, &next);
        ring.offer_mixed(&[(table, length, INDIRECT)]);
    });
}

#[test]
fn a_chain_that_leaves_its_table_asks_for_a_reset() {
    for next in [SIZE, SIZE + 1, u16::MAX] {
        faults(|subject, ring| {
            ring.descriptor(0, ASKED, 16, subject.flags() | NEXT, next);
            ring.publish(0);
        });
        faults(|subject, ring| {
            let (table, length) = ring.table(&[(ASKED, 16, subject.flags())]);
            let flags = (subject.flags() | NEXT).to_le_bytes();
            subject.driver.put(table + 12, &[flags, next.to_le_bytes()].concat());
            ring.offer_mixed(&[(table, length, INDIRECT)]);
        });
    }
}

#[test]
fn a_chain_that_starts_outside_of_its_table_asks_for_a_reset() {
    for head in [SIZE, SIZE + 1, u16::MAX] {
        faults(|_, ring| ring.publish(head));
    }
}

#[test]
fn an_available_index_too_far_ahead_or_back_asks_for_a_reset() {
    for index in [SIZE + 1, 1 << 15, u16::MAX] {
        faults(|_, ring| ring.set_available(index));
    }
}

#[test]
fn a_buffer_that_is_not_all_ram_asks_for_a_reset() {
    for (address, length) in [(RAM, 64), (RAM - 8, 64), (u64::MAX - 4, 64), (0, u32::MAX)] {
        faults(|subject, ring| {
            ring.offer_mixed(&[(address, length, subject.flags())]);
        });
        // Also as the last of a request that is good so far.
        faults(|subject, ring| {
            let mut buffers = subject.request();
            let flags = buffers.last().map_or(0, |last| last.2);
            buffers.push((address, length, flags));
            ring.offer_mixed(&buffers);
        });
    }
}

#[test]
fn a_buffer_of_no_bytes_does_no_harm_among_others() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        let of_none = |buffer: &(u64, u32, u16)| (0xdead_beef_0000, 0, buffer.2);
        let buffers = subject.request();
        let buffers: Vec<_> =
            buffers.iter().flat_map(|buffer| [of_none(buffer), *buffer, of_none(buffer)]).collect();
        let head = ring.offer_mixed(&buffers);
        subject.kick();
        assert_eq!(ring.take_used(), [(head.into(), subject.written)], "{}", subject.name);
    });
}

#[test]
fn a_chain_of_no_bytes_has_an_outcome_on_every_device() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        ring.offer_mixed(&[(ASKED, 0, subject.flags())]);
        subject.kick();
        let faults = subject.driver.status() & NEEDS_RESET != 0;
        let outcome = match (faults, ring.take_used().as_slice()) {
            (true, []) => Empty::Fault,
            (false, [(0, 0)]) => Empty::Done,
            (false, []) => Empty::Stays,
            other => panic!("{}: {other:?}", subject.name),
        };
        assert_eq!(outcome, subject.empty, "{}", subject.name);
    });
}

#[test]
fn buffers_that_go_the_wrong_way_ask_for_a_reset() {
    faults(|subject, ring| {
        let turned = |(address, length, flags): (u64, u32, u16)| (address, length, flags ^ WRITE);
        let buffers: Vec<_> = subject.request().into_iter().map(turned).collect();
        ring.offer_mixed(&buffers);
    });
}

#[test]
fn a_readable_buffer_behind_a_writable_one_asks_for_a_reset() {
    faults(|_, ring| {
        ring.offer_mixed(&[(ANSWERED, 16, WRITE), (ASKED, 16, 0)]);
    });
}

#[test]
fn an_indirect_table_serves_as_well_as_a_chain() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        let (table, length) = ring.table(&subject.request());
        // Of the descriptor of a table, the direction says nothing, nor does the next one.
        for flags in [INDIRECT, INDIRECT | WRITE, INDIRECT | NEXT] {
            ring.descriptor(5, table, length, flags, 5);
            ring.publish(5);
            subject.kick();
            assert_eq!(ring.take_used(), [(5, subject.written)], "{}", subject.name);
        }
    });
}

#[test]
fn an_indirect_table_may_end_a_chain() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        let request = subject.request();
        let (first, rest) = request.split_at(request.len() / 2);
        let (table, length) = ring.table(rest);
        let head = ring.offer_mixed(&[first, &[(table, length, INDIRECT)]].concat());
        subject.kick();
        assert_eq!(ring.take_used(), [(head.into(), subject.written)], "{}", subject.name);
    });
}

#[test]
fn an_indirect_table_in_an_indirect_table_asks_for_a_reset() {
    faults(|subject, ring| {
        let (inner, length) = ring.table(&subject.request());
        let (table, length) = ring.table(&[(inner, length, INDIRECT)]);
        ring.offer_mixed(&[(table, length, INDIRECT)]);
    });
    faults(|subject, ring| {
        let mut buffers = subject.request();
        let (inner, length) = ring.table(&buffers);
        buffers.push((inner, length, INDIRECT));
        let (table, length) = ring.table(&buffers);
        ring.offer_mixed(&[(table, length, INDIRECT)]);
    });
}

#[test]
fn indirect_tables_of_impossible_lengths_or_places_ask_for_a_reset() {
    let longest = 16 * u32::from(u16::MAX);
    for (address, length) in [
        (ASKED, 0),
        (ASKED, 15),
        (ASKED, 17),
        (ASKED, longest + 16),
        (ASKED, u32::MAX),
        (RAM, 16),
        (RAM - 8, 16),
        (u64::MAX - 7, 16),
    ] {
        faults(|_, ring| {
            ring.offer_mixed(&[(address, length, INDIRECT)]);
        });
    }
}

#[test]
fn a_chain_of_too_many_descriptors_asks_for_a_reset() {
    faults(|subject, ring| {
        let (table, length) = ring.table(&vec![(ASKED, 1, subject.flags()); MAX_CHAIN + 1]);
        ring.offer_mixed(&[(table, length, INDIRECT)]);
    });
}

#[test]
fn one_bad_chain_spoils_none_that_came_before_it() {
    every(|mut subject| {
        let mut ring = subject.start(0);
        subject.assert_serves(&mut ring);
        ring.publish(SIZE);
        subject.kick();
        ring.offer_mixed(&subject.request());
        subject.kick();
        assert!(ring.take_used().is_empty(), "{}: works after a fault", subject.name);
        subject.assert_fault();
    });
}
