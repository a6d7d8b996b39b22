//! A file of the tree, whatever it is: reached without following a link, and opened on demand.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat, linkat, open, openat2, statat,
};
use rustix::io::Errno;

use super::wire::{Id, Result};

/// Nothing on the way may be a symbolic link or lead out of the directory.
const CONFINED: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);
/// What a guest may ask for when it opens a file.
const ALLOWED: OFlags = OFlags::ACCMODE
    .union(OFlags::EXCL)
    .union(OFlags::TRUNC)
    .union(OFlags::APPEND)
    .union(OFlags::DSYNC)
    .union(OFlags::SYNC)
    .union(OFlags::DIRECTORY);
/// What always holds: a pipe or a device that took a file's place must not hold us up.
const ALWAYS: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// A name in a directory, as a guest may say it: one step down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'n>(&'n [u8]);

impl<'n> Name<'n> {
    /// Checks a name.
    pub fn new(name: &'n [u8]) -> Result<Self> {
        if name.is_empty() || name == b"." || name == b".." {
            return Err(Errno::INVAL);
        }
        if name.contains(&b'/') || name.contains(&0) {
            return Err(Errno::INVAL);
        }
        Ok(Self(name))
    }

    /// Its bytes.
    pub fn bytes(self) -> &'n [u8] {
        self.0
    }
}

/// A file: a descriptor that names it and cannot read or write (`O_PATH`).
#[derive(Debug)]
pub struct Node(OwnedFd);

impl Node {
    /// The directory that is shared.
    pub fn root(path: &Path) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        open(path, flags, Mode::empty()).map(Self)
    }

    /// What `name` stands for in this directory.
    pub fn child(&self, name: Name<'_>) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat2(&self.0, name.bytes(), flags, Mode::empty(), CONFINED).map(Self)
    }

    /// The same file once more.
    pub fn again(&self) -> Result<Self> {
        self.0.try_clone().map(Self).map_err(|_| Errno::MFILE)
    }

    /// Its attributes.
    pub fn stat(&self) -> Result<Stat> {
        statat(&self.0, "", AtFlags::EMPTY_PATH)
    }

    /// Opens it, if it is a file or a directory.
    pub fn open(&self, flags: OFlags) -> Result<OwnedFd> {
        match FileType::from_raw_mode(self.stat()?.st_mode) {
            FileType::RegularFile | FileType::Directory => {}
            FileType::Symlink => return Err(Errno::LOOP),
            _ => return Err(Errno::NXIO),
        }
        // The way to a file that a descriptor names is a link that must be followed.
        let flags = flags & ALLOWED & !OFlags::EXCL | ALWAYS & !OFlags::NOFOLLOW;
        open(self.own_path(), flags, Mode::empty())
    }

    /// Makes and opens a file `name` in this directory. One that is there is opened like any other,
    /// or refused if `flags` want it new.
    pub fn create(&self, name: Name<'_>, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        let flags = flags & !OFlags::DIRECTORY;
        let new = flags & ALLOWED | ALWAYS | OFlags::CREATE | OFlags::EXCL;
        match openat2(&self.0, name.bytes(), new, mode, CONFINED) {
            Err(Errno::EXIST) if !flags.contains(OFlags::EXCL) => {
                let there = self.child(name)?;
                if FileType::from_raw_mode(there.stat()?.st_mode) == FileType::Directory {
                    return Err(Errno::ISDIR);
                }
                there.open(flags)
            }
            made => made,
        }
    }

    /// Gives the file another name, in `directory`.
    pub fn link(&self, directory: &Self, name: Name<'_>) -> Result<()> {
        linkat(CWD, self.own_path(), directory, name.bytes(), AtFlags::SYMLINK_FOLLOW)
    }

    /// A path to this very file, for calls that take no descriptor of this kind.
    pub fn own_path(&self) -> String {
        use std::os::fd::AsRawFd;
        format!("/proc/self/fd/{}", self.0.as_raw_fd())
    }
}

impl AsFd for Node {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Tells files apart, those of other file systems below the root too.
#[derive(Clone, Copy, Debug)]
pub struct Identities {
    /// The root's file system.
    device: u64,
}

impl Identities {
    /// Identities in the tree below a root with these attributes.
    pub fn below(root: &Stat) -> Self {
        Self { device: root.st_dev }
    }

    /// The number of file `inode` of file system `device`.
    pub fn path(self, device: u64, inode: u64) -> u64 {
        // An odd factor spreads what differs over all bits; the root's own file system keeps its
        // numbers.
        inode ^ (device ^ self.device).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// The identity of the file with these attributes.
    pub fn of(self, stat: &Stat) -> Id {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Id::DIRECTORY,
            FileType::Symlink => Id::LINK,
            _ => 0,
        };
        let changed = (stat.st_mtime as u64).wrapping_mul(1_000_003) ^ stat.st_mtime_nsec;
        let version = (changed ^ stat.st_size as u64) as u32;
        Id { kind, version, path: self.path(stat.st_dev, stat.st_ino) }
    }
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
