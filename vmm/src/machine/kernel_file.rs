//! Kernel files as distributions and builds leave them, told apart by content.
//!
//! | file | what is loaded |
//! |---|---|
//! | ELF (`vmlinux`) | it |
//! | bzImage (`vmlinuz`) | the ELF file in it, unpacked here: a guest would take longer |
//! | bzImage whose packing is not known | it, and it unpacks itself |
//! | one of these, compressed once more | the same |
//!
//! The setup header of a bzImage tells where its packed kernel lies (Linux/x86 boot protocol).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::mem::offset_of;
use std::path::Path;

use linux_loader::loader::bootparam::boot_params;

use super::compression::{Compression, LIMIT};
use super::error::{Error, Result};

const ELF_MAGIC: &[u8] = b"\x7fELF";
/// Bytes of an ELF header.
const ELF_HEADER: usize = 64;
const ELF_CLASS: usize = 4;
const ELF_CLASS_64: u8 = 2;
const ELF_MACHINE: usize = 18;
const ELF_MACHINE_X86_64: u16 = 62;

// What the setup header of a bzImage tells, and where: it lies in the file as in the zero page.
/// How many 512-byte sectors of setup code follow the boot sector.
const SETUP_SECTORS: usize = offset_of!(boot_params, hdr.setup_sects);
const SECTOR: usize = 512;
const HEADER_MAGIC: usize = offset_of!(boot_params, hdr.header);
/// Offset of the version's text from the second sector.
const VERSION: usize = offset_of!(boot_params, hdr.kernel_version);
const LONGEST_VERSION: usize = 64;
/// Offset of the packed kernel from the end of the setup code (boot protocol 2.08).
const PAYLOAD_OFFSET: usize = offset_of!(boot_params, hdr.payload_offset);
const PAYLOAD_LENGTH: usize = offset_of!(boot_params, hdr.payload_length);

/// A kernel that was found in a file.
#[derive(Debug)]
pub struct Kernel {
    /// What there is to load.
    pub content: Content,
    /// What the file is, for people: `a bzImage of Linux 6.1.0-13-amd64, packed with xz`.
    pub description: String,
}

/// What there is to load.
#[derive(Debug)]
pub enum Content {
    /// A file that is an ELF file.
    ElfFile(File),
    /// An ELF file that was unpacked.
    Elf(Vec<u8>),
    /// A bzImage that unpacks itself.
    BzImage(Vec<u8>),
}

impl Kernel {
    /// Opens a file and unpacks what is in it.
    pub fn open(path: &Path) -> Result<Self> {
        let unreadable = |source| Error::Read { what: "kernel", path: path.into(), source };
        let bad = |why: String| Error::Kernel { path: path.into(), why };
        let mut file = File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.by_ref().take(ELF_HEADER as u64).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.starts_with(ELF_MAGIC) {
            check_elf(&bytes).map_err(bad)?;
            file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
            return Ok(Self { content: Content::ElfFile(file), description: "an ELF file".into() });
        }
        file.take(LIMIT as u64).read_to_end(&mut bytes).map_err(unreadable)?;
        Self::recognize(bytes).map_err(bad)
    }

    /// The same for the bytes of a file; an error says why they are no kernel.
    pub fn recognize(bytes: Vec<u8>) -> std::result::Result<Self, String> {
        let Some(packing) = Compression::detect(&bytes) else { return plain(bytes) };
        let inner = plain(unpack(packing, &bytes)?)?;
        let description = format!("{packing} around {}", inner.description);
        Ok(Self { description, ..inner })
    }
}

fn unpack(packing: Compression, bytes: &[u8]) -> std::result::Result<Vec<u8>, String> {
    packing
        .unpack(bytes)
        .map_err(|error| format!("it is packed with {packing}, but damaged: {error}"))
}

fn plain(bytes: Vec<u8>) -> std::result::Result<Kernel, String> {
    if bytes.starts_with(ELF_MAGIC) {
        check_elf(&bytes)?;
        return Ok(Kernel { content: Content::Elf(bytes), description: "an ELF file".into() });
    }
    if bytes.get(HEADER_MAGIC..HEADER_MAGIC + 4) != Some(b"HdrS") {
        return Err("it is neither an ELF file nor a bzImage".into());
    }
    let name = match version(&bytes) {
        Some(version) => format!("a bzImage of Linux {version}"),
        None => "a bzImage".into(),
    };
    let payload = payload(&bytes).ok_or("its setup header points outside of the file")?;
    if payload.starts_with(ELF_MAGIC) {
        let content = Content::Elf(payload.to_vec());
        return Ok(Kernel { content, description: format!("{name}, not packed") });
    }
    let Some(packing) = Compression::detect(payload) else {
        let description = format!("{name}, packed in an unknown way: it unpacks itself");
        return Ok(Kernel { content: Content::BzImage(bytes), description });
    };
    let elf = unpack(packing, payload)?;
    if !elf.starts_with(ELF_MAGIC) {
        return Err("what it holds is no ELF file".into());
    }
    check_elf(&elf)?;
    let description = format!("{name}, packed with {packing}");
    Ok(Kernel { content: Content::Elf(elf), description })
}

fn check_elf(bytes: &[u8]) -> std::result::Result<(), String> {
    let header = bytes.get(..ELF_HEADER).ok_or("the ELF file ends in its header")?;
    let machine = u16::from_le_bytes([header[ELF_MACHINE], header[ELF_MACHINE + 1]]);
    match (header[ELF_CLASS], machine) {
        (ELF_CLASS_64, ELF_MACHINE_X86_64) => Ok(()),
        (ELF_CLASS_64, machine) => Err(format!("the ELF file is for machine {machine}")),
        _ => Err("the ELF file is not a 64-bit one".into()),
    }
}

fn setup_end(image: &[u8]) -> usize {
    let sectors = match image.get(SETUP_SECTORS) {
        Some(0) | None => 4, // the boot protocol's word for "as of old"
        Some(sectors) => usize::from(*sectors),
    };
    (sectors + 1) * SECTOR
}

fn payload(image: &[u8]) -> Option<&[u8]> {
    let word = |offset: usize| {
        let bytes = image.get(offset..offset + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes) as usize)
    };
    let start = setup_end(image).checked_add(word(PAYLOAD_OFFSET)?)?;
    let end = start.checked_add(word(PAYLOAD_LENGTH)?)?;
    image.get(start..end).filter(|payload| payload.len() > 8)
}

/// The kernel's release, as `uname -r` would tell it.
fn version(image: &[u8]) -> Option<String> {
    let offset = image.get(VERSION..VERSION + 2)?.try_into().ok()?;
    let start = usize::from(u16::from_le_bytes(offset));
    if start == 0 {
        return None;
    }
    let text = image.get(SECTOR + start..)?;
    let end = text.iter().take(LONGEST_VERSION).position(|byte| *byte == b' ' || *byte == 0)?;
    let text = std::str::from_utf8(text.get(..end)?).ok()?;
    (!text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())).then(|| text.into())
}

#[cfg(test)]
#[path = "kernel_file_tests.rs"]
mod tests;
