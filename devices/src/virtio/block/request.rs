//! A request as the driver wrote it, and as somebody carries it out.

use std::ops::Range;

use virtio_bindings::virtio_blk::{
    VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_T_DISCARD,
    VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT,
    VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP,
};

use super::{Config, DISCARD, MAX_SERIAL, MAX_SPAN, MAX_SPANS, SECTOR, WRITE_ZEROES};
use crate::memory::{DmaError, DmaMemory, Gather, Piece};
use crate::virtio::{Chain, Fault, Taken, split};

/// Bytes of the header: type, reserved, sector.
const HEADER: usize = 16;
/// Bytes of a span: sector, number of sectors, flags.
const SPAN: usize = 16;

/// A stretch of the disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first byte.
    pub offset: u64,
    /// Its length.
    pub length: u64,
    /// It may become a hole, if it has to read as zero.
    pub unmap: bool,
}

/// What is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Read from this byte of the disk on, into the request's data.
    Read(u64),
    /// Write the request's data from this byte of the disk on.
    Write(u64),
    /// Bring to stable storage what was written before.
    Flush,
    /// These spans are of no use any more.
    Discard(Vec<Span>),
    /// These spans read as zero from now on.
    WriteZeroes(Vec<Span>),
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// It is nothing that this disk does.
    Unsupported,
}

/// One request.
#[derive(Debug)]
pub struct Request {
    /// What is to do.
    pub operation: Operation,
    /// What it writes has to be on stable storage when it is done.
    pub through: bool,
    /// Guest memory.
    pub memory: DmaMemory,
    /// The buffers that hold the data.
    pub buffers: Gather,
    /// Which of their bytes are the data.
    pub data: Range<usize>,
    /// How it went: for the one who carries it out to say.
    pub outcome: Outcome,
    /// Guest address of the status byte.
    status: u64,
}

impl Request {
    /// Tells the driver how it went; answers the bytes written into the chain.
    pub(super) fn finish(&self, memory: &DmaMemory) -> Result<u32, Fault> {
        let read = matches!(self.operation, Operation::Read(_)) && self.outcome == Outcome::Done;
        tell(memory, self.status, self.outcome, if read { self.data.len() } else { 0 })
    }
}

/// Writes the status of a request that had `written` bytes written; answers these and the status.
fn tell(memory: &DmaMemory, status: u64, outcome: Outcome, written: usize) -> Result<u32, Fault> {
    let value = match outcome {
        Outcome::Done => VIRTIO_BLK_S_OK,
        Outcome::Failed => VIRTIO_BLK_S_IOERR,
        Outcome::Unsupported => VIRTIO_BLK_S_UNSUPP,
    };
    memory.write(status, &[value as u8])?;
    Ok(written as u32 + 1)
}

