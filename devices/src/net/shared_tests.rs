use std::os::unix::net::UnixStream;

use vm_memory::{GuestAddress, GuestMemoryMmap};

use super::*;
use crate::ethernet::flow::flow;
use crate::ethernet::testing::Spec;
use crate::net::framing::{FrameReader, FrameWriter};
use crate::net::{Loop, Stream};

fn memory() -> DmaMemory {
    let memory = DmaMemory::new(GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 4096)]).unwrap());
    memory.set_enabled(true);
    memory
}

fn batch(frame: &[u8]) -> Batch {
    let mut batch = Batch::default();
    batch.push_bytes(frame, Metadata::default());
    batch
}

/// A TCP frame of a conversation that is told apart by `number`, answer or not.
fn frame(number: u16, answer: bool) -> Vec<u8> {
    let mut frame = Spec { payload: vec![1; 1000], ..Spec::default() }.build();
    let (from, to) = if answer { (number, 80) } else { (80, number) };
    frame[34..36].copy_from_slice(&u16::to_be_bytes(from));
    frame[36..38].copy_from_slice(&u16::to_be_bytes(to));
    frame
}

/// Two shares in use on one end of a stream, and the other end.
fn two() -> (Vec<Share>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    let mut shares = Share::split(Box::new(Stream::from_socket(ours)), 2).unwrap();
    shares[1].activate(true);
    (shares, theirs)
}

/// Sends a frame from the other end.
fn arrive(theirs: &UnixStream, frame: &[u8]) {
    let mut writer = FrameWriter::default();
    writer.push(frame);
    assert_eq!(writer.flush(theirs.as_fd()).unwrap(), Sent::All);
}

/// A stream that was read to its end says so once, before it is asked again.
fn taken(share: &mut Share) -> Option<Vec<u8>> {
    let mut front = || share.peek().map(|(frame, _)| frame.to_vec());
    let frame = front().or_else(front);
    share.consume();
    frame
}

#[test]
fn an_answer_comes_to_the_share_that_asked() {
    let (mut shares, theirs) = two();
    for number in 1000..1020 {
        let sender = usize::from(number % 2);
        assert_eq!(shares[sender].send(&memory(), &batch(&frame(number, false))), Sent::All);
        arrive(&theirs, &frame(number, true));
        let first = taken(&mut shares[0]);
        let second = taken(&mut shares[1]);
        assert_eq!([first.is_some(), second.is_some()], [sender == 0, sender == 1], "{number}");
    }
}

#[test]
fn what_nobody_asked_for_comes_by_its_conversation_and_what_is_no_ip_to_the_first() {
    let (mut shares, theirs) = two();
    let numbers = 2000..2064;
    let expected = numbers.clone().filter(|n| flow(&frame(*n, true)).unwrap() % 2 == 1).count();
    for number in numbers {
        arrive(&theirs, &frame(number, true));
    }
    arrive(&theirs, &[0xff; 60]);
    let first = std::iter::from_fn(|| taken(&mut shares[0])).count();
    let second = std::iter::from_fn(|| taken(&mut shares[1])).count();
    assert_eq!((first, second), (65 - expected, expected));
    assert!(expected > 0);
}

#[test]
fn a_share_that_is_not_in_use_gets_nothing() {
    let (mut shares, theirs) = two();
    let _ = shares[1].send(&memory(), &batch(&frame(1000, false)));
    shares[1].activate(false);
    arrive(&theirs, &frame(1000, true));
    assert!(taken(&mut shares[0]).is_some());
    shares[1].activate(true);
    arrive(&theirs, &frame(1000, true));
    assert!(taken(&mut shares[0]).is_none());
    assert!(taken(&mut shares[1]).is_some());
}

#[test]
fn shares_are_in_use_up_to_the_first_that_is_not() {
    let mut shares = Share::split(Box::new(Loop::default()), 4).unwrap();
    let active = |shares: &[Share]| shares[0].hub.active.load(Ordering::Relaxed);
    assert_eq!(active(&shares), 1);
    for (index, on, expected) in
        [(3, true, 1), (1, true, 2), (2, true, 4), (1, false, 1), (0, false, 1), (1, true, 4)]
    {
        shares[index].activate(on);
        assert_eq!(active(&shares), expected);
    }
}

#[test]
fn what_a_blocked_wire_does_not_take_goes_out_later_and_in_order() {
    let (mut shares, theirs) = two();
    let mut sent = 0;
    while shares[0].send(&memory(), &batch(&frame(sent, false))) == Sent::All {
        sent += 1;
    }
    // The other one cannot send either; what it was given is not lost.
    assert_eq!(shares[1].send(&memory(), &batch(&frame(9999, false))), Sent::Blocked);
    assert_eq!(shares[1].resume(), Sent::Blocked);
    let mut reader = FrameReader::default();
    let mut read = Vec::new();
    while read.len() < usize::from(sent) + 2 {
        let frame = reader.peek(theirs.as_fd()).unwrap().map(<[u8]>::to_vec);
        reader.consume();
        read.extend(frame);
        let _ = shares[1].resume();
    }
    assert_eq!(shares[0].resume(), Sent::All);
    let expected: Vec<Vec<u8>> =
        (0..=sent).chain([9999]).map(|number| frame(number, false)).collect();
    assert!(read == expected);
}

#[test]
fn while_an_inbox_is_full_nobody_reads_the_wire_and_nothing_is_lost() {
    let (mut shares, theirs) = two();
    let _ = shares[1].send(&memory(), &batch(&frame(1000, false)));
    let frames = 2 * INBOX_BYTES / frame(0, true).len();
    let sending = std::thread::spawn(move || {
        theirs.set_nonblocking(false).unwrap();
        for _ in 0..frames {
            arrive_all(&theirs, &frame(1000, true));
        }
        theirs
    });
    let mut received = 0;
    while received < frames {
        assert!(taken(&mut shares[0]).is_none());
        let stalled = !shares[0].reads();
        let inbox = lock(&shares[0].hub.inboxes[1].frames).bytes;
        assert!(inbox < INBOX_BYTES + 2000);
        received += std::iter::from_fn(|| taken(&mut shares[1])).count();
        assert!(shares[0].reads());
        assert!(!stalled || shares[0].hub.inboxes[0].event.read().is_ok(), "woken");
    }
    drop(sending.join().unwrap());
    assert_eq!(received, frames);
}

/// Sends a frame from the other end, and waits for room.
fn arrive_all(theirs: &UnixStream, frame: &[u8]) {
    use std::io::Write;
    let length = (frame.len() as u32).to_be_bytes();
    (&*theirs).write_all(&[&length[..], frame].concat()).unwrap();
}

#[test]
fn all_shares_see_the_link_and_a_new_connection() {
    let (mut shares, theirs) = two();
    assert!(shares.iter().all(Share::link));
    drop(theirs);
    assert!(taken(&mut shares[0]).is_none());
    assert!(!shares[0].link());
    assert!(!shares[1].link());
    assert!(shares[0].descriptor().is_none());
    // It has no path to dial, so it stays down; what is sent is lost as on a pulled cable.
    assert!(!shares[0].reconnect());
    assert_eq!(shares[1].send(&memory(), &batch(&frame(1, false))), Sent::All);
    assert!(shares[1].descriptor().is_none());
}
