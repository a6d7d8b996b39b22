//! The guest under the debugger: what stops its vCPUs, and its memory as they see it.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use gdbstub::common::{Signal, Tid};
use gdbstub::stub::MultiThreadStopReason;
use gdbstub::target::ext::breakpoints::WatchKind;
use kvm_bindings::{
    KVM_GUESTDBG_BLOCKIRQ, KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_INJECT_BP, KVM_GUESTDBG_SINGLESTEP,
    KVM_GUESTDBG_USE_HW_BP, KVM_GUESTDBG_USE_SW_BP, kvm_debug_exit_arch, kvm_guest_debug,
};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::Control;
use super::cpu::Cause;
use super::points::{Condition, HardwarePoints, SoftwarePoints};
use super::trap::Trap;
use crate::machine::ending::Endings;

const BREAKPOINT_EXCEPTION: u32 = 3;
/// DR6: a single step.
const DR6_STEP: u64 = 1 << 14;
const PAGE: u64 = 4096;

type Reason = MultiThreadStopReason<u64>;

/// The guest under the debugger.
pub struct Debuggee {
    pub(super) control: Control,
    memory: GuestMemoryMmap,
    endings: Arc<Endings>,
    software: SoftwarePoints,
    /// The debug registers.
    pub(super) hardware: HardwarePoints,
    trap: Trap,
    /// What each vCPU was told to do.
    pub(super) actions: Vec<Action>,
    /// Whether those that were told nothing stay where they are.
    pub(super) locked: bool,
}

/// What a vCPU does when the guest goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Nobody said.
    #[default]
    Unsaid,
    /// It runs.
    Continue,
    /// It executes one instruction.
    Step,
}

/// The thread that a vCPU is to GDB.
pub fn thread(index: usize) -> Tid {
    Tid::MIN.saturating_add(index)
}

/// The vCPU that a thread is.
pub fn index(thread: Tid) -> usize {
    thread.get() - 1
}

impl Debuggee {
    /// Debugs the vCPUs behind `control`.
    pub fn new(
        control: Control,
        trap: Trap,
        memory: GuestMemoryMmap,
        endings: Arc<Endings>,
    ) -> Self {
        let actions = vec![Action::Unsaid; control.count()];
        let (software, hardware) = (SoftwarePoints::default(), HardwarePoints::default());
        Self { control, memory, endings, software, hardware, trap, actions, locked: false }
    }

    /// Stops all vCPUs.
    pub fn stop(&mut self) -> Result<(), String> {
        self.control.stop_all()
    }

    /// Takes out all breakpoints and lets the guest run.
    pub fn release(&mut self) {
        if self.endings.get().is_none() && self.control.stop_all().is_ok() {
            let addresses: Vec<u64> = self.software.0.keys().copied().collect();
            for address in addresses {
                let _ = self.remove_software_point(address);
            }
        }
        self.hardware.clear();
        for index in 0..self.control.count() {
            let off = kvm_guest_debug::default();
            let _ = self.control.on(index, move |vcpu| vcpu.set_guest_debug(&off).is_ok());
            self.control.resume(index);
        }
    }

    /// Readable when something stopped: a vCPU, the machine.
    pub fn events(&self) -> [RawFd; 2] {
        [self.control.event().as_raw_fd(), self.endings.event().as_raw_fd()]
    }

    /// Why the guest stopped, if it did; then all vCPUs are stopped.
    pub fn stopped(&mut self) -> Result<Option<Reason>, String> {
        if self.endings.get().is_some() {
            return Ok(Some(MultiThreadStopReason::Exited(0)));
        }
        while let Some((cpu, cause)) = self.control.next_stop() {
            let Cause::Trap(trap) = cause else {
                self.control.stop_all()?;
                return Ok(Some(MultiThreadStopReason::SwBreak(thread(cpu))));
            };
            if trap.exception == BREAKPOINT_EXCEPTION && !self.software.contains(trap.pc) {
                // The guest's own: it gets it.
                self.arm(cpu, KVM_GUESTDBG_INJECT_BP)?;
                self.control.resume(cpu);
                continue;
            }
            self.control.stop_all()?;
            return Ok(Some(self.reason(cpu, &trap)));
        }
        Ok(None)
    }

