//! 9P's way to write numbers, strings and messages: little endian, strings behind their length.

use rustix::io::Errno;

/// Bytes before a message's own: length, kind, tag.
pub const HEADER: usize = 7;

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
