//! A serial port: the UART on its ports, whatever takes its output, and a stream for its input.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use devices::bus::{Action, Device};
use devices::platform::Serial;
use devices::sync::lock;
use event_manager::{EventOps, Events, MutEventSubscriber};
use vm_superio::serial::SerialEvents;
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};
use vmm_sys_util::timerfd::TimerFd;

use super::error::{Error, Result};
use super::irqchip::EdgeLine;

/// Ports a UART takes.
pub const LENGTH: u64 = 8;

/// Where a UART's output goes.
pub type Output = Box<dyn Write + Send>;

/// A filter over a serial port's input.
pub type InputFilter = Box<dyn FnMut(&[u8]) -> Vec<u8> + Send>;

/// Tells when the UART has room for more input.
pub struct RoomSignal(EventFd);

impl SerialEvents for RoomSignal {
    fn buffer_read(&self) {}
    fn out_byte(&self) {}
    fn tx_lost_byte(&self) {}
    fn in_buffer_empty(&self) {
        let _ = self.0.write(1);
    }
}

/// The UART on its bus.
pub struct SerialPort(Serial<EdgeLine, RoomSignal, Output>);

impl SerialPort {
    /// A UART that interrupts on `line` and writes to `output`.
    pub fn new(line: EdgeLine, output: Output) -> Result<Self> {
        let room = EventFd::new(EFD_NONBLOCK).map_err(|e| Error::System("eventfd", e))?;
        Ok(Self(Serial::with_events(line, RoomSignal(room), output)))
    }
}

impl Device for SerialPort {
    fn read(&mut self, offset: u64, data: &mut [u8]) {
        data.fill(0);
        if let [byte] = data {
            *byte = self.0.read(offset as u8);
        }
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Action {
        // An error means that the output is gone; the guest cannot know and need not care.
        if let [byte] = data {
            let _ = self.0.write(offset as u8, *byte);
        }
        Action::None
    }
}

/// Feeds a stream into a UART as fast as the guest takes it.
pub struct SerialInput {
    port: Arc<Mutex<SerialPort>>,
    source: OwnedFd,
    room: EventFd,
    /// Runs while the guest is inside the UART: its output may be held up by a slow reader.
    again: TimerFd,
    waiting: Vec<u8>,
    /// The source has not ended.
    open: bool,
    /// The guest has not taken all of `waiting`.
    full: bool,
    /// The event loop watches the source.
    watching: bool,
    filter: InputFilter,
}

const SOURCE: u32 = 0;
const ROOM: u32 = 1;
const AGAIN: u32 = 2;
/// How soon to try again when the guest is inside the UART.
const AGAIN_AFTER: Duration = Duration::from_millis(10);
/// Bytes taken from the source at a time.
const CHUNK: usize = 4096;

impl SerialInput {
    /// Feeds `source`, as `filter` passes it on, into `port`.
    pub fn new(port: Arc<Mutex<SerialPort>>, source: OwnedFd, filter: InputFilter) -> Result<Self> {
        let room = {
            let port = lock(&port);
            port.0.events().0.try_clone().map_err(|e| Error::System("dup", e))?
        };
        Ok(Self {
            port,
            source,
            room,
            again: TimerFd::new().map_err(|e| Error::System("timerfd", e.into()))?,
            waiting: Vec::new(),
            open: true,
            full: false,
            watching: false,
            filter,
        })
    }

    /// Reads once; answers false at the end of the stream.
    fn fill(&mut self) -> bool {
        let mut chunk = [0; CHUNK];
        match nix::unistd::read(&self.source, &mut chunk) {
            Ok(0) => false,
            Ok(count) => {
                let bytes = (self.filter)(&chunk[..count]);
                self.waiting.extend(bytes);
                true
            }
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => true,
            Err(_) => false,
        }
    }

    fn feed(&mut self) {
        let mut port = match self.port.try_lock() {
            Ok(port) => port,
            Err(TryLockError::Poisoned(port)) => port.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let _ = self.again.reset(AGAIN_AFTER, None);
                return;
            }
        };
        let room = port.0.fifo_capacity().min(self.waiting.len());
        let taken = port.0.enqueue_raw_bytes(&self.waiting[..room]).unwrap_or(0);
        drop(port);
        self.waiting.drain(..taken);
    }
}

impl MutEventSubscriber for SerialInput {
    fn init(&mut self, ops: &mut EventOps) {
        // A regular file or /dev/null cannot be polled; such an input is empty.
        self.watching = ops.add(Events::with_data(&self.source, SOURCE, EventSet::IN)).is_ok();
        let _ = ops.add(Events::with_data(&self.room, ROOM, EventSet::IN));
        let _ = ops.add(Events::with_data(&self.again, AGAIN, EventSet::IN));
    }

    fn process(&mut self, events: Events, ops: &mut EventOps) {
        let source = Events::with_data(&self.source, SOURCE, EventSet::IN);
        match events.data() {
            ROOM => {
                let _ = self.room.read();
            }
            AGAIN => {
                let _ = self.again.wait();
            }
            _ => self.open = self.fill(),
        }
        let was_full = self.full;
        self.feed();
        // Take no more from the source while the guest has not taken what is here.
        self.full = !self.waiting.is_empty();
        if (self.full || !self.open) && self.watching {
            self.watching = ops.remove(source).is_err();
        } else if was_full && !self.full && self.open {
            self.watching = ops.add(source).is_ok();
        }
    }
}
