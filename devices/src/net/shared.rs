//! One wire for several pairs of queues, where the wire itself has no queues: a stream socket.
//!
//! 1. [`Share::split`] makes a backend for each pair. All of them send straight to the wire, a batch
//!    at a time under its lock; what one of them may not send because the wire is blocked it keeps.
//! 2. The first share alone reads the wire. It takes a frame itself or puts it into the inbox of the
//!    share that it is for, and signals that share's event.
//! 3. A frame goes to the pair whose frames of the same conversation went out last, as a tap has it, or
//!    else to one by the conversation's number; what is not IP goes to the first.
//! 4. Nothing is lost where a guest is slow: while an inbox is full nobody reads the wire.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::{Backend, Batch, Metadata, Offloads, Sent};
use crate::ethernet::flow::flow;
use crate::ethernet::headers::MAX_HEADERS;
use crate::memory::DmaMemory;
use crate::sync::lock;

/// Conversations that are told apart.
const FLOWS: usize = 1024;
/// A conversation that nobody has sent a frame of.
const NOBODY: u8 = u8::MAX;
/// Buffers of frames that an inbox keeps to be filled again.
const SPARE: usize = 256;
/// Bytes that an inbox holds before the wire has to wait.
const INBOX_BYTES: usize = 1 << 20;

/// The wire, and what it owes.
struct Wire {
    backend: Box<dyn Backend>,
    blocked: bool,
}

/// Frames that were read for a share.
#[derive(Default)]
struct Frames {
    queue: VecDeque<(Vec<u8>, Metadata)>,
    bytes: usize,
    /// Emptied, to be filled again; no more than [`SPARE`].
    spare: Vec<Vec<u8>>,
}

impl Frames {
    /// A buffer with `frame` in it.
    fn filled(&mut self, frame: &[u8]) -> Vec<u8> {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(frame);
        bytes
    }
}

struct Inbox {
    frames: Mutex<Frames>,
    event: EventFd,
    /// Frames may go to its share.
    active: AtomicBool,
}

/// What the shares have in common.
struct Hub {
    wire: Mutex<Wire>,
    inboxes: Vec<Inbox>,
    /// Which share sent a conversation's last frame.
    senders: [AtomicU8; FLOWS],
    /// Shares that frames may go to: the first ones, as long as all before them are active.
    active: AtomicUsize,
    /// The first share waits for room in an inbox.
    stalled: AtomicBool,
    link: AtomicBool,
    offloads: Offloads,
}

/// One pair's backend.
pub struct Share {
    hub: Arc<Hub>,
    index: usize,
    /// The wire's descriptor, and the number of the connection that it was duplicated from.
    descriptor: Option<(u64, OwnedFd)>,
    /// The frame at hand.
    current: Option<(Vec<u8>, Metadata)>,
    /// What could not be sent yet, and the memory of the guest it came from.
    rest: Option<(DmaMemory, Batch)>,
}

impl Share {
    /// `count` backends, 1 to 255, on `wire`.
    pub fn split(wire: Box<dyn Backend>, count: usize) -> std::io::Result<Vec<Self>> {
        let inbox = |index| {
            let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
            let (event, active) = (EventFd::from_flags(flags)?, AtomicBool::new(index == 0));
            Ok::<_, std::io::Error>(Inbox { frames: Mutex::default(), event, active })
        };
        let hub = Arc::new(Hub {
            inboxes: (0..count).map(inbox).collect::<Result<_, _>>()?,
            senders: [const { AtomicU8::new(NOBODY) }; FLOWS],
            active: AtomicUsize::new(1),
            stalled: AtomicBool::new(false),
            link: AtomicBool::new(wire.link()),
            offloads: wire.offloads(),
            wire: Mutex::new(Wire { backend: wire, blocked: false }),
        });
        let share = |index| {
            let (descriptor, current, rest) = (None, None, None);
            let mut share = Self { hub: hub.clone(), index, descriptor, current, rest };
            share.follow(&mut lock(&hub.wire));
            share
        };
        Ok((0..count).map(share).collect())
    }

    /// Notes where the wire is now.
    fn follow(&mut self, wire: &mut Wire) {
        let connection = wire.backend.connection();
        self.hub.link.store(wire.backend.link(), Ordering::Release);
        let current = self.descriptor.as_ref().map(|(connection, _)| *connection);
        match wire.backend.descriptor() {
            None => self.descriptor = None,
            Some(_) if current == Some(connection) => {}
            Some(descriptor) => match descriptor.try_clone_to_owned() {
                Ok(duplicate) => self.descriptor = Some((connection, duplicate)),
                Err(error) => tracing::error!("a wire's descriptor cannot be shared: {error}"),
            },
        }
    }

    /// Moves frames off the wire until there is one for the first share, or none for anybody.
    fn read(&mut self) {
        let hub = self.hub.clone();
        let mut wire = lock(&hub.wire);
        while let Some((frame, metadata)) = wire.backend.peek() {
            let to = hub.receiver(frame);
            if to == 0 {
                self.current = Some((lock(&hub.inboxes[0].frames).filled(frame), metadata));
            } else if !hub.put(to, frame, metadata) {
                break;
            }
            wire.backend.consume();
            if to == 0 {
                break;
            }
        }
        self.follow(&mut wire);
    }
}

impl Hub {
    /// The share that a frame goes to.
    fn receiver(&self, frame: &[u8]) -> usize {
        let active = self.active.load(Ordering::Acquire);
        let Some(flow) = flow(frame).filter(|_| active > 1) else { return 0 };
        let sender = usize::from(self.senders[flow as usize % FLOWS].load(Ordering::Relaxed));
        if sender < active { sender } else { flow as usize % active }
    }

