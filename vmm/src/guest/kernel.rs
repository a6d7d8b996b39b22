//! Takes the uncompressed kernel out of a bzImage, and modules out of their compression.

use std::path::Path;

use super::error::{Error, Result, file};
use crate::machine::compression::Compression;
use crate::machine::kernel_file::{Content, Kernel};

/// The ELF file in a kernel file of any kind.
pub fn uncompressed(path: &Path) -> Result<Vec<u8>> {
    let bad = |why: String| Error::Kernel { path: path.into(), why };
    let image = std::fs::read(path).map_err(file("read", path))?;
    match Kernel::recognize(image).map_err(bad)? {
        Kernel { content: Content::Elf(bytes), .. } => Ok(bytes),
        Kernel { description, .. } => Err(bad(format!("it is {description}"))),
    }
}

/// Decompresses a file by its content: a kernel module may be `.ko`, `.ko.xz`, `.ko.zst`, `.ko.gz`.
pub fn read_compressed(path: &Path) -> Result<Vec<u8>> {
    let raw = std::fs::read(path).map_err(file("read", path))?;
    match Compression::detect(&raw) {
        Some(packing) => packing.unpack(&raw).map_err(file("decompress", path)),
        None => Ok(raw),
    }
}

#[cfg(test)]
#[path = "kernel_tests.rs"]
mod tests;
