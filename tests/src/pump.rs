//! A NIC without a guest: frames from one backend to another, super-frames cut on the way.
//!
//! What a NIC model does with the guest's memory, this does with a piece of its own: a super-frame
//! is laid into it, cut by the product's engine, and leaves as a batch.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;

use anyhow::Context;
use devices::ethernet::headers::{Extent, Head, SuperFrame};
use devices::ethernet::offload;
use devices::ethernet::segment::{Cut, Plan, Quirks, segment};
use devices::memory::{DmaMemory, Gather};
use devices::net::{Backend, Batch, Metadata, Sent};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vm_memory::{GuestAddress, GuestMemoryMmap};

/// Memory for the frames of one batch.
const MEMORY: usize = 4 * 1024 * 1024;
/// Longest frame of a backend.
const FRAME_MAX: usize = 128 * 1024;

/// Whose segmentation engine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// What the kernel asked for.
    Mss,
    /// QEMU's rtl8139 before 7.2: 1500 bytes, whatever the kernel asked for.
    Mtu1500,
}

/// A pump at work; stops when dropped.
pub struct Pump {
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Pump {
    /// Carries frames between `host` and `wire` both ways.
    pub fn start(
        host: impl Backend + 'static,
        wire: impl Backend + 'static,
        engine: Engine,
    ) -> anyhow::Result<Self> {
        let (stop, stopped) = UnixStream::pair()?;
        let mut host = Side::new(host)?;
        let mut wire = Side::new(wire)?;
        let thread = std::thread::spawn(move || -> anyhow::Result<()> {
            while !wait(&host, &wire, stopped.as_fd())? {
                host.carry(&mut wire, engine)?;
                wire.carry(&mut host, engine)?;
            }
            Ok(())
        });
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
    }
}

struct Side {
    backend: Box<dyn Backend>,
    memory: DmaMemory,
    batch: Batch,
    blocked: bool,
}

impl Side {
    fn new(backend: impl Backend + 'static) -> anyhow::Result<Self> {
        let ram = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), MEMORY)])?;
        let memory = DmaMemory::new(ram);
        memory.set_enabled(true);
        Ok(Self { backend: Box::new(backend), memory, batch: Batch::default(), blocked: false })
    }

    /// Takes what has arrived here to `to`.
    fn carry(&mut self, to: &mut Self, engine: Engine) -> anyhow::Result<()> {
        if to.blocked {
            to.blocked = to.backend.resume() == Sent::Blocked;
        }
        let mut used = 0;
        while !to.blocked {
            let frame = self.backend.peek();
            let end = frame.is_none();
            if let Some((frame, metadata)) = frame {
                to.memory.write(used as u64, frame)?;
                let mut gather = Gather::default();
                gather.push(&to.memory, used as u64, frame.len())?;
                used += frame.len();
                cut(to, &gather, metadata, engine)?;
                self.backend.consume();
            }
            let full = to.batch.is_full() || used > MEMORY - FRAME_MAX;
            if (end || full) && !to.batch.is_empty() {
                to.blocked = to.backend.send(&to.memory, &to.batch) == Sent::Blocked;
                to.batch.clear();
                used = 0;
            }
            if end {
                break;
            }
        }
        Ok(())
    }

    fn poll(&self, other: &Self) -> anyhow::Result<PollFd<'_>> {
        let descriptor = self.backend.descriptor().context("the peer of a pump is gone")?;
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::POLLIN, !other.blocked);
        flags.set(PollFlags::POLLOUT, self.blocked);
        Ok(PollFd::new(descriptor, flags))
    }
}

fn cut(to: &mut Side, gather: &Gather, metadata: Metadata, engine: Engine) -> anyhow::Result<()> {
    let Side { backend, memory, batch, .. } = to;
    if let (Some(_), Engine::Mtu1500) = (metadata.gso, engine) {
        let head = Head::fetch(memory, gather, 0)?;
        let network = head.network(Extent::Whole)?;
        let frame = SuperFrame::new(head, network, 0)?;
        let plan = Plan { cut: Cut::Mtu1500, quirks: Quirks::QEMU, vlan: None };
        segment(memory, &frame, gather, plan, batch)?;
        return Ok(());
    }
    offload::push(memory, gather, 0, metadata, backend.offloads(), batch)?;
    Ok(())
}

/// Waits until there is something to carry. Answers whether it is time to stop.
fn wait(host: &Side, wire: &Side, stop: BorrowedFd<'_>) -> anyhow::Result<bool> {
    let mut descriptors =
        [PollFd::new(stop, PollFlags::POLLIN), host.poll(wire)?, wire.poll(host)?];
    poll(&mut descriptors, PollTimeout::NONE)?;
    Ok(descriptors[0].any().unwrap_or(true))
}
