//! Transmission as QEMU's model does it: all inside the doorbell, through a buffer of its own.
//!
//! Each C+ descriptor is copied into the buffer and given back before the next is looked at; a
//! frame whose last descriptor is not there yet waits in the buffer, not in guest memory. Memory
//! that is out of reach reads as zeros. A frame goes out, or comes back in loopback, before the
//! next descriptor is read. Only the `qemu` profiles take this way; it copies and allocates.

use vm_memory::{GuestAddress, GuestMemoryMmap};

use super::control::{CPCR_TRANSMIT, CR_TRANSMIT};
use super::descriptor::{self, Descriptor, FIRST, LAST};
use super::offload::{self, Request, STATUS};
use super::registers::Reg;
use super::slots;
use super::transmit::{LENGTH, MAX_FRAME, ROUND};
use super::{Rtl8139, isr};
use crate::ethernet::headers::ETHERTYPE_AT;
use crate::memory::{DmaMemory, Gather};
use crate::net::{Backend, Batch, Metadata, Offloads, Sent, Transmit};

/// Bytes that are read in one piece where a transfer reaches out of RAM.
const PAGE: usize = 4096;

/// The buffer, and a second one in the guise of guest memory, from which frames go out.
pub struct Staging {
    memory: DmaMemory,
    buffer: Vec<u8>,
    next: u32,
    /// The C+ doorbell rang.
    pub pending: bool,
}

impl Staging {
    /// An empty buffer; none if the host has no memory left.
    pub fn new() -> Option<Self> {
        let ram = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), MAX_FRAME)]).ok()?;
        let memory = DmaMemory::new(ram);
        memory.set_enabled(true);
        Some(Self { memory, buffer: Vec::new(), next: 0, pending: false })
    }

    /// Back to the ring's first descriptor; what is in the buffer stays.
    pub fn restart(&mut self) {
        self.next = 0;
    }

    /// Appends `length` bytes at `address` as far as the buffer goes.
    fn append(&mut self, memory: &DmaMemory, address: u64, length: usize) {
        let start = self.buffer.len();
        self.buffer.resize((start + length).min(MAX_FRAME), 0);
        read_forgiving(memory, address, &mut self.buffer[start..]);
    }

    /// Cuts the frame in the buffer, which is empty afterwards.
    fn finish(&mut self, request: Request, rules: offload::Rules) -> Vec<Vec<u8>> {
        let (mut frame, mut batch) = (Gather::default(), Batch::default());
        let length = self.buffer.len();
        let staged = self.memory.write(0, &self.buffer);
        self.buffer.clear();
        let pushed = staged.and_then(|()| frame.push(&self.memory, 0, length)).and_then(|()| {
            let none = Offloads::default();
            offload::push(&self.memory, &frame, request, rules, none, &mut batch)
        });
        if length == 0 || pushed.is_err() {
            return Vec::new();
        }
        let copy = |frame: crate::net::Frame<'_>| {
            let mut bytes = Vec::new();
            frame.copy_to(&self.memory, &mut bytes).ok().map(|()| bytes)
        };
        batch.frames().filter_map(copy).collect()
    }
}

/// Reads what is RAM; the rest reads as zeros.
fn read_forgiving(memory: &DmaMemory, address: u64, data: &mut [u8]) {
    if memory.read(address, data).is_ok() {
        return;
    }
    let mut at = address;
    let mut rest = data;
    while !rest.is_empty() {
        let until_page = PAGE - (at % PAGE as u64) as usize;
        let (piece, later) = rest.split_at_mut(until_page.min(rest.len()));
        if memory.read(at, piece).is_err() {
            piece.fill(0);
        }
        at = at.wrapping_add(piece.len() as u64);
        rest = later;
    }
}

impl Rtl8139 {
    /// Does what the doorbells asked for; `backend` is `None` while the cable is out.
    pub(super) fn transmit_staged(&mut self, mut backend: Option<&mut dyn Backend>) -> Transmit {
        let Some(mut staging) = self.staging.take() else { return Transmit::Idle };
        let mut end = Transmit::Idle;
        let quirks = self.config.quirks;
        let mut attempts = self.slots.allowance(&quirks);
        while attempts > 0 && self.has(Reg::Cr, CR_TRANSMIT) {
            attempts -= 1;
            let Some(slots::Request { address, size }) = self.slots.due(&self.registers) else {
                break;
            };
            let fits = slots::fits(size, &quirks);
            self.slots.complete(&mut self.registers, fits);
            if !fits {
                self.raise(isr::TRANSMIT_ERROR);
                continue;
            }
            let mut frame = vec![0; size];
            read_forgiving(&self.memory, address, &mut frame);
            if !frame.is_empty() {
                self.send_staged(&frame, false, &mut backend, &mut end);
            }
            self.completed(1);
        }
        if std::mem::take(&mut staging.pending) {
            let mut taken = 0;
            while taken < ROUND && self.step(&mut staging, &mut backend, &mut end) {
                taken += 1;
            }
            if taken > 0 {
                self.completed(1);
            }
        }
        self.staging = Some(staging);
        end
    }

    /// Takes one C+ descriptor. Answers whether there was one.
    fn step(
        &mut self,
        staging: &mut Staging,
        backend: &mut Option<&mut dyn Backend>,
        end: &mut Transmit,
    ) -> bool {
        if !self.has(Reg::Cr, CR_TRANSMIT) || !self.has(Reg::Cpcr, CPCR_TRANSMIT) {
            return false;
        }
        let ring = self.registers.get_pair(Reg::Tsad0, Reg::Tsad1);
        let address = descriptor::address(ring, staging.next);
        let Ok(Some(descriptor)) = Descriptor::fetch(&self.memory, address) else { return false };
        let Descriptor { command, tag, buffer, .. } = descriptor;
        if command & FIRST != 0 {
            staging.buffer.clear();
        }
        staging.append(&self.memory, buffer, (command & LENGTH) as usize);
        staging.next = descriptor::next(staging.next, command);
        let _ = self.memory.write_u32(address, command & !STATUS);
        if command & LAST != 0 {
            let request = Request { command, tag };
            let tagged = request.vlan().is_some() && staging.buffer.len() >= ETHERTYPE_AT;
            self.tally.count_sent(1);
            for frame in staging.finish(request, self.config.rules()) {
                self.send_staged(&frame, tagged, backend, end);
            }
        }
        true
    }

    fn send_staged(
        &mut self,
        frame: &[u8],
        tagged: bool,
        backend: &mut Option<&mut dyn Backend>,
        end: &mut Transmit,
    ) {
        if self.loopback() {
            // A tag that was inserted makes the frame longer, but not the length that comes back.
            let cut = if tagged && self.config.quirks.loopback_cuts_tagged { 4 } else { 0 };
            return self.receive_looped(&frame[..frame.len().saturating_sub(cut)]);
        }
        let Some(backend) = backend else { return };
        let mut batch = Batch::default();
        batch.push_bytes(frame, Metadata::default());
        if backend.send(&self.memory, &batch) == Sent::Blocked {
            *end = Transmit::Blocked;
        }
    }
}
