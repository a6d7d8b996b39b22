//! The file format of `lzop`: a header, then blocks, each with its sizes and checksums before.
//!
//! | field | bytes |
//! |---|---|
//! | magic | 9 |
//! | version, version of the library, version needed to read it | 2 each; the last from 0.940 on |
//! | method, level | 1 each; the level from 0.940 on |
//! | flags | 4 |
//! | filter | 4, if the flags say so |
//! | mode, time, high half of the time | 4 each; the last from 0.940 on |
//! | length of the name, the name | 1 and as many |
//! | checksum of the header | 4 |
//!
//! A block is: size, or 0 at the end; compressed size; checksums of the data and, where it is
//! compressed, of the compressed data, as the flags say. All numbers are big endian. Checksums are
//! not looked at: the kernel that comes out has to start anyway.

use std::io;

use super::{LIMIT, too_large, truncated};

/// How a file starts.
pub const MAGIC: [u8; 9] = [0x89, b'L', b'Z', b'O', 0, b'\r', b'\n', 0x1a, b'\n'];

const VERSION_0940: u16 = 0x0940;
const FLAG_FILTER: u32 = 0x800;
const FLAGS_DATA_CHECKSUM: [u32; 2] = [0x1, 0x100];
const FLAGS_COMPRESSED_CHECKSUM: [u32; 2] = [0x2, 0x200];
/// The largest block that `lzop` makes.
const BLOCK: usize = 64 << 20;

/// Unpacks a file.
pub fn unpack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut reader = Reader(bytes);
    let flags = header(&mut reader)?;
    let checksums = |kinds: [u32; 2]| 4 * kinds.iter().filter(|kind| flags & **kind != 0).count();
    let mut out = Vec::new();
    loop {
        let size = reader.word()? as usize;
        if size == 0 {
            return Ok(out);
        }
        let compressed = reader.word()? as usize;
        if size > BLOCK || out.len() + size > LIMIT {
            return Err(too_large());
        }
        reader.take(checksums(FLAGS_DATA_CHECKSUM))?;
        if compressed >= size {
            out.extend_from_slice(reader.take(size)?);
            continue;
        }
        reader.take(checksums(FLAGS_COMPRESSED_CHECKSUM))?;
        let block = reader.take(compressed)?;
        let start = out.len();
        out.resize(start + size, 0);
        let got = lzokay::decompress::decompress(block, &mut out[start..]);
        if got.map_err(|error| io::Error::other(format!("{error:?}")))? != size {
            return Err(truncated());
        }
    }
}

/// Reads the header; answers the flags.
fn header(reader: &mut Reader) -> io::Result<u32> {
    reader.take(MAGIC.len())?;
    let version = reader.half()?;
    let late = version >= VERSION_0940;
    let skip = |bytes: usize| if late { bytes } else { 0 };
    reader.take(2 + skip(2))?;
    reader.take(1 + skip(1))?;
    let flags = reader.word()?;
    reader.take(if flags & FLAG_FILTER != 0 { 4 } else { 0 })?;
    reader.take(4 + 4 + skip(4))?;
    let name = usize::from(reader.take(1)?[0]);
    reader.take(name + 4)?;
    Ok(flags)
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> io::Result<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn half(&mut self) -> io::Result<u16> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn word(&mut self) -> io::Result<u32> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }
}
