//! Our RTL8139, driven as the machine drives it.

use anyhow::Context;
use devices::bus::Action;
use devices::memory::DmaMemory;
use devices::net::{Loop, Nic, Transmit};
use devices::pci::Function;
use devices::pci::config::COMMAND_MASTER;
use devices::rtl8139::{Config, IO_BAR, MEMORY_BAR, Rtl8139};

use super::answer::{Answer, Registers, WORDS};
use super::memory::Memory;
use super::step::{Access, Space, Step};
use super::{Subject, explained};

const COMMAND: usize = 0x04;
const STATUS: usize = 0x06;
const STATUS_INTERRUPT: u16 = 1 << 3;

/// Our NIC.
pub struct Ours {
    config: Config,
    clock_stands: bool,
    /// Nanoseconds. Goes on from script to script, as QEMU's clock does.
    now: u64,
    memory: Memory,
    nic: Rtl8139,
    wire: Loop,
}

impl Ours {
    /// A NIC made from `config`. `clock_stands` says whether it is compared with one whose clock is
    /// told how much time passes.
    pub fn new(config: Config, clock_stands: bool) -> anyhow::Result<Self> {
        let memory = Memory::new(Memory::anonymous()?);
        let nic = Rtl8139::new(config, DmaMemory::new(memory.ram().clone()));
        Ok(Self { config, clock_stands, now: 0, memory, nic, wire: Loop::default() })
    }

    fn read(&mut self, access: Access) -> u32 {
        let mut data = [0; 4];
        self.nic.set_time(self.now);
        self.nic.read_bar(bar(access), access.offset.into(), &mut data[..access.width]);
        u32::from_le_bytes(data)
    }

    /// What the machine does with a write: a doorbell becomes an event for the worker, and so does
    /// whatever else wants service.
    fn write(&mut self, access: Access, value: u32) {
        let (bar, offset) = (bar(access), u64::from(access.offset));
        self.nic.set_time(self.now);
        let data = &value.to_le_bytes()[..access.width];
        let rung = self.nic.doorbells().into_iter().find(|bell| bell.rings(bar, offset, data));
        if let Some(bell) = rung {
            self.nic.ring(bell.id);
            self.work();
        } else if self.nic.write_bar(bar, offset, data) == Action::Service {
            self.work();
        }
    }

    /// What the machine's worker does when it is woken.
    fn work(&mut self) {
        while self.nic.transmit(&mut self.wire) == Transmit::More {}
        let _ = self.nic.receive_run(&mut self.wire, usize::MAX);
    }

    fn look(&mut self, step: Option<&Step>, value: Option<u32>) -> anyhow::Result<Answer> {
        let mut registers = Registers::UNKNOWN;
        for (long, offset) in registers.longs.iter_mut().zip((0..=u8::MAX).step_by(4)) {
            *long = self.read(Access::memory(offset, 4));
        }
        for (word, offset) in registers.words.iter_mut().zip(WORDS) {
            *word = self.read(Access::memory(offset, 2)) as u16;
        }
        explained::mask(&mut registers, self.clock_stands);
        let frames = std::mem::take(&mut self.wire.sent).into_iter().map(|(bytes, _)| bytes);
        let memory =
            if step.is_some_and(Step::may_write) { self.memory.news()? } else { Vec::new() };
        let mut status = [0; 2];
        self.nic.read_config(STATUS, &mut status);
        let line = u16::from_le_bytes(status) & STATUS_INTERRUPT != 0;
        anyhow::ensure!(line == self.nic.level(), "the status register and the line disagree");
        Ok(Answer { value, registers, line, frames: frames.collect(), memory })
    }
}

fn bar(access: Access) -> usize {
    match access.space {
        Space::Memory => MEMORY_BAR,
        Space::Ports => IO_BAR,
    }
}

impl Subject for Ours {
    fn power_on(&mut self) -> anyhow::Result<Answer> {
        self.memory.clear()?;
        self.nic = Rtl8139::new(self.config, DmaMemory::new(self.memory.ram().clone()));
        self.wire = Loop::default();
        let command = COMMAND_MASTER | 3;
        self.nic.set_time(self.now);
        let _ = self.nic.write_config(COMMAND, &command.to_le_bytes());
        self.look(None, None)
    }

    fn perform(&mut self, step: &Step) -> anyhow::Result<Answer> {
        let mut value = None;
        match step {
            Step::Write(access, value) => self.write(*access, *value),
            Step::Read(access) => value = Some(self.read(*access)),
            Step::Config(offset) => {
                let mut data = [0; 4];
                self.nic.read_config(usize::from(*offset), &mut data);
                value = Some(u32::from_le_bytes(data));
            }
            Step::Ram(..) | Step::Words(..) => {
                let (address, bytes) = step.memory().context("the step writes memory")?;
                self.memory.write(address, &bytes)?;
            }
            Step::Frame(bytes) => {
                self.wire.incoming.push_back(bytes.to_vec());
                self.work();
            }
            Step::Link(up) => self.nic.set_link(*up),
            Step::Clock(time) => {
                self.now += time;
                self.nic.set_time(self.now);
            }
        }
        self.look(Some(step), value)
    }
}
