//! The format of `lz4 -l`: blocks of at most 8 MiB of data, each with its compressed size before.

use std::io;

use super::{LIMIT, too_large, truncated};

/// How it starts; files may follow each other, so it may come again between blocks.
pub const MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];
const BLOCK: usize = 8 << 20;

/// Unpacks blocks to the end. Four bytes alone at the end are a kernel's size and no block.
pub fn unpack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut rest = bytes;
    let mut out = Vec::new();
    while let Some((word, tail)) = rest.split_first_chunk::<4>() {
        rest = tail;
        if *word == MAGIC || tail.is_empty() {
            continue;
        }
        let size = u32::from_le_bytes(*word) as usize;
        let (block, after) = tail.split_at_checked(size).ok_or_else(truncated)?;
        out.extend(lz4_flex::block::decompress(block, BLOCK).map_err(io::Error::other)?);
        if out.len() > LIMIT {
            return Err(too_large());
        }
        rest = after;
    }
    Ok(out)
}
