//! The messages by which device and driver agree on ports (section 5.3.6.2).

use std::collections::VecDeque;

use crate::memory::Gather;
use crate::virtio::{Direction, Served, Transport, gather, serve};

/// Bytes of a message; a name follows it.
const LENGTH: usize = 8;
/// Messages kept for a driver that asks but does not listen; more are lost.
const MAX_PENDING: usize = 256;

const DEVICE_READY: u16 = 0;
const DEVICE_ADD: u16 = 1;
const PORT_READY: u16 = 3;
const CONSOLE_PORT: u16 = 4;
const PORT_OPEN: u16 = 6;
const PORT_NAME: u16 = 7;

/// `struct virtio_console_control`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Message {
    port: u32,
    event: u16,
    value: u16,
}

/// What the driver said that concerns a port's other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Somebody in the guest opened or closed the port.
    Opened(u32, bool),
}

/// Both control queues.
#[derive(Debug)]
pub struct Control {
    /// Name of each port, and whether it is a console.
    ports: Vec<(String, bool)>,
    pending: VecDeque<Message>,
    buffers: Gather,
}

impl Control {
    /// Control over these ports.
    pub fn new(ports: Vec<(String, bool)>) -> Self {
        Self { ports, pending: VecDeque::new(), buffers: Gather::default() }
    }

    /// Forgets what was not delivered.
    pub fn clear(&mut self) {
        self.pending.clear();
    }

    fn say(&mut self, port: u32, event: u16, value: u16) {
        if self.pending.len() < MAX_PENDING {
            self.pending.push_back(Message { port, event, value });
        }
    }

    /// Takes what the driver says, answers it, and passes on what concerns others.
    pub fn listen(
        &mut self,
        transport: &mut Transport,
        queue: u16,
        mut heard: impl FnMut(Heard),
    ) -> bool {
        serve(transport, queue, |chain, memory| {
            self.buffers.clear();
            gather(chain, memory, Direction::Readable, &mut self.buffers)?;
            let mut bytes = [0; LENGTH];
            if self.buffers.copy(memory, 0..LENGTH, &mut bytes)? == LENGTH {
                let [a, b, c, d, e, f, g, h] = bytes;
                self.answer(
                    Message {
                        port: u32::from_le_bytes([a, b, c, d]),
                        event: u16::from_le_bytes([e, f]),
                        value: u16::from_le_bytes([g, h]),
                    },
                    &mut heard,
                );
            }
            Ok(Served::Done(0))
        })
    }

    fn answer(&mut self, message: Message, heard: &mut impl FnMut(Heard)) {
        let Message { port, event, value } = message;
        match event {
            DEVICE_READY if value == 1 => {
                for port in 0..self.ports.len() as u32 {
                    self.say(port, DEVICE_ADD, 1);
                }
            }
            PORT_READY if value == 1 => {
                let Some((_, console)) = self.ports.get(port as usize) else { return };
                if *console && port == 0 {
                    self.say(port, CONSOLE_PORT, 1);
                }
                self.say(port, PORT_NAME, 1);
                self.say(port, PORT_OPEN, 1);
            }
            PORT_OPEN => heard(Heard::Opened(port, value == 1)),
            _ => {}
        }
    }

    /// Tells the driver what is pending, as far as it offers buffers.
    pub fn deliver(&mut self, transport: &mut Transport, queue: u16) -> bool {
        serve(transport, queue, |chain, memory| {
            let Some(message) = self.pending.front().copied() else { return Ok(Served::Later) };
            self.buffers.clear();
            gather(chain, memory, Direction::Writable, &mut self.buffers)?;
            let mut bytes = Vec::with_capacity(64);
            bytes.extend_from_slice(&message.port.to_le_bytes());
            bytes.extend_from_slice(&message.event.to_le_bytes());
            bytes.extend_from_slice(&message.value.to_le_bytes());
            if let (PORT_NAME, Some((name, _))) =
                (message.event, self.ports.get(message.port as usize))
            {
                bytes.extend_from_slice(name.as_bytes());
            }
            bytes.truncate(self.buffers.len());
            self.buffers.write(memory, 0, &bytes)?;
            self.pending.pop_front();
            Ok(Served::Done(bytes.len() as u32))
        })
    }
}
