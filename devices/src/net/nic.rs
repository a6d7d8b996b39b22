//! What every NIC model offers to whoever drives it.

use super::{Backend, Metadata, Offloads};

/// How a transmit round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Transmit {
    /// The guest has nothing more to send: wait for its doorbell.
    Idle,
    /// The round's cap was reached: call again, after others had their turn.
    More,
    /// The backend is blocked: call again when it has room.
    Blocked,
}

/// What a NIC did with an incoming frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Receipt {
    /// It went to the guest, or was dropped by a filter or for want of room, as the model does.
    Done,
    /// There is no room; offer it again after the guest's next doorbell, or when the function's
    /// deadline has passed.
    NoRoom,
}

/// How a run of incoming frames ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Run {
    /// Nothing more has arrived.
    Dry,
    /// The run's limit was reached, and more has arrived.
    More,
    /// There is no room for the next one.
    NoRoom,
}

/// A NIC between a guest and a backend, or one of its pairs of queues.
///
/// The driver of a NIC calls `transmit` after a doorbell, `receive` for each incoming frame
/// followed by `flush` at the end of each run of frames, and passes the interrupt on after each.
pub trait Nic: Send {
    /// Takes frames from the guest and hands them to `backend`, up to a cap.
    fn transmit(&mut self, backend: &mut dyn Backend) -> Transmit;

    /// Looks whether the guest has more to send though it may not have rung, and if it can, tells it that
    /// it need not until `rest`. Where there is more, `transmit` takes some of it or is blocked: whoever
    /// looks may go on as long as it finds something.
    fn look(&mut self) -> bool {
        false
    }

    /// Ends a time of looking: from now on the guest rings. Answers whether it has more already.
    fn rest(&mut self) -> bool {
        false
    }

    /// Offers one frame from the wire, without FCS.
    fn receive(&mut self, frame: &[u8], metadata: Metadata) -> Receipt;

    /// Ends a run of `receive` calls: interrupts that were held back to share are due now.
    fn flush(&mut self) {}

    /// Receives what has arrived at `backend`, at most `most` frames of it.
    fn receive_run(&mut self, backend: &mut dyn Backend, most: usize) -> Run {
        let mut frames = 0;
        let end = loop {
            let Some((frame, metadata)) = backend.peek() else { break Run::Dry };
            if frames == most {
                break Run::More;
            }
            if self.receive(frame, metadata) == Receipt::NoRoom {
                break Run::NoRoom;
            }
            backend.consume();
            frames += 1;
        };
        self.flush();
        end
    }

    /// Tells that the cable was plugged in or pulled. A pair leaves that to its NIC.
    fn set_link(&mut self, _up: bool) {}

    /// What the guest takes unfinished now; it may change its mind at any doorbell.
    fn takes(&self) -> Offloads {
        Offloads::default()
    }

    /// Whether the guest uses it: of several pairs it may leave some alone.
    fn is_active(&self) -> bool {
        true
    }

    /// For a pair: whether an interrupt waits for the function's line. The function has to be driven
    /// then.
    fn asserts(&self) -> bool {
        false
    }

    /// The pairs of queues, if the NIC has such: each of them may be driven without the function's
    /// lock, by a thread of its own, and frames shall go through them alone.
    fn pairs(&self) -> Vec<QueuePair> {
        Vec::new()
    }
}

/// A pair of queues.
pub struct QueuePair {
    /// The way its frames go.
    pub nic: Box<dyn Nic>,
    /// The doorbells of the function that ring for it.
    pub bells: [u32; 2],
}
