//! A tee that writes pcapng: wrap any backend, and every frame that passes is recorded.
//!
//! [`CaptureFile`] is the file, for whoever else wants to record (the path does); [`Capture`] is
//! the backend. Stamps are nanoseconds; the direction is in each packet's flags, inbound being
//! what arrives at the one who records. Traffic matters more than its record: when the disk is
//! full, recording ends and frames go on.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, PcapError};

use super::{Backend, Batch, Metadata, Offloads, Sent};
use crate::memory::DmaMemory;
use crate::sync::lock;

/// Stamps count 10^-9 s (pcapng option if_tsresol).
const NANOSECONDS: u8 = 9;
/// Longest time that records stay in memory while frames pass.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// Which way a frame went, seen from who records it (pcapng epb_flags, bits 0 and 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It arrived.
    Inbound = 1,
    /// It was sent.
    Outbound = 2,
}

/// The file cannot be written
#[derive(Debug, thiserror::Error)]
#[error("cannot write the capture {}: {cause}", path.display())]
pub struct CaptureError {
    /// The file.
    path: PathBuf,
    /// What the system said.
    cause: io::Error,
}

/// A pcapng file with one interface.
pub struct CaptureFile {
    path: PathBuf,
    /// `None` once writing failed.
    writer: Option<PcapNgWriter<BufWriter<File>>>,
    flushed: Instant,
    limit: CaptureLimit,
}

/// How much of what passes is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureLimit {
    /// Bytes of a frame, from its start.
    pub bytes: usize,
    /// Frames; recording ends with the last of them.
    pub frames: u64,
}

impl Default for CaptureLimit {
    /// Everything.
    fn default() -> Self {
        Self { bytes: usize::MAX, frames: u64::MAX }
    }
}

impl std::fmt::Debug for CaptureFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CaptureFile({})", self.path.display())
    }
}

impl CaptureFile {
    /// Creates or empties the file at `path`; `interface` is the name that readers show.
    pub fn create(path: &Path, interface: &str) -> Result<Self, CaptureError> {
        let start = || -> io::Result<_> {
            let file = BufWriter::new(File::create(path)?);
            let mut writer = PcapNgWriter::new(file).map_err(to_io)?;
            let described = writer.write_pcapng_block(InterfaceDescriptionBlock {
                linktype: DataLink::ETHERNET,
                snaplen: 0,
                options: vec![
                    InterfaceDescriptionOption::IfName(interface.into()),
                    InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
                ],
            });
            described.map_err(to_io)?;
            writer.get_mut().flush()?;
            Ok(writer)
        };
        let writer = start().map_err(|cause| CaptureError { path: path.to_owned(), cause })?;
        let (flushed, limit) = (Instant::now(), CaptureLimit::default());
        Ok(Self { path: path.to_owned(), writer: Some(writer), flushed, limit })
    }

    /// The same, but records no more than `limit`.
    #[must_use]
    pub fn limited(self, limit: CaptureLimit) -> Self {
        Self { limit, ..self }
    }

    /// Records a frame as of now.
    pub fn record(&mut self, direction: Direction, frame: &[u8]) {
        self.record_commented(direction, frame, None);
    }

    /// Records a frame as of now, with a word about it (pcapng opt_comment).
    pub fn record_commented(&mut self, direction: Direction, frame: &[u8], comment: Option<&str>) {
        let Some(writer) = &mut self.writer else { return };
        if self.limit.frames == 0 {
            return;
        }
        self.limit.frames -= 1;
        let block = EnhancedPacketBlock {
            interface_id: 0,
            timestamp: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            original_len: frame.len() as u32,
            data: frame.get(..self.limit.bytes).unwrap_or(frame).into(),
            options: comment
                .map(|comment| EnhancedPacketOption::Comment(comment.into()))
                .into_iter()
                .chain([EnhancedPacketOption::Flags(direction as u32)])
                .collect(),
        };
        let mut result = writer.write_pcapng_block(block).map(drop).map_err(to_io);
        let last = self.limit.frames == 0;
        if result.is_ok() && (last || self.flushed.elapsed() > FLUSH_EVERY) {
            self.flushed = Instant::now();
            result = writer.get_mut().flush();
        }
        if let Err(cause) = result {
            tracing::error!("recording ends: cannot write {}: {cause}", self.path.display());
            self.writer = None;
        }
    }
}

fn to_io(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

/// A backend whose frames are recorded.
pub struct Capture {
    inner: Box<dyn Backend>,
    file: Arc<Mutex<CaptureFile>>,
    scratch: Vec<u8>,
}

impl Capture {
    /// Records what passes through `inner` into `file`.
    pub fn new(inner: Box<dyn Backend>, file: CaptureFile) -> Self {
        Self { inner, file: Arc::new(Mutex::new(file)), scratch: Vec::new() }
    }

    /// Records what passes through any of `backends`, all in one file.
    pub fn all(backends: Vec<Box<dyn Backend>>, file: CaptureFile) -> Vec<Self> {
        let file = Arc::new(Mutex::new(file));
        let capture = |inner| Self { inner, file: file.clone(), scratch: Vec::new() };
        backends.into_iter().map(capture).collect()
    }
}

impl Backend for Capture {
    fn offloads(&self) -> Offloads {
        self.inner.offloads()
    }

    fn deliver(&mut self, offloads: Offloads) {
        self.inner.deliver(offloads);
    }

    fn send(&mut self, memory: &DmaMemory, batch: &Batch) -> Sent {
        let mut file = lock(&self.file);
        for frame in batch.frames() {
            self.scratch.clear();
            if frame.copy_to(memory, &mut self.scratch).is_ok() {
                file.record(Direction::Outbound, &self.scratch);
            }
        }
        drop(file);
        self.inner.send(memory, batch)
    }

    fn resume(&mut self) -> Sent {
        self.inner.resume()
    }

    fn peek(&mut self) -> Option<(&[u8], Metadata)> {
        self.inner.peek()
    }

    fn consume(&mut self) {
        if let Some((frame, _)) = self.inner.peek() {
            lock(&self.file).record(Direction::Inbound, frame);
        }
        self.inner.consume();
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.inner.descriptor()
    }

    fn connection(&self) -> u64 {
        self.inner.connection()
    }

    fn reads(&self) -> bool {
        self.inner.reads()
    }

    fn inbox(&self) -> Option<BorrowedFd<'_>> {
        self.inner.inbox()
    }

    fn activate(&mut self, on: bool) {
        self.inner.activate(on);
    }

    fn link(&self) -> bool {
        self.inner.link()
    }

    fn reconnect(&mut self) -> bool {
        self.inner.reconnect()
    }
}

#[cfg(test)]
#[path = "capture_tests.rs"]
mod tests;
