//! Answers 9P2000.L messages.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, fdatasync, fstat, fstatfs, fsync, mkdirat, mknodat,
    readlinkat, renameat, symlinkat, unlinkat,
};
use rustix::io::{Errno, pread, pwrite, retry_on_intr};

use super::attributes::{self, Wanted};
use super::directory;
use super::node::{Identities, Name, Node};
use super::wire::{HEADER, Reader, Result, Writer, kind};
use devices::virtio::share::MAX_MESSAGE;

/// The protocol spoken.
const VERSION: &[u8] = b"9P2000.L";
/// The shortest message a guest may limit us to.
const MIN_MESSAGE: u32 = 4096;
/// Names of one walk (9P's MAXWELEM).
const MAX_NAMES: u16 = 16;
/// Bytes of a read's answer before the data.
const READ_HEADER: usize = HEADER + 4;
/// `unlinkat`'s flag for directories, as the protocol has it.
const REMOVE_DIRECTORY: u32 = 0x200;
/// A lock that was granted; the kind of a lock that nobody holds.
const LOCK_GRANTED: u8 = 0;
const UNLOCKED: u8 = 2;

/// What a number of the guest's stands for.
struct Fid {
    node: Node,
    open: Option<OwnedFd>,
}

/// The state of one guest's connection.
pub struct Server {
    root: Node,
    identities: Identities,
    read_only: bool,
    message_size: usize,
    fids: HashMap<u32, Fid>,
    most_fids: usize,
}

impl Server {
    /// Serves the tree below `root`, with at most `most_fids` files held at a time.
    pub fn new(root: Node, read_only: bool, most_fids: usize) -> Result<Self> {
        let identities = Identities::below(&root.stat()?);
        let fids = HashMap::new();
        Ok(Self { root, identities, read_only, message_size: MAX_MESSAGE, fids, most_fids })
    }

    /// The answer to a message, for which there are `room` bytes.
    pub fn answer(&mut self, message: &[u8], room: usize) -> Vec<u8> {
        let mut reader = Reader::new(message);
        let mut answer = Writer::new();
        let Ok((kind, tag, mut body)) = header(&mut reader, message.len()) else {
            // There is no tag to answer to; the guest made this up.
            answer.u32(Errno::BADMSG.raw_os_error() as u32);
            return answer.finish(kind::ERROR, u16::MAX);
        };
        let room = room.min(self.message_size);
        match self.carry_out(kind, &mut body, &mut answer, room) {
            Ok(()) => answer.finish(kind.wrapping_add(1), tag),
            Err(errno) => {
                let mut answer = Writer::new();
                answer.u32(errno.raw_os_error() as u32);
                answer.finish(kind::ERROR, tag)
            }
        }
    }

