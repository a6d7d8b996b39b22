//! Whole frames over a socket, by programs that are no NIC.

use devices::memory::DmaMemory;
use devices::net::{Backend, Batch, Metadata, Sent, Stream};
use vm_memory::{GuestAddress, GuestMemoryMmap};

/// Sends a frame.
///
/// # Panics
/// If the socket does not take it.
pub fn send(wire: &mut Stream, frame: &[u8]) {
    // A batch may refer to a guest's memory; this one does not.
    let nobodys = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 4096)]).expect("memory");
    let mut batch = Batch::default();
    batch.push_bytes(frame, Metadata::default());
    assert_eq!(wire.send(&DmaMemory::new(nobodys), &batch), Sent::All);
}

/// The next frame, if it is here as a whole.
pub fn receive(wire: &mut Stream) -> Option<Vec<u8>> {
    let frame = wire.peek()?.0.to_vec();
    wire.consume();
    Some(frame)
}
