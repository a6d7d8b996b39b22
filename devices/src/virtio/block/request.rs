//! A request as the driver wrote it, and as somebody carries it out.

use std::ops::Range;

use virtio_bindings::virtio_blk::{
    VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_T_DISCARD,
    VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT,
    VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP,
};

use super::{Config, MAX_SERIAL, MAX_SPAN, MAX_SPANS, SECTOR};
use crate::memory::{DmaMemory, Gather, Piece};
use crate::virtio::{Chain, Fault, split};

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
    pub(super) fn finish(&self, memory: &DmaMemory, outcome: Outcome) -> Result<u32, Fault> {
        let status = match outcome {
            Outcome::Done => VIRTIO_BLK_S_OK,
            Outcome::Failed => VIRTIO_BLK_S_IOERR,
            Outcome::Unsupported => VIRTIO_BLK_S_UNSUPP,
        };
        memory.write(self.status, &[status as u8])?;
        let read = matches!(self.operation, Operation::Read(_)) && outcome == Outcome::Done;
        Ok(1 + if read { self.data.len() as u32 } else { 0 })
    }
}

/// What a chain turned out to be.
pub(super) enum Parsed {
    /// Something to be carried out.
    Request(Request),
    /// Something that has its answer already.
    Answer(Request, Outcome),
}

/// Reads a request, once, and checks it against the disk. A chain without room for the status, or
/// without a whole header, is a fault: it has no answer.
pub(super) fn parse(
    chain: Chain<'_>,
    memory: &DmaMemory,
    config: &Config,
    through: bool,
) -> Result<Parsed, Fault> {
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
    let payload = HEADER..readable.len();
    let mut request = Request {
        operation: Operation::Flush,
        through,
        memory: memory.clone(),
        buffers: Gather::default(),
        data: 0..0,
        outcome: Outcome::Failed,
        status,
    };
    let offset = |length: usize| within(config, sector, length as u64);
    match kind {
        VIRTIO_BLK_T_IN => match offset(room) {
            Some(offset) => {
                request.operation = Operation::Read(offset);
                (request.buffers, request.data) = (writable, 0..room);
            }
            None => return Ok(Parsed::Answer(request, Outcome::Failed)),
        },
        VIRTIO_BLK_T_OUT => match offset(payload.len()).filter(|_| !config.read_only) {
            Some(offset) => {
                request.operation = Operation::Write(offset);
                (request.buffers, request.data) = (readable, payload);
            }
            None => return Ok(Parsed::Answer(request, Outcome::Failed)),
        },
        VIRTIO_BLK_T_FLUSH => {}
        VIRTIO_BLK_T_GET_ID => {
            let mut serial = [0; MAX_SERIAL];
            for (to, from) in serial.iter_mut().zip(config.serial.bytes()) {
                *to = from;
            }
            writable.write(memory, 0, &serial[..room.min(MAX_SERIAL)])?;
            // What is reported as written is what a read of it would have written.
            request.operation = Operation::Read(0);
            request.data = 0..room.min(MAX_SERIAL);
            return Ok(Parsed::Answer(request, Outcome::Done));
        }
        VIRTIO_BLK_T_DISCARD | VIRTIO_BLK_T_WRITE_ZEROES => {
            let unmaps = kind == VIRTIO_BLK_T_WRITE_ZEROES;
            match spans(memory, &readable, payload, config, unmaps)? {
                Ok(spans) if unmaps => request.operation = Operation::WriteZeroes(spans),
                Ok(spans) => request.operation = Operation::Discard(spans),
                Err(outcome) => return Ok(Parsed::Answer(request, outcome)),
            }
        }
        _ => return Ok(Parsed::Answer(request, Outcome::Unsupported)),
    }
    Ok(Parsed::Request(request))
}

/// The byte where `length` bytes from `sector` on start, if they are whole sectors of the disk.
fn within(config: &Config, sector: u64, length: u64) -> Option<u64> {
    let end = sector.checked_add(length / SECTOR)?;
    (length.is_multiple_of(SECTOR) && end <= config.sectors).then(|| sector * SECTOR)
}

/// The spans of a request; `unmaps` if each may say that it can become a hole.
fn spans(
    memory: &DmaMemory,
    buffers: &Gather,
    payload: Range<usize>,
    config: &Config,
    unmaps: bool,
) -> Result<Result<Vec<Span>, Outcome>, Fault> {
    let count = payload.len() / SPAN;
    if !payload.len().is_multiple_of(SPAN) || count == 0 || count > MAX_SPANS as usize {
        return Ok(Err(Outcome::Failed));
    }
    if config.read_only {
        return Ok(Err(Outcome::Failed));
    }
    let mut spans = Vec::with_capacity(count);
    for at in payload.step_by(SPAN) {
        let mut bytes = [0; SPAN];
        buffers.copy(memory, at..at + SPAN, &mut bytes)?;
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        let sector = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let sectors = u32::from_le_bytes([i, j, k, l]);
        let flags = u32::from_le_bytes([m, n, o, p]);
        let unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP != 0;
        if flags & !VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP != 0 || unmap && !unmaps {
            return Ok(Err(Outcome::Unsupported));
        }
        let length = u64::from(sectors) * SECTOR;
        match within(config, sector, length).filter(|_| sectors <= MAX_SPAN) {
            Some(offset) => spans.push(Span { offset, length, unmap }),
            None => return Ok(Err(Outcome::Failed)),
        }
    }
    Ok(Ok(spans))
}
