use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use vm_memory::{GuestAddress, GuestMemoryMmap};

use super::*;
use crate::memory::Gather;

fn memory() -> DmaMemory {
    let ram = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 1 << 20)]).unwrap();
    let memory = DmaMemory::new(ram);
    memory.set_enabled(true);
    memory
}

fn framed(frames: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        bytes.extend_from_slice(&(frame.len() as u32).to_be_bytes());
        bytes.extend_from_slice(frame);
    }
    bytes
}

/// A batch whose frame `n` is a header of 14 times `n` and a payload of guest memory.
fn batch(memory: &DmaMemory, frames: u8, payload: usize) -> (Batch, Vec<u8>) {
    let mut batch = Batch::default();
    let mut expected = Vec::new();
    for n in 0..frames {
        let address = u64::from(n) * 64;
        let bytes = vec![n ^ 0x5a; payload];
        memory.write(address, &bytes).unwrap();
    }
    for n in 0..frames {
        let mut gather = Gather::default();
        gather.push(memory, u64::from(n) * 64, payload / 2).unwrap();
        gather.push(memory, u64::from(n) * 64 + 4096, payload - payload / 2).unwrap();
        batch.push(&[n; 14], &gather, 0..payload, Metadata::default());
        let mut frame = vec![n; 14];
        let start = frame.len();
        frame.resize(start + payload, 0);
        gather.copy(memory, 0..payload, &mut frame[start..]).unwrap();
        expected.extend(framed(&[&frame]));
    }
    (batch, expected)
}

fn pair() -> (Stream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    (Stream::from_socket(ours), theirs)
}

/// Peeks until a frame comes or five seconds are over.
fn wait_for_frame(stream: &mut Stream) -> Option<Vec<u8>> {
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline && stream.link() {
        if let Some((frame, _)) = stream.peek() {
            let frame = frame.to_vec();
            stream.consume();
            return Some(frame);
        }
        std::thread::yield_now();
    }
    None
}

#[test]
fn a_batch_arrives_as_length_and_frame_in_order() {
    let (mut stream, mut peer) = pair();
    let memory = memory();
    let (batch, expected) = batch(&memory, 100, 200);
    assert_eq!(stream.send(&memory, &batch), Sent::All);
    let mut got = vec![0; expected.len()];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(got, expected);
}

#[test]
fn a_batch_of_more_vectors_than_one_call_takes_arrives_whole() {
    let (mut stream, mut peer) = pair();
    let memory = memory();
    let mut batch = Batch::default();
    let mut expected = Vec::new();
    for n in 0..1500u32 {
        let frame = [&n.to_be_bytes()[..], &[7; 16]].concat();
        batch.push_bytes(&frame, Metadata::default());
        expected.extend(framed(&[&frame]));
    }
    assert_eq!(stream.send(&memory, &batch), Sent::All);
    let mut got = vec![0; expected.len()];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(got, expected);
}

#[test]
fn what_the_socket_does_not_take_is_kept_and_follows_in_order() {
    let (mut stream, mut peer) = pair();
    let memory = memory();
    let (first, mut expected) = batch(&memory, 200, 8000);
    assert_eq!(stream.send(&memory, &first), Sent::Blocked);
    // The guest may have its buffers back now.
    memory.write(0, &vec![0; 1 << 19]).unwrap();
    let total = expected.len();
    let reader = std::thread::spawn(move || {
        let mut got = vec![0; total];
        peer.read_exact(&mut got).unwrap();
        (peer, got)
    });
    let deadline = Instant::now() + Duration::from_secs(5);
    while stream.resume() == Sent::Blocked && Instant::now() < deadline {
        std::thread::yield_now();
    }
    let (mut peer, got) = reader.join().unwrap();
    assert!(got == expected, "the kept bytes differ");
    let (second, more) = batch(&memory, 1, 100);
    assert_eq!(stream.send(&memory, &second), Sent::All);
    expected.clear();
    expected.resize(more.len(), 0);
    peer.read_exact(&mut expected).unwrap();
    assert_eq!(expected, more);
}

#[test]
fn frames_come_out_whole_however_the_bytes_arrive() {
    let (mut stream, mut peer) = pair();
    let bytes = framed(&[&[1; 60], &[2; 1514], &vec![3; 65_549]]);
    let writer = std::thread::spawn(move || {
        bytes.chunks(977).for_each(|chunk| peer.write_all(chunk).unwrap());
        peer
    });
    assert_eq!(wait_for_frame(&mut stream), Some(vec![1; 60]));
    assert_eq!(wait_for_frame(&mut stream), Some(vec![2; 1514]));
    assert_eq!(wait_for_frame(&mut stream), Some(vec![3; 65_549]));
    drop(writer.join());
}

