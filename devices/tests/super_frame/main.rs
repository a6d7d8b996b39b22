//! In steady state a super-frame allocates nothing, and none of its payload is copied.

mod allocations;
mod guest;

use std::io::Read;
use std::os::unix::net::UnixStream;

use devices::net::Stream;
use guest::{Counting, FRAME, Guest, HEADERS, RAM, frame};

/// Super-frames until all buffers have their size, and those that are counted.
const WARM_UP: usize = 5;
const COUNTED: usize = 200;
const MSS: u16 = 1448;
const SEGMENTS: usize = (FRAME - HEADERS).div_ceil(MSS as usize);

#[test]
fn a_super_frame_allocates_nothing_and_copies_headers_only() {
    let (mut guest, mut port) = (Guest::new(RAM), Counting::default());
    let words = guest.queue(&frame(), MSS);
    let mut send = |port: &mut Counting| {
        guest.give(&words);
        guest.send(port);
    };
    (0..WARM_UP).for_each(|_| send(&mut port));

    port = Counting::default();
    let allocated = allocations::during(|| (0..COUNTED).for_each(|_| send(&mut port)));
    assert_eq!(allocated, 0);
    assert_eq!(port.frames, COUNTED * SEGMENTS);
    assert_eq!(port.copied, COUNTED * SEGMENTS * HEADERS);
    assert_eq!(port.bytes, COUNTED * (FRAME - HEADERS + SEGMENTS * HEADERS));
}

#[test]
fn a_stream_socket_takes_a_super_frame_without_an_allocation() {
    let mut guest = Guest::new(RAM);
    let words = guest.queue(&frame(), MSS);
    let (near, mut far) = UnixStream::pair().expect("sockets");
    let mut port = Stream::from_socket(near);
    let mut arrived = vec![0; FRAME + SEGMENTS * (HEADERS + 4) - HEADERS];
    let mut send = || {
        guest.give(&words);
        guest.send(&mut port);
        far.read_exact(&mut arrived).expect("all of it arrives");
    };
    (0..WARM_UP).for_each(|_| send());

    let allocated = allocations::during(|| (0..COUNTED).for_each(|_| send()));
    assert_eq!(allocated, 0);
    assert!(arrived.ends_with(&frame()[FRAME - 100..]));
}
