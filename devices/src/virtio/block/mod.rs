//! virtio-blk: a disk (section 5.2).
//!
//! 1. A request of the driver is a chain: a header, data, and a byte for the status. It is read and
//!    checked once; [`Request`] says what is to do, with the data left in guest memory.
//! 2. An [`Executor`] does it elsewhere, since reading and writing takes time.
//! 3. The status is written and the chain given back.
//!
//! A write is on stable storage when it is done if the driver asked for that (it chose
//! write-through, or does not know how to flush), else after the next flush.

mod request;

use std::sync::Arc;

use virtio_bindings::virtio_blk::{
    VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_FLUSH,
    VIRTIO_BLK_F_MQ, VIRTIO_BLK_F_RO, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_SIZE_MAX,
    VIRTIO_BLK_F_TOPOLOGY, VIRTIO_BLK_F_WRITE_ZEROES, VIRTIO_BLK_ID_BYTES,
};
use virtio_bindings::virtio_ids::VIRTIO_ID_BLOCK;

use super::{
    Deferred, Executor, Kind, Transport, TransportError, VirtioDevice, VirtioPci, read_bytes,
};
use crate::interrupt::Messages;
use crate::memory::DmaMemory;
use request::take;
pub use request::{Operation, Outcome, Request, Span};

/// Bytes of a sector, the unit of every address.
pub const SECTOR: u64 = 512;
/// Longest serial number, in bytes.
pub const MAX_SERIAL: usize = VIRTIO_BLK_ID_BYTES as usize;
/// The most queues.
pub const MAX_QUEUES: u16 = 16;

const QUEUE_SIZE: u16 = 256;
/// Data segments of a request: what the queue holds beside header and status.
const MAX_SEGMENTS: u32 = QUEUE_SIZE as u32 - 2;
/// Bytes of a segment.
const MAX_SEGMENT: u32 = 1 << 20;
/// Spans of one discard or write-zeroes request.
const MAX_SPANS: u32 = 16;
/// Sectors of one span: 128 MiB, so that even where zeroes must be written no request takes
/// minutes.
const MAX_SPAN: u32 = (128 << 20) / SECTOR as u32;
/// log2 of the sectors in what a file system and most disks call a block: 4096 bytes.
const BLOCK_EXPONENT: u8 = 3;
/// Offset of the cache mode in the configuration.
const WRITEBACK: usize = 32;

const RO: u64 = 1 << VIRTIO_BLK_F_RO;
const FLUSH: u64 = 1 << VIRTIO_BLK_F_FLUSH;
const CONFIG_WCE: u64 = 1 << VIRTIO_BLK_F_CONFIG_WCE;
const MQ: u64 = 1 << VIRTIO_BLK_F_MQ;
const DISCARD: u64 = 1 << VIRTIO_BLK_F_DISCARD;
const WRITE_ZEROES: u64 = 1 << VIRTIO_BLK_F_WRITE_ZEROES;
/// What every disk offers.
const ALWAYS: u64 = 1 << VIRTIO_BLK_F_SIZE_MAX
    | 1 << VIRTIO_BLK_F_SEG_MAX
    | 1 << VIRTIO_BLK_F_BLK_SIZE
    | 1 << VIRTIO_BLK_F_TOPOLOGY
    | FLUSH
    | CONFIG_WCE;

/// What a disk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its size in sectors.
    pub sectors: u64,
    /// Whether writing is refused.
    pub read_only: bool,
    /// Whether sectors can be given up and set to zero.
    pub discard: bool,
    /// What it answers when asked for its serial number; at most [`MAX_SERIAL`] bytes count.
    pub serial: String,
    /// Its queues, 1 to [`MAX_QUEUES`]: one for each vCPU is best.
    pub queues: u16,
}

impl Config {
    fn features(&self) -> u64 {
        let when = |wanted: bool, features: u64| if wanted { features } else { 0 };
        ALWAYS
            | when(self.read_only, RO)
            | when(self.discard && !self.read_only, DISCARD | WRITE_ZEROES)
            | when(self.queues > 1, MQ)
    }
}

