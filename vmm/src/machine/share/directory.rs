//! Reads directories.

use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use rustix::fs::{FileType, RawDir, SeekFrom, fstat, seek};

use super::node::Identities;
use super::wire::{Id, Result, Writer};

/// Bytes of entries asked of the kernel at a time.
const BUFFER: usize = 16 * 1024;
/// Bytes of an entry in a message beside its name: identity, position, kind, the name's length.
const ENTRY: usize = Id::LENGTH + 8 + 1 + 2;

/// Entries of `directory` behind position `offset`, as many as fit into `room` bytes. A position is
/// the kernel's own and holds while the directory changes.
pub fn read(
    directory: BorrowedFd<'_>,
    identities: Identities,
    offset: u64,
    room: usize,
) -> Result<Vec<u8>> {
    seek(directory, SeekFrom::Start(offset))?;
    let device = fstat(directory)?.st_dev;
    let mut buffer = [MaybeUninit::uninit(); BUFFER];
    let mut entries = RawDir::new(directory, &mut buffer);
    let mut out = Writer::empty();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if out.len() + ENTRY + name.len() > room {
            break;
        }
        let (kind, type_) = match entry.file_type() {
            FileType::Directory => (Id::DIRECTORY, 4),
            FileType::Symlink => (Id::LINK, 10),
            FileType::RegularFile => (0, 8),
            FileType::Fifo => (0, 1),
            FileType::CharacterDevice => (0, 2),
            FileType::BlockDevice => (0, 6),
            FileType::Socket => (0, 12),
            FileType::Unknown => (0, 0),
        };
        out.id(Id { kind, version: 0, path: identities.path(device, entry.ino()) });
        out.u64(entry.next_entry_cookie());
        out.u8(type_);
        out.string(name)?;
    }
    Ok(out.into_bytes())
}
