//! QEMU's RTL8139.
//!
//! The NIC under test, a second NIC and the wire hang on one hub. Guest memory is a file that both
//! we and QEMU have mapped, so looking at it costs no conversation. An incoming frame is sent by
//! the second NIC: it arrives within the command that sends it, where a frame from the wire would
//! arrive whenever QEMU gets round to it.

mod process;
mod qmp;
mod qtest;
mod wire;

pub use process::{Missing, Version};

use anyhow::{Context, ensure};
use serde_json::json;
use vm_memory::{Bytes as _, GuestAddress};

use super::answer::{Answer, LONGS, Registers, WORDS};
use super::memory::Memory;
use super::step::{Access, Space, Step, suffix};
use super::{Subject, explained};
use process::Process;
use qmp::Qmp;
use qtest::Qtest;
use wire::Wire;

const MEMORY_BAR: u64 = 0xe000_0000;
const IO_BAR: u64 = 0xc000;
const PEER_MEMORY_BAR: u64 = 0xe000_1000;
const SLOT: u64 = 3;
const PEER_SLOT: u64 = 4;
/// The peer's ring, of one descriptor, and its frame: beyond what scripts use.
const PEER_RING: u64 = 0xe0_0000;
const PEER_FRAME: u64 = 0xe1_0000;
/// A descriptor that is the NIC's, the last of its ring, and a whole frame.
const PEER_DESCRIPTOR: u32 = 0xf000_0000;
const STATUS_INTERRUPT: u32 = 1 << 19;

/// QEMU.
pub struct Qemu {
    qtest: Qtest,
    qmp: Qmp,
    wire: Wire,
    memory: Memory,
    owns_clock: bool,
    link: bool,
    process: Process,
}

impl Qemu {
    /// Starts it.
    pub fn start(version: &Version) -> Result<Self, Missing> {
        let mut process = Process::start(version)?;
        let connect = |process: &Process| {
            let qtest = Qtest::new(process.qtest.try_clone()?)?;
            let qmp = Qmp::new(process.qmp.try_clone()?)?;
            let wire = Wire::new(process.wire.try_clone()?);
            anyhow::Ok((qtest, qmp, wire))
        };
        let connected = connect(&process);
        let (qtest, qmp, wire) =
            connected.with_context(|| format!("QEMU says: {}", process.complaint()))?;
        let memory = Memory::new(process.memory.clone());
        let owns_clock = version.owns_clock();
        Ok(Self { qtest, qmp, wire, memory, owns_clock, link: true, process })
    }

    fn set_link(&mut self, up: bool) -> anyhow::Result<()> {
        self.link = up;
        self.qmp.execute("set_link", &json!({ "name": "nic", "up": up }))
    }

    /// Maps both NICs and readies the peer.
    fn configure(&mut self) -> anyhow::Result<()> {
        for (slot, ports, memory) in
            [(PEER_SLOT, IO_BAR + 0x100, PEER_MEMORY_BAR), (SLOT, IO_BAR, MEMORY_BAR)]
        {
            // The last address written stays: reading the data port then reads the status.
            for (register, value) in [(0x10, ports), (0x14, memory), (0x04, 7)] {
                self.qtest.queue(format_args!("outl 0xcf8 {:#x}", 1 << 31 | slot << 11 | register));
                self.qtest.queue(format_args!("outl 0xcfc {value:#x}"));
            }
        }
        for write in [
            // CR: transmit; CPCR: C+ transmit; TNPDS.
            format!("writeb {:#x} 4", PEER_MEMORY_BAR + 0x37),
            format!("writew {:#x} 1", PEER_MEMORY_BAR + 0xe0),
            format!("writel {:#x} {PEER_RING:#x}", PEER_MEMORY_BAR + 0x20),
            format!("writel {:#x} 0", PEER_MEMORY_BAR + 0x24),
        ] {
            self.qtest.queue(write);
        }
        self.qtest.answers().map(drop)
    }