/// MSI-X vectors of a function with `queues` queues: its configuration and its queues.
pub fn vectors(queues: u16) -> u16 {
    queues + 1
}

/// The device behind the transport.
pub struct Block {
    config: Config,
    queue_sizes: Vec<u16>,
    features: u64,
    /// The driver wants to flush by itself, and not every write to be flushed.
    writeback: bool,
    jobs: Deferred<Request>,
}

impl Block {
    /// A disk on the PCI bus whose requests `executor` carries out; needs [`vectors`] of its queues.
    pub fn function(
        config: Config,
        executor: Box<dyn Executor<Request>>,
        memory: DmaMemory,
        messages: Arc<dyn Messages>,
    ) -> Result<VirtioPci<Self>, TransportError> {
        VirtioPci::new(Self::new(config, executor), memory, messages)
    }

    pub(super) fn new(config: Config, executor: Box<dyn Executor<Request>>) -> Self {
        let queues = usize::from(config.queues.clamp(1, MAX_QUEUES));
        Self {
            config,
            queue_sizes: vec![QUEUE_SIZE; queues],
            features: 0,
            writeback: true,
            jobs: Deferred::new(executor, |request, memory| request.finish(memory), queues),
        }
    }

    /// `struct virtio_blk_config` up to and with `write_zeroes_may_unmap` (section 5.2.4).
    fn configuration(&self) -> [u8; 60] {
        let mut bytes = [0; 60];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, &self.config.sectors.to_le_bytes());
        put(8, &MAX_SEGMENT.to_le_bytes());
        put(12, &MAX_SEGMENTS.to_le_bytes());
        put(20, &(SECTOR as u32).to_le_bytes());
        put(24, &[BLOCK_EXPONENT]);
        put(26, &(1u16 << BLOCK_EXPONENT).to_le_bytes());
        put(WRITEBACK, &[self.writeback.into()]);
        put(34, &(self.queue_sizes.len() as u16).to_le_bytes());
        put(36, &MAX_SPAN.to_le_bytes());
        put(40, &MAX_SPANS.to_le_bytes());
        put(44, &(1u32 << BLOCK_EXPONENT).to_le_bytes());
        put(48, &MAX_SPAN.to_le_bytes());
        put(52, &MAX_SPANS.to_le_bytes());
        put(56, &[1]);
        bytes
    }

    /// Whether each write has to be on stable storage before it is done.
    fn writes_through(&self) -> bool {
        self.features & FLUSH == 0 || self.features & CONFIG_WCE != 0 && !self.writeback
    }
}

impl VirtioDevice for Block {
    fn kind(&self) -> Kind {
        // Mass storage, SCSI: what a driver without knowledge of virtio takes it for.
        Kind::modern(VIRTIO_ID_BLOCK as u16, [0x01, 0, 0])
    }

    fn features(&self) -> u64 {
        self.config.features()
    }

    fn queue_sizes(&self) -> &[u16] {
        &self.queue_sizes
    }

    fn read_configuration(&self, offset: usize, data: &mut [u8]) {
        read_bytes(&self.configuration(), offset, data);
    }

    /// The driver may write its cache mode alone.
    fn write_configuration(&mut self, offset: usize, data: &[u8]) {
        let written = WRITEBACK.checked_sub(offset).and_then(|at| data.get(at));
        if let Some(value) = written
            && self.features & CONFIG_WCE != 0
        {
            self.writeback = *value != 0;
        }
    }

    fn start(&mut self, features: u64) {
        self.features = features;
    }

    fn stop(&mut self) {
        self.jobs.reset();
        self.features = 0;
        self.writeback = true;
    }

    fn queue_reset(&mut self, queue: u16) {
        self.jobs.reset_queue(queue);
    }

    fn notified(&mut self, queue: u16, transport: &mut Transport) -> bool {
        let through = self.writes_through();
        let Self { config, jobs, features, .. } = self;
        jobs.serve(transport, queue, |chain, memory| {
            take(chain, memory, config, *features, through)
        })
    }

    fn woken(&mut self, transport: &mut Transport) -> Vec<u16> {
        self.jobs.give_back(transport)
    }
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
