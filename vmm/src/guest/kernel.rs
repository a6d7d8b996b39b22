//! Takes the uncompressed kernel out of a bzImage, as the Linux/x86 boot protocol describes it:
//! the setup header tells where the compressed ELF file lies.

use std::io::{self, Read};
use std::path::Path;

use super::error::{Error, Result, file};

/// Where the setup header says how many 512-byte sectors of setup code follow the boot sector.
const SETUP_SECTORS: usize = 0x1f1;
const HEADER_MAGIC: usize = 0x202;
/// Offset of the compressed kernel from the end of the setup code (boot protocol 2.08).
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;
const ELF_MAGIC: &[u8] = b"\x7fELF";

/// The ELF file in a bzImage; an ELF file as it is.
pub fn uncompressed(path: &Path) -> Result<Vec<u8>> {
    let image = std::fs::read(path).map_err(file("read", path))?;
    unpack(image).map_err(|why| Error::Kernel { path: path.into(), why })
}

fn unpack(image: Vec<u8>) -> std::result::Result<Vec<u8>, String> {
    if image.starts_with(ELF_MAGIC) {
        return Ok(image);
    }
    if image.get(HEADER_MAGIC..HEADER_MAGIC + 4) != Some(b"HdrS") {
        return Err("it is neither an ELF file nor a bzImage".into());
    }
    let sectors = match image.get(SETUP_SECTORS) {
        Some(0) | None => 4, // the boot protocol's word for "as of old"
        Some(sectors) => usize::from(*sectors),
    };
    let word = |offset: usize| {
        let bytes = image.get(offset..offset + 4).and_then(|bytes| bytes.try_into().ok());
        u32::from_le_bytes(bytes.unwrap_or_default()) as usize
    };
    let start = (sectors + 1) * 512 + word(PAYLOAD_OFFSET);
    let payload = image
        .get(start..start.saturating_add(word(PAYLOAD_LENGTH)))
        .filter(|payload| payload.len() > 8)
        .ok_or("its setup header points outside of the file")?;
    let unpacked = decompress(payload).map_err(|error| error.to_string())?;
    if unpacked.starts_with(ELF_MAGIC) {
        Ok(unpacked)
    } else {
        Err("what it holds is no ELF file".into())
    }
}

/// Decompresses whatever the kernel's build compresses with. The last four bytes of a payload
/// are its uncompressed size, which is not part of the compressed stream.
fn decompress(payload: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    match payload {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            liblzma::read::XzDecoder::new(payload).read_to_end(&mut out)?;
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            ruzstd::decoding::StreamingDecoder::new(payload)
                .map_err(io::Error::other)?
                .read_to_end(&mut out)?;
        }
        [0x1f, 0x8b, ..] => {
            flate2::read::GzDecoder::new(payload).read_to_end(&mut out)?;
        }
        [0x02, 0x21, 0x4c, 0x18, rest @ ..] => out = lz4_legacy(rest)?,
        [a, b, c, d, ..] => {
            let magic = format!("unknown compression ({a:02x} {b:02x} {c:02x} {d:02x})");
            return Err(io::Error::new(io::ErrorKind::Unsupported, magic));
        }
        _ => {}
    }
    Ok(out)
}

/// The format of `lz4 -l`: blocks of at most 8 MiB of data, each with its compressed size before.
fn lz4_legacy(mut rest: &[u8]) -> io::Result<Vec<u8>> {
    const BLOCK: usize = 8 << 20;
    let mut out = Vec::new();
    while let Some((size, tail)) = rest.split_first_chunk::<4>() {
        let size = u32::from_le_bytes(*size) as usize;
        let Some((block, after)) = tail.split_at_checked(size) else { break };
        out.extend(lz4_flex::block::decompress(block, BLOCK).map_err(io::Error::other)?);
        rest = after;
    }
    Ok(out)
}

/// Decompresses a file by its extension: a kernel module may be `.ko`, `.ko.xz`, `.ko.zst`, `.ko.gz`.
pub fn read_compressed(path: &Path) -> Result<Vec<u8>> {
    let raw = std::fs::read(path).map_err(file("read", path))?;
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz" | "zst" | "gz") => decompress(&raw).map_err(file("decompress", path)),
        _ => Ok(raw),
    }
}

#[cfg(test)]
#[path = "kernel_tests.rs"]
mod tests;