    /// Remembers who sent the frames of `batch`.
    fn note(&self, sender: usize, memory: &DmaMemory, batch: &Batch) {
        if self.active.load(Ordering::Relaxed) < 2 {
            return;
        }
        let mut front = [0; MAX_HEADERS];
        for frame in batch.frames() {
            let Ok(length) = frame.copy_front(memory, &mut front) else { continue };
            let Some(flow) = front.get(..length).and_then(flow) else { continue };
            let slot = &self.senders[flow as usize % FLOWS];
            // Looked at first: a line that nobody writes stays in every CPU's cache.
            if usize::from(slot.load(Ordering::Relaxed)) != sender {
                slot.store(sender as u8, Ordering::Relaxed);
            }
        }
    }

    /// Puts a frame into an inbox. Answers false where it is full: then its owner wakes the first share
    /// once it is empty.
    fn put(&self, to: usize, frame: &[u8], metadata: Metadata) -> bool {
        let inbox = &self.inboxes[to];
        let mut frames = lock(&inbox.frames);
        if frames.bytes >= INBOX_BYTES {
            self.stalled.store(true, Ordering::SeqCst);
            return false;
        }
        let bytes = frames.filled(frame);
        frames.bytes += bytes.len();
        frames.queue.push_back((bytes, metadata));
        let first = frames.queue.len() == 1;
        drop(frames);
        if first {
            let _ = inbox.event.write(1);
        }
        true
    }

    /// Takes a frame out of an inbox.
    fn take(&self, index: usize) -> Option<(Vec<u8>, Metadata)> {
        let mut frames = lock(&self.inboxes[index].frames);
        let frame = frames.queue.pop_front();
        frames.bytes -= frame.as_ref().map_or(0, |(bytes, _)| bytes.len());
        if frames.queue.is_empty() && self.stalled.swap(false, Ordering::SeqCst) {
            let _ = self.inboxes[0].event.write(1);
        }
        frame
    }
}

impl Backend for Share {
    fn offloads(&self) -> Offloads {
        self.hub.offloads
    }

    fn deliver(&mut self, offloads: Offloads) {
        lock(&self.hub.wire).backend.deliver(offloads);
    }

    fn send(&mut self, memory: &DmaMemory, batch: &Batch) -> Sent {
        let hub = self.hub.clone();
        hub.note(self.index, memory, batch);
        let mut wire = lock(&hub.wire);
        let sent = if wire.settle() == Sent::Blocked {
            self.rest = Some((memory.clone(), batch.copy(memory)));
            Sent::Blocked
        } else {
            wire.send(memory, batch)
        };
        self.follow(&mut wire);
        sent
    }

    fn resume(&mut self) -> Sent {
        let hub = self.hub.clone();
        let mut wire = lock(&hub.wire);
        let mut sent = wire.settle();
        if sent == Sent::All
            && let Some((memory, batch)) = self.rest.take()
        {
            sent = wire.send(&memory, &batch);
        }
        self.follow(&mut wire);
        sent
    }

    fn peek(&mut self) -> Option<(&[u8], Metadata)> {
        if self.current.is_none() && self.index == 0 {
            self.read();
        } else if self.current.is_none() {
            self.current = self.hub.take(self.index);
        }
        self.current.as_ref().map(|(bytes, metadata)| (&bytes[..], *metadata))
    }

    fn consume(&mut self) {
        let Some((bytes, _)) = self.current.take() else { return };
        let mut frames = lock(&self.hub.inboxes[self.index].frames);
        if frames.spare.len() < SPARE {
            frames.spare.push(bytes);
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor.as_ref().map(|(_, descriptor)| descriptor.as_fd())
    }

    fn connection(&self) -> u64 {
        self.descriptor.as_ref().map_or(0, |(connection, _)| *connection)
    }

    fn reads(&self) -> bool {
        self.index == 0 && !self.hub.stalled.load(Ordering::SeqCst)
    }

    fn inbox(&self) -> Option<BorrowedFd<'_>> {
        Some(self.hub.inboxes[self.index].event.as_fd())
    }

    fn activate(&mut self, on: bool) {
        // Counted under a lock, so that the last to change something counts what all changed.
        let _wire = lock(&self.hub.wire);
        let Hub { inboxes, active, .. } = &*self.hub;
        inboxes[self.index].active.store(on || self.index == 0, Ordering::Relaxed);
        let first = inboxes.iter().take_while(|inbox| inbox.active.load(Ordering::Relaxed));
        active.store(first.count(), Ordering::Release);
    }

    fn link(&self) -> bool {
        self.hub.link.load(Ordering::Acquire)
    }

    fn reconnect(&mut self) -> bool {
        let hub = self.hub.clone();
        let mut wire = lock(&hub.wire);
        wire.backend.reconnect();
        self.follow(&mut wire);
        self.link()
    }
}

impl Wire {
    /// Goes on with what the wire owes.
    fn settle(&mut self) -> Sent {
        if self.blocked {
            self.blocked = self.backend.resume() == Sent::Blocked;
        }
        if self.blocked { Sent::Blocked } else { Sent::All }
    }

    fn send(&mut self, memory: &DmaMemory, batch: &Batch) -> Sent {
        let sent = self.backend.send(memory, batch);
        self.blocked = sent == Sent::Blocked;
        sent
    }
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;