    fn reason(&self, cpu: usize, trap: &kvm_debug_exit_arch) -> Reason {
        let tid = thread(cpu);
        if trap.exception == BREAKPOINT_EXCEPTION {
            return MultiThreadStopReason::SwBreak(tid);
        }
        let hit = self.hardware.hit(trap.dr6).filter(|_| trap.dr6 & DR6_STEP == 0);
        match hit {
            Some((_, Condition::Execute)) => MultiThreadStopReason::HwBreak(tid),
            Some((addr, Condition::Write(_))) => {
                MultiThreadStopReason::Watch { tid, kind: WatchKind::Write, addr }
            }
            Some((addr, Condition::Access(_))) => {
                MultiThreadStopReason::Watch { tid, kind: WatchKind::ReadWrite, addr }
            }
            None => MultiThreadStopReason::SignalWithThread { tid, signal: Signal::SIGTRAP },
        }
    }

    /// Tells KVM what shall make a vCPU stop.
    fn arm(&self, cpu: usize, more: u32) -> Result<(), String> {
        let mut debug =
            kvm_guest_debug { control: KVM_GUESTDBG_ENABLE | more, ..Default::default() };
        if !self.software.0.is_empty() && self.trap == Trap::Interrupt {
            debug.control |= KVM_GUESTDBG_USE_SW_BP;
        }
        if let Some(registers) = self.hardware.registers() {
            debug.control |= KVM_GUESTDBG_USE_HW_BP;
            debug.arch.debugreg = registers;
        }
        if self.actions.get(cpu) == Some(&Action::Step) {
            debug.control |= KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_BLOCKIRQ;
        }
        let set = move |vcpu: &kvm_ioctls::VcpuFd| {
            vcpu.set_guest_debug(&debug).or_else(|_| {
                // Older kernels cannot keep interrupts out of a step.
                debug.control &= !KVM_GUESTDBG_BLOCKIRQ;
                vcpu.set_guest_debug(&debug)
            })
        };
        match self.control.on(cpu, set) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(format!("KVM refused to debug vCPU {cpu}: {error}")),
            None => Err(format!("vCPU {cpu} does not answer")),
        }
    }

    /// Lets the vCPUs run as they were told.
    pub fn go_on(&mut self) -> Result<(), String> {
        let stays = |action: &Action| self.locked && *action == Action::Unsaid;
        let goes: Vec<usize> = (0..self.control.count())
            .filter(|cpu| !self.actions.get(*cpu).is_some_and(stays))
            .collect();
        for cpu in &goes {
            self.arm(*cpu, 0)?;
        }
        for cpu in goes {
            self.control.resume(cpu);
        }
        Ok(())
    }

    /// Puts a breakpoint into memory; answers false if there is no memory.
    pub fn add_software_point(&mut self, address: u64) -> bool {
        let mut old = [0];
        if self.software.contains(address) {
            return true;
        }
        if self.read(0, address, &mut old) != 1 || !self.write(0, address, &[self.trap.byte()]) {
            return false;
        }
        self.software.0.insert(address, old[0]);
        if self.trap == Trap::Output {
            self.control.outputs().insert(address);
        }
        true
    }

    /// Takes a breakpoint out of memory; answers false if there was none.
    pub fn remove_software_point(&mut self, address: u64) -> bool {
        let Some(old) = self.software.0.remove(&address) else { return false };
        self.control.outputs().remove(address);
        self.write(0, address, &[old])
    }

    /// The guest-physical address behind `address`, as vCPU `cpu` sees it.
    fn translate(&self, cpu: usize, address: u64) -> Option<GuestAddress> {
        let translated = self.control.on(cpu, move |vcpu| vcpu.translate_gva(address))?.ok()?;
        (translated.valid != 0).then_some(GuestAddress(translated.physical_address))
    }

    /// Carries out `access` on each part of a range that lies in one page; answers how many bytes
    /// were done.
    fn pages(
        &self,
        cpu: usize,
        start: u64,
        length: usize,
        mut access: impl FnMut(GuestAddress, std::ops::Range<usize>) -> bool,
    ) -> usize {
        let mut done = 0;
        while done < length {
            let address = start.wrapping_add(done as u64);
            let room = (PAGE - address % PAGE) as usize;
            let end = length.min(done + room);
            match self.translate(cpu, address) {
                Some(physical) if access(physical, done..end) => done = end,
                _ => break,
            }
        }
        done
    }

    /// Reads guest memory as vCPU `cpu` sees it; answers how many bytes could be read.
    pub fn read(&self, cpu: usize, start: u64, data: &mut [u8]) -> usize {
        self.pages(cpu, start, data.len(), |physical, range| {
            self.memory.read_slice(&mut data[range], physical).is_ok()
        })
    }

    /// Writes guest memory as vCPU `cpu` sees it; answers whether all could be written.
    pub fn write(&self, cpu: usize, start: u64, data: &[u8]) -> bool {
        let written = self.pages(cpu, start, data.len(), |physical, range| {
            self.memory.write_slice(&data[range], physical).is_ok()
        });
        written == data.len()
    }
}