    fn carry_out(
        &mut self,
        kind: u8,
        body: &mut Reader<'_>,
        answer: &mut Writer,
        room: usize,
    ) -> Result<()> {
        match kind {
            kind::STATFS => self.statfs(body, answer),
            kind::OPEN => self.open(body, answer),
            kind::CREATE => self.create(body, answer),
            kind::SYMLINK => self.symlink(body, answer),
            kind::MKNOD => self.mknod(body, answer),
            kind::READLINK => self.readlink(body, answer),
            kind::GETATTR => self.getattr(body, answer),
            kind::SETATTR => self.setattr(body),
            kind::READDIR => self.readdir(body, answer, room),
            kind::SYNC => self.sync(body),
            kind::LOCK => self.lock(body, answer),
            kind::GETLOCK => self.getlock(body, answer),
            kind::LINK => self.link(body),
            kind::MKDIR => self.mkdir(body, answer),
            kind::RENAME => self.rename(body),
            kind::UNLINK => self.unlink(body),
            kind::VERSION => self.version(body, answer),
            kind::ATTACH => self.attach(body, answer),
            // Flush: messages are answered in order, so that one is answered.
            kind::FLUSH => Ok(()),
            kind::WALK => self.walk(body, answer),
            kind::READ => self.read(body, answer, room),
            kind::WRITE => self.write(body, answer),
            kind::CLUNK => self.clunk(body),
            kind::REMOVE => self.remove(body),
            // Authentication, extended attributes, renaming without naming, and 9P's older forms.
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    fn fid(&self, body: &mut Reader<'_>) -> Result<&Fid> {
        self.fids.get(&body.u32()?).ok_or(Errno::BADF)
    }

    fn node(&self, body: &mut Reader<'_>) -> Result<&Node> {
        self.fid(body).map(|fid| &fid.node)
    }

    fn open_file(&self, body: &mut Reader<'_>) -> Result<&OwnedFd> {
        self.fid(body)?.open.as_ref().ok_or(Errno::BADF)
    }

    fn changes(&self) -> Result<()> {
        if self.read_only { Err(Errno::ROFS) } else { Ok(()) }
    }

    fn insert(&mut self, fid: u32, node: Node) -> Result<()> {
        if self.fids.len() >= self.most_fids && !self.fids.contains_key(&fid) {
            return Err(Errno::NFILE);
        }
        self.fids.insert(fid, Fid { node, open: None });
        Ok(())
    }

    fn version(&mut self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        let size = body.u32()?;
        if size < MIN_MESSAGE {
            return Err(Errno::MSGSIZE);
        }
        self.fids.clear();
        self.message_size = MAX_MESSAGE.min(size as usize);
        answer.u32(self.message_size as u32);
        answer.string(if body.string()? == VERSION { VERSION } else { b"unknown" })
    }

    fn attach(&mut self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        let fid = body.u32()?;
        if self.fids.contains_key(&fid) {
            return Err(Errno::BADF);
        }
        let node = self.root.again()?;
        answer.id(self.identities.of(&node.stat()?));
        self.insert(fid, node)
    }

    fn walk(&mut self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        let (from, to) = (body.u32()?, body.u32()?);
        let mut node = self.fids.get(&from).ok_or(Errno::BADF)?.node.again()?;
        if from != to && self.fids.contains_key(&to) {
            return Err(Errno::BADF);
        }
        let count = body.u16()?;
        if count > MAX_NAMES {
            return Err(Errno::INVAL);
        }
        let mut ids = Vec::with_capacity(count.into());
        for _ in 0..count {
            let next = Name::new(body.string()?)
                .and_then(|name| node.child(name))
                .and_then(|next| next.stat().map(|stat| (next, self.identities.of(&stat))));
            match next {
                Ok((next, id)) => {
                    node = next;
                    ids.push(id);
                }
                Err(errno) if ids.is_empty() => return Err(errno),
                // Half the way is told, but leads nowhere.
                Err(_) => break,
            }
        }
        if ids.len() == usize::from(count) {
            self.insert(to, node)?;
        }
        answer.u16(ids.len() as u16);
        for id in ids {
            answer.id(id);
        }
        Ok(())
    }

    fn clunk(&mut self, body: &mut Reader<'_>) -> Result<()> {
        self.fids.remove(&body.u32()?).map(drop).ok_or(Errno::BADF)
    }

    /// A file may have many names, and which one is meant is not said: Linux uses `unlinkat`.
    fn remove(&mut self, body: &mut Reader<'_>) -> Result<()> {
        self.clunk(body)?;
        Err(Errno::OPNOTSUPP)
    }

    fn statfs(&self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        let found = fstatfs(self.node(body)?)?;
        answer.u32(found.f_type as u32);
        answer.u32(found.f_bsize as u32);
        for value in [found.f_blocks, found.f_bfree, found.f_bavail, found.f_files, found.f_ffree] {
            answer.u64(value);
        }
        answer.u64(0); // the file system's number is the host's business
        answer.u32(found.f_namelen as u32);
        Ok(())
    }

    fn getattr(&self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        attributes::tell(&self.node(body)?.stat()?, self.identities, answer);
        Ok(())
    }

    fn setattr(&self, body: &mut Reader<'_>) -> Result<()> {
        self.changes()?;
        let node = self.node(body)?;
        Wanted::read(body)?.apply(node)
    }

    fn open(&mut self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        let (number, flags) = (body.u32()?, OFlags::from_bits_retain(body.u32()?));
        let fid = self.fids.get_mut(&number).ok_or(Errno::BADF)?;
        if self.read_only && flags.intersects(OFlags::WRONLY | OFlags::RDWR | OFlags::TRUNC) {
            return Err(Errno::ROFS);
        }
        let file = fid.node.open(flags)?;
        answer.id(self.identities.of(&fstat(&file)?));
        answer.u32(0); // as much at once as fits a message
        fid.open = Some(file);
        Ok(())
    }

    fn create(&mut self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        self.changes()?;
        let number = body.u32()?;
        let name = Name::new(body.string()?)?;
        let flags = OFlags::from_bits_retain(body.u32()?);
        let mode = mode(body.u32()?);
        let fid = self.fids.get_mut(&number).ok_or(Errno::BADF)?;
        let file = fid.node.create(name, flags, mode)?;
        let node = fid.node.child(name)?;
        answer.id(self.identities.of(&fstat(&file)?));
        answer.u32(0);
        *fid = Fid { node, open: Some(file) };
        Ok(())
    }

    fn read(&self, body: &mut Reader<'_>, answer: &mut Writer, room: usize) -> Result<()> {
        let file = self.open_file(body)?;
        let (offset, count) = wanted(body, room)?;
        answer.data_by(count, |data| retry_on_intr(|| pread(file, &mut *data, offset)))
    }

    fn write(&self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        let file = self.open_file(body)?;
        let (offset, count) = (body.u64()?, body.u32()? as usize);
        let data = body.bytes(count)?;
        answer.u32(retry_on_intr(|| pwrite(file, data, offset))? as u32);
        Ok(())
    }

    fn readdir(&self, body: &mut Reader<'_>, answer: &mut Writer, room: usize) -> Result<()> {
        let file = self.open_file(body)?;
        let (offset, count) = wanted(body, room)?;
        answer.data(&directory::read(file.as_fd(), self.identities, offset, count)?);
        Ok(())
    }

    fn sync(&self, body: &mut Reader<'_>) -> Result<()> {
        let file = self.open_file(body)?;
        if body.u32()? == 0 { fsync(file) } else { fdatasync(file) }
    }

    /// Locks are kept by the guest's own kernel, among its programs.
    fn lock(&self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        self.open_file(body)?;
        answer.u8(LOCK_GRANTED);
        Ok(())
    }

    fn getlock(&self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        self.open_file(body)?;
        let _kind = body.u8()?;
        answer.u8(UNLOCKED);
        answer.u64(body.u64()?);
        answer.u64(body.u64()?);
        answer.u32(body.u32()?);
        answer.string(body.string()?)
    }

    fn readlink(&self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        let target = readlinkat(self.node(body)?, "", Vec::new())?;
        answer.string(target.to_bytes())
    }

    /// The identity of what was just made.
    fn made(&self, directory: &Node, name: Name<'_>, answer: &mut Writer) -> Result<()> {
        answer.id(self.identities.of(&directory.child(name)?.stat()?));
        Ok(())
    }

    fn symlink(&self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        self.changes()?;
        let directory = self.node(body)?;
        let name = Name::new(body.string()?)?;
        symlinkat(body.string()?, directory, name.bytes())?;
        self.made(directory, name, answer)
    }

    /// Makes files, pipes and sockets; devices are not the guest's to make.
    fn mknod(&self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        self.changes()?;
        let directory = self.node(body)?;
        let name = Name::new(body.string()?)?;
        let raw = body.u32()?;
        let kind = FileType::from_raw_mode(raw);
        if !matches!(kind, FileType::RegularFile | FileType::Fifo | FileType::Socket) {
            return Err(Errno::PERM);
        }
        mknodat(directory, name.bytes(), kind, mode(raw), 0)?;
        self.made(directory, name, answer)
    }

    fn mkdir(&self, body: &mut Reader<'_>, answer: &mut Writer) -> Result<()> {
        self.changes()?;
        let directory = self.node(body)?;
        let name = Name::new(body.string()?)?;
        mkdirat(directory, name.bytes(), mode(body.u32()?))?;
        self.made(directory, name, answer)
    }

    fn link(&self, body: &mut Reader<'_>) -> Result<()> {
        self.changes()?;
        let directory = self.node(body)?;
        let file = self.node(body)?;
        file.link(directory, Name::new(body.string()?)?)
    }

    fn rename(&self, body: &mut Reader<'_>) -> Result<()> {
        self.changes()?;
        let from = self.node(body)?;
        let name = Name::new(body.string()?)?;
        let to = self.node(body)?;
        renameat(from, name.bytes(), to, Name::new(body.string()?)?.bytes())
    }

    fn unlink(&self, body: &mut Reader<'_>) -> Result<()> {
        self.changes()?;
        let directory = self.node(body)?;
        let name = Name::new(body.string()?)?;
        let is_directory = body.u32()? & REMOVE_DIRECTORY != 0;
        let flags = if is_directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        unlinkat(directory, name.bytes(), flags)
    }
}

/// The permission bits of a mode.
fn mode(raw: u32) -> Mode {
    Mode::from_raw_mode(raw & 0o7777)
}

/// From where to read, and how many bytes: no more than an answer of `room` bytes has room for.
fn wanted(body: &mut Reader<'_>, room: usize) -> Result<(u64, usize)> {
    let (offset, count) = (body.u64()?, body.u32()? as usize);
    Ok((offset, count.min(room.saturating_sub(READ_HEADER))))
}

/// Kind, tag and body of a message of `length` bytes.
fn header<'m>(message: &mut Reader<'m>, length: usize) -> Result<(u8, u16, Reader<'m>)> {
    let size = message.u32()? as usize;
    let (kind, tag) = (message.u8()?, message.u16()?);
    if size > length {
        return Err(Errno::BADMSG);
    }
    let body = message.bytes(size.checked_sub(HEADER).ok_or(Errno::BADMSG)?)?;
    Ok((kind, tag, Reader::new(body)))
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
