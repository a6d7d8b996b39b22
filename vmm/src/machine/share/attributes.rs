//! Attributes of files: telling them and changing them.

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT,
    Uid, chmodat, chownat, ftruncate, utimensat,
};
use rustix::io::Errno;

use super::node::{Identities, Node};
use super::wire::{Reader, Result, Writer};

/// What is told of a file: everything but birth time, generation and data version.
const BASIC: u64 = 0x7ff;

const MODE: u32 = 1 << 0;
const UID: u32 = 1 << 1;
const GID: u32 = 1 << 2;
const SIZE: u32 = 1 << 3;
const ATIME: u32 = 1 << 4;
const MTIME: u32 = 1 << 5;
const ATIME_SET: u32 = 1 << 7;
const MTIME_SET: u32 = 1 << 8;

/// Permission bits.
const PERMISSIONS: u32 = 0o7777;

/// Appends the attributes of a file.
pub fn tell(stat: &Stat, identities: Identities, answer: &mut Writer) {
    answer.u64(BASIC);
    answer.id(identities.of(stat));
    answer.u32(stat.st_mode);
    answer.u32(stat.st_uid);
    answer.u32(stat.st_gid);
    answer.u64(stat.st_nlink);
    answer.u64(stat.st_rdev);
    answer.u64(stat.st_size as u64);
    answer.u64(stat.st_blksize as u64);
    answer.u64(stat.st_blocks as u64);
    for (seconds, nanoseconds) in [
        (stat.st_atime, stat.st_atime_nsec),
        (stat.st_mtime, stat.st_mtime_nsec),
        (stat.st_ctime, stat.st_ctime_nsec),
    ] {
        answer.u64(seconds as u64);
        answer.u64(nanoseconds);
    }
    // Birth time, generation, data version.
    answer.bytes(&[0; 32]);
}

/// Wanted attributes, as a message has them.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    which: u32,
    mode: u32,
    uid: u32,
    gid: u32,
    size: u64,
    times: [(u64, u64); 2],
}

impl Wanted {
    /// Reads them.
    pub fn read(message: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            which: message.u32()?,
            mode: message.u32()?,
            uid: message.u32()?,
            gid: message.u32()?,
            size: message.u64()?,
            times: [(message.u64()?, message.u64()?), (message.u64()?, message.u64()?)],
        })
    }

    fn wants(&self, bits: u32) -> bool {
        self.which & bits != 0
    }

    /// Changes the file. Who owns files is up to the user who runs nicvmm: where that user may not
    /// give them away, they stay, as on a file system that has no owners.
    pub fn apply(&self, node: &Node) -> Result<()> {
        if self.wants(MODE) {
            let mode = Mode::from_raw_mode(self.mode & PERMISSIONS);
            chmodat(CWD, node.own_path(), mode, AtFlags::empty())?;
        }
        if self.wants(UID | GID) {
            let id = |bit, value| (self.wants(bit) && value != u32::MAX).then_some(value);
            let (uid, gid) = (id(UID, self.uid), id(GID, self.gid));
            let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
            match chownat(node, "", uid, gid, AtFlags::EMPTY_PATH) {
                Ok(()) | Err(Errno::PERM) => {}
                Err(errno) => return Err(errno),
            }
        }
        if self.wants(SIZE) {
            if FileType::from_raw_mode(node.stat()?.st_mode) != FileType::RegularFile {
                return Err(Errno::INVAL);
            }
            ftruncate(node.open(OFlags::WRONLY)?, self.size)?;
        }
        if self.wants(ATIME | MTIME) {
            let [atime, mtime] = self.times;
            let times = Timestamps {
                last_access: self.time(ATIME, ATIME_SET, atime),
                last_modification: self.time(MTIME, MTIME_SET, mtime),
            };
            utimensat(node, "", &times, AtFlags::EMPTY_PATH)?;
        }
        Ok(())
    }

    fn time(&self, bit: u32, set: u32, (seconds, nanoseconds): (u64, u64)) -> Timespec {
        let special = |value| Timespec { tv_sec: 0, tv_nsec: value };
        if !self.wants(bit) {
            return special(UTIME_OMIT);
        }
        if !self.wants(set) {
            return special(UTIME_NOW);
        }
        Timespec { tv_sec: seconds as i64, tv_nsec: nanoseconds as i64 }
    }
}
