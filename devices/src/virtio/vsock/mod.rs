//! virtio-vsock: streams between programs of the guest and of the host (section 5.10).
//!
//! 1. The guest's packets come by the transmit queue. Each belongs to a [`Connection`], by its
//!    ports; a request makes one, with a stream that the [`Host`] opens.
//! 2. The host's end of each connection is a [`Stream`]. Whoever watches the streams rings the receive
//!    queue; [`Host::woken`] then says which of them has news.
//! 3. What connections have to say goes out by the receive queue, each in its turn.
//!
//! Either side tells the other how much room it has (its credit), so neither can fill the other's
//! memory. There are at most [`MAX_CONNECTIONS`].

mod connection;
mod packet;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use virtio_bindings::virtio_ids::VIRTIO_ID_VSOCK;

use super::{
    Direction, Fault, Kind, Served, Transport, TransportError, VirtioDevice, VirtioPci, gather,
    read_bytes, serve,
};
use crate::interrupt::Messages;
use crate::memory::{DmaMemory, Gather};
pub use connection::Stream;
use connection::{Connection, Next};
pub use packet::Key;
use packet::{GUEST, Header, LENGTH, Operation, Parsed};

/// MSI-X vectors of the function: its configuration and its queues.
pub const VECTORS: u16 = 4;
/// The most connections at a time.
pub const MAX_CONNECTIONS: usize = 1024;

/// The queue whose doorbell says that the host's side has news.
pub const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;
const QUEUE_SIZE: u16 = 128;
/// Data of one packet.
const MAX_DATA: usize = 64 * 1024;
/// Resets kept for a guest that does not listen; then it is not listened to either.
const MAX_RESETS: usize = 256;
/// Feature bit: there are streams.
const STREAMS: u64 = 1 << 0;

/// The host's side.
pub trait Host: Send {
    /// Opens a stream to `port`, for the connection `key` of the guest; `None` if nobody listens.
    fn connect(&mut self, key: Key) -> Option<Box<dyn Stream>>;

    /// A stream that somebody of the host wants to have with a port of the guest.
    fn accept(&mut self) -> Option<(Key, Box<dyn Stream>)>;

    /// Connections whose streams have bytes or room again.
    fn woken(&mut self) -> Vec<Key>;
}

/// The device behind the transport.
pub struct Vsock {
    host: Box<dyn Host>,
    connections: BTreeMap<Key, Connection>,
    /// Connections that may have something to say.
    speakers: VecDeque<Key>,
    /// Connections to be told that there are none.
    resets: VecDeque<Key>,
    buffers: Gather,
    data: Vec<u8>,
}

impl Vsock {
    /// A device on the PCI bus; needs [`VECTORS`].
    pub fn function(
        host: Box<dyn Host>,
        memory: DmaMemory,
        messages: Arc<dyn Messages>,
    ) -> Result<VirtioPci<Self>, TransportError> {
        VirtioPci::new(Self::new(host), memory, messages)
    }

    pub(super) fn new(host: Box<dyn Host>) -> Self {
        Self {
            host,
            connections: BTreeMap::new(),
            speakers: VecDeque::new(),
            resets: VecDeque::new(),
            buffers: Gather::default(),
            data: vec![0; MAX_DATA],
        }
    }

    fn let_speak(speakers: &mut VecDeque<Key>, key: Key) {
        if !speakers.contains(&key) {
            speakers.push_back(key);
        }
    }

    /// Hears what the host's side has to say.
    fn attend(&mut self) {
        for key in self.host.woken() {
            if let Some(connection) = self.connections.get_mut(&key) {
                connection.woken();
                Self::let_speak(&mut self.speakers, key);
            }
        }
        while self.connections.len() < MAX_CONNECTIONS
            && let Some((key, stream)) = self.host.accept()
        {
            self.connections.insert(key, Connection::from_host(key, stream));
            Self::let_speak(&mut self.speakers, key);
        }
    }

