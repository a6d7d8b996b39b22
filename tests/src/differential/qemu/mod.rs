//! QEMU's RTL8139.
//!
//! Guest memory is a file that both we and QEMU have mapped, so looking at it costs no
//! conversation. Frames from the wire are the only thing that QEMU does when it gets round to it: a
//! command that changes nothing, once answered, tells that it did.

mod process;
mod qmp;
mod qtest;
mod settle;
mod wire;

pub use process::{Missing, Version};
pub use qmp::Qmp;

use anyhow::{Context, ensure};
use serde_json::json;

use super::answer::{Answer, LONGS, Registers, WORDS};
use super::memory::Memory;
use super::step::{Access, Space, Step, suffix};
use super::{Subject, explained};
use process::Process;
use qtest::Qtest;
use wire::Wire;

const MEMORY_BAR: u64 = 0xe000_0000;
const IO_BAR: u64 = 0xc000;
const SLOT: u64 = 3;
/// CAPR, whose writes make QEMU offer frames again that found no room.
const CAPR: u8 = 0x38;
/// The PCI command register; the status register is the upper half of the word.
const COMMAND: u64 = 0x04;
/// The PCI status register's interrupt bit, in the word that begins with the command register.
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
        if qmp.version() != version.number() {
            let (found, expected) = (qmp.version().to_owned(), version.number());
            return Err(Missing::Version { found, expected });
        }
        let memory = Memory::new(process.memory.clone());
        let owns_clock = version.owns_clock();
        let mut new = Self { qtest, qmp, wire, memory, owns_clock, link: true, process };
        new.configure()?;
        Ok(new)
    }

    fn set_link(&mut self, up: bool) -> anyhow::Result<()> {
        // A cable that is plugged in cannot be plugged in, and QEMU would tell the guest it was.
        if up == self.link {
            return Ok(());
        }
        self.link = up;
        self.qmp.execute("set_link", &json!({ "name": "nic", "up": up }))
    }

    /// Makes the data port that of `register` in configuration space.
    fn select(&mut self, register: u64) {
        self.qtest.queue(format_args!("outl 0xcf8 {:#x}", 1 << 31 | SLOT << 11 | register));
    }

    /// Maps the NIC.
    fn configure(&mut self) -> anyhow::Result<()> {
        for (register, value) in [(0x10, IO_BAR), (0x14, MEMORY_BAR), (COMMAND, 7)] {
            self.select(register);
            self.qtest.queue(format_args!("outl 0xcfc {value:#x}"));
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
            Step::Config(offset) => {
                self.select(u64::from(*offset));
                self.qtest.queue("inl 0xcfc");
            }
            Step::Ram(..) | Step::Words(..) => {
                if let Some((address, bytes)) = step.memory() {
                    self.memory.write(address, &bytes)?;
                }
            }
            Step::Frame(bytes) => self.wire.push(bytes.to_vec()),
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
        self.select(COMMAND);
        self.qtest.queue("inl 0xcfc");
        let answers = self.qtest.answers();
        let answers =
            answers.with_context(|| format!("QEMU says: {}", self.process.complaint()))?;
        let looked = WORDS.len() + 3;
        let (first, looks) = answers.split_at(answers.len().saturating_sub(looked));
        let value = match step {
            Some(step) if step.reads() => Some(qtest::number(first.last().context("no answer")?)?),
            _ => None,
        };
        let mut registers = Registers::UNKNOWN;
        let file = qtest::bytes(&looks[0])?;
        ensure!(file.len() == 4 * LONGS, "QEMU shows {} bytes of registers", file.len());
        for (long, bytes) in registers.longs.iter_mut().zip(file.chunks_exact(4)) {
            *long = u32::from_le_bytes(bytes.try_into()?);
        }
        for (word, text) in registers.words.iter_mut().zip(&looks[1..=WORDS.len()]) {
            *word = qtest::number(text)? as u16;
        }
        explained::mask(&mut registers, self.owns_clock);
        let line = qtest::number(&looks[looked - 1])? & STATUS_INTERRUPT != 0;
        let frames = self.wire.frames()?;
        let memory =
            if step.is_some_and(Step::may_write) { self.memory.news()? } else { Vec::new() };
        Ok(Answer { value, registers, line, frames, memory })
    }
}

/// Whether QEMU may take frames off the wire because of `step`.
fn lets_frames_in(step: &Step) -> bool {
    match step {
        Step::Frame(_) => true,
        // An unaligned write that reaches over CAPR has a 16-bit write of it among its pieces.
        Step::Write(Access { offset, width, .. }, _) => {
            *offset <= CAPR && usize::from(*offset) + width >= usize::from(CAPR) + 2
        }
        _ => false,
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
        self.set_link(true)?;
        self.forget()?;
        self.qmp.reset()?;
        self.wire.frames()?;
        self.memory.clear()?;
        self.configure()?;
        self.look(None)
    }

    fn perform(&mut self, step: &Step) -> anyhow::Result<Answer> {
        self.queue(step)?;
        if lets_frames_in(step) {
            self.qtest.answers()?;
            self.arrivals()?;
        }
        self.look(Some(step))
    }
}