/// Why a request is not one to be carried out.
enum Stop {
    /// It has its answer already, with so many bytes written.
    Answer(Outcome, usize),
    /// It has none.
    Fault(Fault),
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Self {
        Self::Answer(outcome, 0)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<DmaError> for Stop {
    fn from(error: DmaError) -> Self {
        Self::Fault(error.into())
    }
}

/// A request as the driver wrote it.
struct Asked<'d> {
    memory: &'d DmaMemory,
    config: &'d Config,
    /// What the driver accepted.
    features: u64,
    kind: u32,
    sector: u64,
    /// Buffers that hold header and data, and those for the answer, the status not counted.
    readable: Gather,
    writable: Gather,
    room: usize,
}

/// Reads a request, once, and checks it against the disk; what is not to be carried out is answered.
/// A chain without room for the status, or without a whole header, is a fault: it has no answer.
pub(super) fn take(
    chain: Chain<'_>,
    memory: &DmaMemory,
    config: &Config,
    features: u64,
    through: bool,
) -> Result<Taken<Request>, Fault> {
    let (mut readable, mut writable) = (Gather::default(), Gather::default());
    split(chain, memory, &mut readable, &mut writable)?;
    let mut header = [0; HEADER];
    if readable.copy(memory, 0..HEADER, &mut header)? < HEADER {
        return Err(Fault::ChainTooShort);
    }
    let room = writable.len().checked_sub(1).ok_or(Fault::ChainTooShort)?;
    let Some(Piece { address: status, .. }) = writable.range(room..room + 1).next() else {
        return Err(Fault::ChainTooShort);
    };
    let [a, b, c, d, _, _, _, _, sector @ ..] = header;
    let (kind, sector) = (u32::from_le_bytes([a, b, c, d]), u64::from_le_bytes(sector));
    let asked = Asked { memory, config, features, kind, sector, readable, writable, room };
    match asked.operation() {
        Ok(operation) => {
            let (buffers, data) = match &operation {
                Operation::Read(_) => (asked.writable, 0..room),
                Operation::Write(_) => {
                    let data = HEADER..asked.readable.len();
                    (asked.readable, data)
                }
                _ => (Gather::default(), 0..0),
            };
            let (memory, outcome) = (memory.clone(), Outcome::Failed);
            let request = Request { operation, through, memory, buffers, data, outcome, status };
            Ok(Taken::Work(request))
        }
        Err(Stop::Answer(outcome, written)) => {
            tell(memory, status, outcome, written).map(Taken::Done)
        }
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

impl Asked<'_> {
    /// Which bytes of the readable buffers are the data.
    fn payload(&self) -> Range<usize> {
        HEADER..self.readable.len()
    }

    fn operation(&self) -> Result<Operation, Stop> {
        let within = |length: usize| within(self.config, self.sector, length as u64);
        Ok(match self.kind {
            VIRTIO_BLK_T_IN => Operation::Read(within(self.room)?),
            VIRTIO_BLK_T_OUT => {
                self.changes()?;
                Operation::Write(within(self.payload().len())?)
            }
            VIRTIO_BLK_T_FLUSH => Operation::Flush,
            VIRTIO_BLK_T_GET_ID => return Err(Stop::Answer(Outcome::Done, self.identify()?)),
            VIRTIO_BLK_T_DISCARD => {
                self.negotiated(DISCARD)?;
                Operation::Discard(self.spans(false)?)
            }
            VIRTIO_BLK_T_WRITE_ZEROES => {
                self.negotiated(WRITE_ZEROES)?;
                Operation::WriteZeroes(self.spans(true)?)
            }
            _ => return Err(Outcome::Unsupported.into()),
        })
    }

    fn changes(&self) -> Result<(), Outcome> {
        if self.config.read_only { Err(Outcome::Failed) } else { Ok(()) }
    }

    /// What is not offered on a disk that can only be read fails as all that would change it.
    fn negotiated(&self, feature: u64) -> Result<(), Outcome> {
        self.changes()?;
        if self.features & feature == 0 { Err(Outcome::Unsupported) } else { Ok(()) }
    }

    /// Writes the serial number, padded with zeroes; answers its length.
    fn identify(&self) -> Result<usize, Fault> {
        let mut serial = [0; MAX_SERIAL];
        for (to, from) in serial.iter_mut().zip(self.config.serial.bytes()) {
            *to = from;
        }
        let length = self.room.min(MAX_SERIAL);
        self.writable.write(self.memory, 0, &serial[..length])?;
        Ok(length)
    }

    /// The spans of the request; `unmaps` if each may say that it can become a hole.
    fn spans(&self, unmaps: bool) -> Result<Vec<Span>, Stop> {
        let payload = self.payload();
        let count = payload.len() / SPAN;
        if !payload.len().is_multiple_of(SPAN) || count == 0 || count > MAX_SPANS as usize {
            return Err(Outcome::Failed.into());
        }
        let mut spans = Vec::with_capacity(count);
        for at in payload.step_by(SPAN) {
            let mut bytes = [0; SPAN];
            self.readable.copy(self.memory, at..at + SPAN, &mut bytes)?;
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
            let sector = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
            let sectors = u32::from_le_bytes([i, j, k, l]);
            let flags = u32::from_le_bytes([m, n, o, p]);
            let unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP != 0;
            if flags & !VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP != 0 || unmap && !unmaps {
                return Err(Outcome::Unsupported.into());
            }
            if sectors > MAX_SPAN {
                return Err(Outcome::Failed.into());
            }
            let length = u64::from(sectors) * SECTOR;
            spans.push(Span { offset: within(self.config, sector, length)?, length, unmap });
        }
        Ok(spans)
    }
}

/// The byte where `length` bytes from `sector` on start, if they are whole sectors of the disk.
fn within(config: &Config, sector: u64, length: u64) -> Result<u64, Outcome> {
    let end = sector.checked_add(length / SECTOR);
    let good = length.is_multiple_of(SECTOR) && end.is_some_and(|end| end <= config.sectors);
    if good { Ok(sector * SECTOR) } else { Err(Outcome::Failed) }
}