    /// Takes the guest's packets.
    fn take(&mut self, transport: &mut Transport) -> bool {
        let Self { host, connections, speakers, resets, buffers, data } = self;
        serve(transport, TRANSMIT, |chain, memory| {
            if resets.len() >= MAX_RESETS {
                return Ok(Served::Later);
            }
            buffers.clear();
            gather(chain, memory, Direction::Readable, buffers)?;
            let mut bytes = [0; LENGTH];
            if buffers.copy(memory, 0..LENGTH, &mut bytes)? < LENGTH {
                return Err(Fault::ChainTooShort);
            }
            let header = match Header::parse(&bytes) {
                Parsed::Ours(header) => header,
                Parsed::NoStream(key) => {
                    resets.push_back(key);
                    return Ok(Served::Done(0));
                }
                Parsed::Foreign => return Ok(Served::Done(0)),
            };
            let (key, length) = (header.key, header.length as usize);
            let full = connections.len() >= MAX_CONNECTIONS;
            match (connections.get_mut(&key), header.operation) {
                (Some(_), Some(Operation::Reset)) => {
                    connections.remove(&key);
                }
                (None, Some(Operation::Reset)) => {}
                (Some(connection), _) => {
                    // A length that is a lie breaks the connection like other nonsense.
                    let data = data.get_mut(..length).unwrap_or_default();
                    let copied = buffers.copy(memory, LENGTH..LENGTH + data.len(), data)?;
                    if copied == length {
                        connection.receive(&header, data);
                        Self::let_speak(speakers, key);
                    } else {
                        connections.remove(&key);
                        resets.push_back(key);
                    }
                }
                (None, Some(Operation::Request)) if !full => match host.connect(key) {
                    Some(stream) => {
                        let connection = Connection::from_guest(&header, stream);
                        connections.insert(key, connection);
                        Self::let_speak(speakers, key);
                    }
                    None => resets.push_back(key),
                },
                (None, _) => resets.push_back(key),
            }
            Ok(Served::Done(0))
        })
    }

    /// Gives the guest what there is to say, as far as it has buffers.
    fn give(&mut self, transport: &mut Transport) -> bool {
        let Self { connections, speakers, resets, buffers, data, .. } = self;
        serve(transport, RECEIVE, |chain, memory| {
            buffers.clear();
            gather(chain, memory, Direction::Writable, buffers)?;
            let room = buffers.len().checked_sub(LENGTH).ok_or(Fault::ChainTooShort)?;
            let data = data.get_mut(..room.min(MAX_DATA)).unwrap_or_default();
            let Some(header) = next(connections, speakers, resets, data) else {
                return Ok(Served::Later);
            };
            buffers.write(memory, 0, &header.bytes())?;
            let data = data.get(..header.length as usize).unwrap_or_default();
            buffers.write(memory, LENGTH, data)?;
            Ok(Served::Done((LENGTH + data.len()) as u32))
        })
    }
}

/// The next packet for the guest: resets first, then one of each connection in turn.
fn next(
    connections: &mut BTreeMap<Key, Connection>,
    speakers: &mut VecDeque<Key>,
    resets: &mut VecDeque<Key>,
    data: &mut [u8],
) -> Option<Header> {
    if let Some(key) = resets.pop_front() {
        return Some(Header::reset(key));
    }
    while let Some(key) = speakers.pop_front() {
        match connections.get_mut(&key).map(|connection| connection.next(data)) {
            Some(Next::Packet(header)) => {
                speakers.push_back(key);
                return Some(header);
            }
            Some(Next::Last(header)) => {
                connections.remove(&key);
                return Some(header);
            }
            Some(Next::Nothing) | None => {}
        }
    }
    None
}

impl VirtioDevice for Vsock {
    fn kind(&self) -> Kind {
        // Communication controller, other.
        Kind::modern(VIRTIO_ID_VSOCK as u16, [0x07, 0x80, 0])
    }

    fn features(&self) -> u64 {
        STREAMS
    }

    fn queue_sizes(&self) -> &[u16] {
        &[QUEUE_SIZE; 3]
    }

    /// `struct virtio_vsock_config`: the guest's address.
    fn read_configuration(&self, offset: usize, data: &mut [u8]) {
        read_bytes(&GUEST.to_le_bytes(), offset, data);
    }

    fn start(&mut self, _features: u64) {}

    fn stop(&mut self) {
        self.connections.clear();
        self.speakers.clear();
        self.resets.clear();
    }

    fn notified(&mut self, _queue: u16, transport: &mut Transport) -> bool {
        if !transport.running() {
            return false;
        }
        // The guest's packets make room, make connections and say what is to be answered.
        let more = self.take(transport);
        self.attend();
        let held = self.resets.len() >= MAX_RESETS;
        let more = self.give(transport) | more;
        more || held && self.resets.len() < MAX_RESETS
    }
}

#[cfg(test)]
#[path = "vsock_tests.rs"]
mod tests;