#[test]
fn a_peeked_frame_stays_until_it_is_consumed() {
    let (mut stream, mut peer) = pair();
    peer.write_all(&framed(&[&[1; 60], &[2; 60]])).unwrap();
    assert_eq!(stream.peek().unwrap().0, [1; 60]);
    assert_eq!(stream.peek().unwrap().0, [1; 60]);
    stream.consume();
    assert_eq!(stream.peek().unwrap().0, [2; 60]);
}

#[test]
fn a_runt_is_passed_over() {
    let (mut stream, mut peer) = pair();
    peer.write_all(&framed(&[&[1; 13], &[2; 14]])).unwrap();
    assert_eq!(stream.peek().unwrap().0, [2; 14]);
}

#[test]
fn a_frame_of_length_zero_takes_the_link_down() {
    let (mut stream, mut peer) = pair();
    peer.write_all(&[0; 8]).unwrap();
    assert!(stream.peek().is_none());
    assert!(!stream.link());
}

#[test]
fn a_frame_beyond_the_limit_takes_the_link_down() {
    let (mut stream, mut peer) = pair();
    peer.write_all(&u32::MAX.to_be_bytes()).unwrap();
    assert!(stream.peek().is_none());
    assert!(!stream.link());
}

#[test]
fn a_frame_outside_of_ram_is_left_out_and_the_stream_stays_in_step() {
    let (mut stream, mut peer) = pair();
    let memory = memory();
    let mut gather = Gather::default();
    gather.push(&memory, 0, 100).unwrap();
    let mut batch = Batch::default();
    batch.push(&[1; 14], &gather, 0..100, Metadata::default());
    batch.push_bytes(&[2; 60], Metadata::default());
    memory.set_enabled(false);
    assert_eq!(stream.send(&memory, &batch), Sent::All);
    let mut got = vec![0; 64];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(got, framed(&[&[2; 60]]));
}

#[test]
fn a_lost_peer_takes_the_link_down_and_a_new_one_brings_it_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("peer.sock");
    let mut stream = Stream::open(&path).unwrap();
    assert!(!stream.link());
    let listener = UnixListener::bind(&path).unwrap();
    assert!(stream.reconnect());
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(&framed(&[&[1; 60]])[..30]).unwrap();
    drop(peer);
    assert_eq!(wait_for_frame(&mut stream), None);
    assert!(!stream.link());
    assert!(stream.descriptor().is_none());
    assert!(stream.reconnect());
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(&framed(&[&[2; 60]])).unwrap();
    assert_eq!(wait_for_frame(&mut stream), Some(vec![2; 60]));
}

#[test]
fn sending_to_a_lost_peer_drops_frames_and_raises_no_signal() {
    let (mut stream, peer) = pair();
    let memory = memory();
    drop(peer);
    let (batch, _) = batch(&memory, 3, 100);
    assert_eq!(stream.send(&memory, &batch), Sent::All);
    assert!(!stream.link());
    assert_eq!(stream.send(&memory, &batch), Sent::All);
}

#[test]
fn a_path_too_long_for_a_socket_is_refused_with_path_and_limit() {
    let path = format!("/{}", "x".repeat(107));
    let message = Stream::open(&path).unwrap_err().to_string();
    assert!(message.contains(&path) && message.contains("107"), "{message}");
}

#[test]
fn a_path_of_the_longest_length_is_taken() {
    assert_eq!(check_socket_path(Path::new(&format!("/{}", "x".repeat(106)))), Ok(()));
}

#[test]
fn a_plain_file_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Stream::open(file.path()).unwrap_err();
    assert_eq!(error, StreamError::NotASocket(file.path().to_owned()));
}

#[test]
fn a_peer_that_hangs_up_on_every_call_is_called_less_and_less_often() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("peer");
    let listener = UnixListener::bind(&path).unwrap();
    let mut stream = Stream::open(&path).unwrap();
    let mut calls = 0;
    for _ in 0..130 {
        if stream.link() {
            drop(listener.accept().unwrap());
            calls += 1;
            assert!(stream.peek().is_none());
        }
        stream.reconnect();
    }
    assert_eq!(calls, 8, "with pauses of 0, 1, 3, 7, 15, 31 and 63 tries between them");
}