    /// Queues the command that a step is, if it is one.
    fn queue(&mut self, step: &Step) -> anyhow::Result<()> {
        match step {
            Step::Write(access, value) => {
                let (verb, address) = target(*access, ["write", "out"]);
                let width = suffix(access.width);
                self.qtest.queue(format_args!("{verb}{width} {address:#x} {value:#x}"));
            }
            Step::Read(access) => {
                let (verb, address) = target(*access, ["read", "in"]);
                self.qtest.queue(format_args!("{verb}{} {address:#x}", suffix(access.width)));
            }
            Step::Ram(..) | Step::Words(..) => {
                if let Some((address, bytes)) = step.memory() {
                    self.memory.write(address, &bytes)?;
                }
            }
            Step::Frame(bytes) => {
                let frame = bytes.to_vec();
                let ram = self.memory.ram();
                ram.write_slice(&frame, GuestAddress(PEER_FRAME))?;
                let words = [PEER_DESCRIPTOR | frame.len() as u32, 0, PEER_FRAME as u32, 0];
                let descriptor: Vec<u8> =
                    words.iter().flat_map(|word| word.to_le_bytes()).collect();
                ram.write_slice(&descriptor, GuestAddress(PEER_RING))?;
                self.qtest.queue(format_args!("writeb {:#x} 0x40", PEER_MEMORY_BAR + 0xd9));
            }
            Step::Link(up) => self.set_link(*up)?,
            Step::Clock(time) => {
                ensure!(self.owns_clock, "this QEMU's clock runs by itself");
                self.qtest.queue(format_args!("clock_step {time}"));
            }
        }
        Ok(())
    }

    /// Carries out what is queued, and looks at everything.
    fn look(&mut self, step: Option<&Step>) -> anyhow::Result<Answer> {
        self.qtest.queue(format_args!("read {MEMORY_BAR:#x} 256"));
        for offset in WORDS {
            self.qtest.queue(format_args!("readw {:#x}", MEMORY_BAR + u64::from(offset)));
        }
        self.qtest.queue("inl 0xcfc");
        let answers = self.qtest.answers();
        let answers =
            answers.with_context(|| format!("QEMU says: {}", self.process.complaint()))?;
        let looked = WORDS.len() + 2;
        let (first, looks) = answers.split_at(answers.len().saturating_sub(looked));
        let value = match step {
            Some(Step::Read(_)) => Some(qtest::number(first.last().context("no answer")?)?),
            _ => None,
        };
        let mut registers = Registers::UNKNOWN;
        let file = qtest::bytes(&looks[0])?;
        ensure!(file.len() == 4 * LONGS, "QEMU shows {} bytes of registers", file.len());
        for (long, bytes) in registers.longs.iter_mut().zip(file.chunks_exact(4)) {
            *long = u32::from_le_bytes(bytes.try_into()?);
        }
        for (word, text) in registers.words.iter_mut().zip(&looks[1..]) {
            *word = qtest::number(text)? as u16;
        }
        explained::mask(&mut registers, self.owns_clock);
        let line = qtest::number(&looks[looked - 1])? & STATUS_INTERRUPT != 0;
        let mut frames = self.wire.frames()?;
        if matches!(step, Some(Step::Frame(_))) {
            // The hub showed the frame to the wire, too.
            ensure!(!frames.is_empty(), "the peer did not send the frame");
            frames.remove(0);
        }
        let memory =
            if step.is_some_and(Step::may_write) { self.memory.news()? } else { Vec::new() };
        Ok(Answer { value, registers, line, frames, memory })
    }
}

/// The verb and the address of an access.
fn target(access: Access, [memory, ports]: [&'static str; 2]) -> (&'static str, u64) {
    let offset = u64::from(access.offset);
    match access.space {
        Space::Memory => (memory, MEMORY_BAR + offset),
        Space::Ports => (ports, IO_BAR + offset),
    }
}

impl Subject for Qemu {
    fn power_on(&mut self) -> anyhow::Result<Answer> {
        if !self.link {
            self.set_link(true)?;
        }
        // With the receiver off, a CAPR write flushes frames that found no room.
        self.qtest.queue(format_args!("writeb {:#x} 0", MEMORY_BAR + 0x37));
        self.qtest.queue(format_args!("writew {:#x} 0", MEMORY_BAR + 0x38));
        self.qtest.answers()?;
        self.qmp.reset()?;
        self.wire.frames()?;
        self.memory.clear()?;
        self.configure()?;
        self.look(None)
    }

    fn perform(&mut self, step: &Step) -> anyhow::Result<Answer> {
        self.queue(step)?;
        self.look(Some(step))
    }
}
