//! virtio-console: byte streams between guest and host, each with a name (section 5.3).
//!
//! 1. Port `n` has a receive and a transmit queue ([`receive_queue`], [`transmit_queue`]); two more
//!    queues carry control messages about ports.
//! 2. The driver says that it is ready, the device adds its ports; for each the driver says that it
//!    is ready, the device tells its name and that the host end is open.
//! 3. Bytes move when a queue is rung: by the guest, or by the machine when a port's other side
//!    has bytes or room: see [`Port`]. Linux shows the ports as `/dev/vport0p1` and so on, with a link
//!    of the port's name in `/dev/virtio-ports` where udev runs.
//!
//! Port 0 is the only one that may be a console; the others are plain streams.

mod control;
mod port;

use std::sync::Arc;

use virtio_bindings::virtio_ids::VIRTIO_ID_CONSOLE;

use super::{Kind, Transport, TransportError, VirtioDevice, VirtioPci, read_bytes};
use crate::interrupt::Messages;
use crate::memory::DmaMemory;
use control::{Control, Heard};
pub use port::Port;
use port::Stream;

/// The most ports: each takes two queues and two vectors.
pub const MAX_PORTS: usize = 31;

const QUEUE_SIZE: u16 = 64;
const CONTROL_RECEIVE: u16 = 2;
const CONTROL_TRANSMIT: u16 = 3;
/// Feature bit: more than one port, and control queues.
const MULTIPORT: u64 = 1 << 1;

/// The receive queue of `port`: ring it when the host has bytes for the guest.
pub fn receive_queue(port: u16) -> u16 {
    if port == 0 { 0 } else { 2 + 2 * port }
}

/// The transmit queue of `port`: ring it when the host has room again.
pub fn transmit_queue(port: u16) -> u16 {
    receive_queue(port) + 1
}

/// What a port is to be.
pub struct Config {
    /// The name that the guest finds it by.
    pub name: String,
    /// Whether the guest shall see a console (`/dev/hvc0`) in it. For the first port alone.
    pub console: bool,
    /// Its other side.
    pub port: Box<dyn Port>,
}

/// The device behind the transport.
pub struct Console {
    queue_sizes: Vec<u16>,
    streams: Vec<Stream>,
    control: Control,
}

impl Console {
    /// A device on the PCI bus with these ports; needs [`vectors`] of their number.
    pub fn function(
        ports: Vec<Config>,
        memory: DmaMemory,
        messages: Arc<dyn Messages>,
    ) -> Result<VirtioPci<Self>, TransportError> {
        VirtioPci::new(Self::new(ports)?, memory, messages)
    }

    pub(super) fn new(ports: Vec<Config>) -> Result<Self, TransportError> {
        if ports.is_empty() || ports.len() > MAX_PORTS {
            return Err(TransportError::Queues(2 + 2 * ports.len()));
        }
        let queue_sizes = vec![QUEUE_SIZE; 2 + 2 * ports.len()];
        let about = ports.iter().map(|port| (port.name.clone(), port.console)).collect();
        let streams = ports.into_iter().map(|port| Stream::new(port.port)).collect();
        Ok(Self { queue_sizes, streams, control: Control::new(about) })
    }

    /// The port behind a queue, if it is one for data, and whether it is the receive queue.
    fn stream(&mut self, queue: u16) -> Option<(&mut Stream, bool)> {
        let port = match queue {
            CONTROL_RECEIVE | CONTROL_TRANSMIT => return None,
            0 | 1 => 0,
            _ => queue / 2 - 1,
        };
        let stream = self.streams.get_mut(usize::from(port))?;
        Some((stream, queue.is_multiple_of(2)))
    }
}

/// MSI-X vectors of a function with `ports` ports: its configuration and its queues.
pub fn vectors(ports: u16) -> u16 {
    3 + 2 * ports
}

impl VirtioDevice for Console {
    fn kind(&self) -> Kind {
        // Communication controller, other.
        Kind::modern(VIRTIO_ID_CONSOLE as u16, [0x07, 0x80, 0])
    }

    fn features(&self) -> u64 {
        MULTIPORT
    }

    fn queue_sizes(&self) -> &[u16] {
        &self.queue_sizes
    }

    /// `struct virtio_console_config`: columns and rows, which are not offered, then the number of
    /// ports.
    fn read_configuration(&self, offset: usize, data: &mut [u8]) {
        let mut bytes = [0; 8];
        bytes[4..].copy_from_slice(&(self.streams.len() as u32).to_le_bytes());
        read_bytes(&bytes, offset, data);
    }

    fn start(&mut self, features: u64) {
        if features & MULTIPORT == 0 {
            // One port, and no messages about it.
            self.streams.iter_mut().take(1).for_each(|stream| stream.guest_opened(true));
        }
    }

    fn stop(&mut self) {
        self.control.clear();
        for stream in &mut self.streams {
            stream.stop();
        }
    }

    fn queue_reset(&mut self, queue: u16) {
        if let Some((stream, false)) = self.stream(queue) {
            stream.forget_chain();
        }
    }

    fn notified(&mut self, queue: u16, transport: &mut Transport) -> bool {
        match queue {
            CONTROL_RECEIVE => self.control.deliver(transport, CONTROL_RECEIVE),
            CONTROL_TRANSMIT => {
                let streams = &mut self.streams;
                let more = self.control.listen(transport, CONTROL_TRANSMIT, |heard| match heard {
                    Heard::Opened(port, open) => {
                        if let Some(stream) = streams.get_mut(port as usize) {
                            stream.guest_opened(open);
                        }
                    }
                });
                // Undelivered messages wait for buffers: the driver's next kick brings them.
                let _ = self.control.deliver(transport, CONTROL_RECEIVE);
                for (stream, port) in self.streams.iter_mut().zip(0..) {
                    if stream.take_fresh() {
                        stream.feed_guest(transport, receive_queue(port));
                    }
                }
                more
            }
            _ => match self.stream(queue) {
                Some((stream, true)) => stream.feed_guest(transport, queue),
                Some((stream, false)) => stream.drain_guest(transport, queue),
                None => false,
            },
        }
    }
}

#[cfg(test)]
#[path = "console_tests.rs"]
mod tests;
