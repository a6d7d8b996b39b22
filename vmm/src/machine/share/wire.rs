//! 9P's way to write numbers, strings and messages: little endian, strings behind their length.

use rustix::io::Errno;

/// Bytes before a message's own: length, kind, tag.
pub const HEADER: usize = 7;

/// Kinds of messages: what the guest asks for (9P2000.L, as Linux names them). The answer to each is
/// the next number.
pub mod kind {
    /// The answer to whatever failed.
    pub const ERROR: u8 = 7;
    pub const STATFS: u8 = 8;
    pub const OPEN: u8 = 12;
    pub const CREATE: u8 = 14;
    pub const SYMLINK: u8 = 16;
    pub const MKNOD: u8 = 18;
    pub const READLINK: u8 = 22;
    pub const GETATTR: u8 = 24;
    pub const SETATTR: u8 = 26;
    pub const READDIR: u8 = 40;
    pub const SYNC: u8 = 50;
    pub const LOCK: u8 = 52;
    pub const GETLOCK: u8 = 54;
    pub const LINK: u8 = 70;
    pub const MKDIR: u8 = 72;
    pub const RENAME: u8 = 74;
    pub const UNLINK: u8 = 76;
    pub const VERSION: u8 = 100;
    pub const ATTACH: u8 = 104;
    pub const FLUSH: u8 = 108;
    pub const WALK: u8 = 110;
    pub const READ: u8 = 116;
    pub const WRITE: u8 = 118;
    pub const CLUNK: u8 = 120;
    pub const REMOVE: u8 = 122;
}

/// The result of something that the guest asked for.
pub type Result<T> = std::result::Result<T, Errno>;

/// What is left to read of a message.
#[derive(Clone, Debug)]
pub struct Reader<'m>(&'m [u8]);

impl<'m> Reader<'m> {
    /// Reads these bytes.
    pub fn new(bytes: &'m [u8]) -> Self {
        Self(bytes)
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Result<&'m [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Errno::BADMSG)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Errno::BADMSG)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(u8::from_le_bytes)
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A string, of any bytes.
    pub fn string(&mut self) -> Result<&'m [u8]> {
        let length = self.u16()?;
        self.bytes(length.into())
    }
}

/// An answer as it grows.
#[derive(Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An answer with room for its header.
    pub fn new() -> Self {
        Self(vec![0; HEADER])
    }

    /// No message, only what is appended.
    pub fn empty() -> Self {
        Self(Vec::new())
    }

    /// What was appended.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The message, with its header filled in.
    pub fn finish(mut self, kind: u8, tag: u16) -> Vec<u8> {
        let length = (self.0.len() as u32).to_le_bytes();
        let [a, b, c, d] = length;
        let [e, f] = tag.to_le_bytes();
        if let Some(header) = self.0.first_chunk_mut() {
            *header = [a, b, c, d, kind, e, f];
        }
        self.0
    }

    /// Bytes so far, header included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Appends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Appends one byte.
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    /// Appends two bytes.
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    /// Appends four bytes.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    /// Appends eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    /// Appends a string.
    pub fn string(&mut self, text: &[u8]) -> Result<()> {
        self.u16(u16::try_from(text.len()).map_err(|_| Errno::NAMETOOLONG)?);
        self.bytes(text);
        Ok(())
    }

    /// Appends data behind its length, a count of four bytes.
    pub fn data(&mut self, data: &[u8]) {
        self.u32(data.len() as u32);
        self.bytes(data);
    }

    /// Appends up to `most` bytes, which `fill` puts where they belong, behind their count.
    pub fn data_by(
        &mut self,
        most: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize>,
    ) -> Result<()> {
        let start = self.0.len();
        self.u32(0);
        let data = self.0.len();
        self.0.resize(data + most, 0);
        let count = fill(&mut self.0[data..])?.min(most);
        self.0.truncate(data + count);
        self.0[start..data].copy_from_slice(&(count as u32).to_le_bytes());
        Ok(())
    }

    /// Appends what identifies a file.
    pub fn id(&mut self, id: Id) {
        self.u8(id.kind);
        self.u32(id.version);
        self.u64(id.path);
    }
}

/// A file's identity (`qid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id {
    /// Directory, symbolic link or anything else.
    pub kind: u8,
    /// Changes when the file does.
    pub version: u32,
    /// Its number in the tree.
    pub path: u64,
}

impl Id {
    /// Bytes of one in a message.
    pub const LENGTH: usize = 13;
    /// A directory.
    pub const DIRECTORY: u8 = 0x80;
    /// A symbolic link.
    pub const LINK: u8 = 0x02;
}
