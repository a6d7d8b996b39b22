//! One port's bytes, both ways.

use crate::memory::Gather;
use crate::virtio::{Direction, Served, Transport, gather, serve};

/// Bytes moved in one step; a longer buffer takes several.
const STEP: usize = 4096;
/// Bytes of the guest taken in one go, so that others have their turn.
const MAX_BYTES: usize = 1 << 20;

/// The other side of a port. It never waits: it takes and gives what it can, and whoever feeds it
/// rings the port's queue when that changes.
pub trait Port: Send {
    /// Takes bytes of the guest; answers how many. The rest is offered again at the next ring of
    /// the transmit queue.
    fn write(&mut self, data: &[u8]) -> usize;

    /// Gives bytes to the guest; answers how many, 0 for none now. The rest of the guest's wish
    /// is asked for again at the next ring of the receive queue.
    fn read(&mut self, data: &mut [u8]) -> usize;

    /// Somebody in the guest opened or closed the port.
    fn guest_opened(&mut self, _open: bool) {}
}

/// A port and how far its transfers are.
pub struct Stream {
    port: Box<dyn Port>,
    open: bool,
    /// The guest opened it, and what waited for that has not been given yet.
    fresh: bool,
    /// Bytes of the oldest transmit chain that the port has taken.
    taken: usize,
    buffers: Gather,
    step: Vec<u8>,
}

impl Stream {
    /// A stream to and from `port`.
    pub fn new(port: Box<dyn Port>) -> Self {
        let buffers = Gather::default();
        Self { port, open: false, fresh: false, taken: 0, buffers, step: vec![0; STEP] }
    }

    /// The guest opened or closed it.
    pub fn guest_opened(&mut self, open: bool) {
        if std::mem::replace(&mut self.open, open) != open {
            self.fresh = open;
            self.port.guest_opened(open);
        }
    }

    /// Whether the guest opened it since the last call.
    pub fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    /// The oldest transmit chain is not there any more.
    pub fn forget_chain(&mut self) {
        self.taken = 0;
    }

    /// The driver is gone.
    pub fn stop(&mut self) {
        self.forget_chain();
        self.guest_opened(false);
    }

    /// Moves bytes of the guest to the port.
    pub fn drain_guest(&mut self, transport: &mut Transport, queue: u16) -> bool {
        let Self { port, taken, buffers, step, .. } = self;
        let mut budget = MAX_BYTES;
        let more = serve(transport, queue, |chain, memory| {
            buffers.clear();
            gather(chain, memory, Direction::Readable, buffers)?;
            while *taken < buffers.len() {
                if budget == 0 {
                    return Ok(Served::Later);
                }
                let end = buffers.len().min(*taken + STEP.min(budget));
                let length = buffers.copy(memory, *taken..end, step)?;
                let accepted = port.write(&step[..length]).min(length);
                *taken += accepted;
                budget -= accepted;
                if accepted < length {
                    return Ok(Served::Later);
                }
            }
            *taken = 0;
            Ok(Served::Done(0))
        });
        more || budget == 0
    }

    /// Moves bytes of the port to the guest, while it has the port open: Linux throws away what
    /// comes earlier.
    pub fn feed_guest(&mut self, transport: &mut Transport, queue: u16) -> bool {
        let Self { port, open, buffers, step, .. } = self;
        serve(transport, queue, |chain, memory| {
            buffers.clear();
            gather(chain, memory, Direction::Writable, buffers)?;
            let wish = buffers.len().min(STEP);
            let length = if *open { port.read(&mut step[..wish]).min(wish) } else { 0 };
            if length == 0 && wish > 0 {
                return Ok(Served::Later);
            }
            buffers.write(memory, 0, &step[..length])?;
            Ok(Served::Done(length as u32))
        })
    }
}
