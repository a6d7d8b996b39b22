//! A virtual CPU: runs the guest and carries out what makes it leave.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use devices::bus::Action;
use kvm_bindings::KVM_INTERNAL_ERROR_EMULATION;
use kvm_ioctls::{VcpuExit, VcpuFd};

use super::ending::{Ending, Endings};
use super::gdb::Stop;
use super::pci::{PciBus, SharedBus};

/// How often the vCPUs left the guest for user space, by cause.
#[derive(Debug, Default)]
pub struct ExitCounts {
    /// Port reads.
    pub port_reads: AtomicU64,
    /// Port writes.
    pub port_writes: AtomicU64,
    /// Memory-mapped reads.
    pub memory_reads: AtomicU64,
    /// Memory-mapped writes.
    pub memory_writes: AtomicU64,
    /// Anything else.
    pub other: AtomicU64,
}

/// What a vCPU needs to answer an exit.
#[derive(Clone)]
pub struct Context {
    /// Port space.
    pub pio: SharedBus,
    /// Memory space.
    pub mmio: SharedBus,
    /// Where BARs move.
    pub pci: Arc<PciBus>,
    /// Where the guest's end is reported.
    pub endings: Arc<Endings>,
    /// Set when vCPUs shall leave.
    pub stop: Arc<AtomicBool>,
    /// Counters.
    pub exits: Arc<ExitCounts>,
}

impl Context {
    /// Runs `vcpu` until the guest ends or the machine stops; a debugger may stop it at `breaks`.
    pub fn run(&self, vcpu: &mut VcpuFd, breaks: Option<&Stop>) {
        let _guard = PanicGuard(&self.endings);
        while !self.stop.load(Ordering::Acquire) {
            if let Some(breaks) = breaks {
                breaks.before_entry(vcpu, &self.stop);
            }
            if let Some(ending) = self.step(vcpu, breaks) {
                self.endings.report(ending);
                return;
            }
        }
    }

    #[allow(unsafe_code)]
    fn step(&self, vcpu: &mut VcpuFd, breaks: Option<&Stop>) -> Option<Ending> {
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        let exits = &*self.exits;
        let read = |bus: &SharedBus, address, data: &mut [u8]| {
            bus.read().unwrap_or_else(PoisonError::into_inner).read(address, data);
        };
        let write = |bus: &SharedBus, address, data: &[u8]| {
            bus.read().unwrap_or_else(PoisonError::into_inner).write(address, data)
        };
        let action = match vcpu.run() {
            Ok(VcpuExit::IoIn(port, data)) => {
                count(&exits.port_reads);
                let (start, length) = (data.as_mut_ptr(), data.len());
                // SAFETY: they are the data that this exit gave.
                for element in unsafe { elements(vcpu, start, length) } {
                    read(&self.pio, u64::from(port), element);
                }
                Action::None
            }
            Ok(VcpuExit::IoOut(port, data)) => {
                count(&exits.port_writes);
                let (start, length) = (data.as_ptr().cast_mut(), data.len());
                if length == 1 && breaks.is_some_and(|breaks| breaks.wrote(vcpu, &self.stop)) {
                    return None;
                }
                let mut action = Action::None;
                // SAFETY: they are the data that this exit gave.
                for element in unsafe { elements(vcpu, start, length) } {
                    match write(&self.pio, u64::from(port), element) {
                        Action::None => {}
                        wanted => action = wanted,
                    }
                }
                action
            }
            Ok(VcpuExit::MmioRead(address, data)) => {
                count(&exits.memory_reads);
                read(&self.mmio, address, data);
                Action::None
            }
            Ok(VcpuExit::MmioWrite(address, data)) => {
                count(&exits.memory_writes);
                write(&self.mmio, address, data)
            }
            Ok(VcpuExit::Debug(trap)) => {
                if let Some(breaks) = breaks {
                    breaks.trapped(vcpu, trap, &self.stop);
                }
                Action::None
            }
            Ok(VcpuExit::Shutdown) => {
                self.endings.note_registers(describe_registers(vcpu));
                return Some(Ending::TripleFault);
            }
            Ok(VcpuExit::InternalError) => {
                self.endings.note_registers(describe_registers(vcpu));
                return Some(Ending::KvmError(describe_internal_error(vcpu)));
            }
            Ok(VcpuExit::FailEntry(reason, cpu)) => {
                let what = format!("entering the guest failed on CPU {cpu}, reason {reason:#x}");
                return Some(Ending::KvmError(what));
            }
            Ok(VcpuExit::Intr | VcpuExit::Hlt | VcpuExit::IrqWindowOpen) => {
                count(&exits.other);
                Action::None
            }
            Ok(exit) => return Some(Ending::KvmError(format!("unexpected exit {exit:?}"))),
            Err(error) if [libc::EINTR, libc::EAGAIN].contains(&error.errno()) => Action::None,
            Err(error) => return Some(Ending::KvmError(format!("KVM_RUN failed: {error}"))),
        };
        match action {
            Action::None | Action::Service => None,
            Action::LayoutChanged => {
                self.pci.remap();
                None
            }
            Action::PowerOff => Some(Ending::PowerOff),
            Action::Reset => Some(Ending::Reset),
            Action::Panicked => Some(Ending::Panic),
        }
    }
}

/// Parts of a port access: a string instruction may move many elements in one exit.
///
/// # Safety
/// `vcpu` has left the guest for a port access, and `start` and `length` are its data, as the exit
/// gave them.
#[allow(unsafe_code)]
unsafe fn elements(
    vcpu: &mut VcpuFd,
    start: *mut u8,
    length: usize,
) -> std::slice::ChunksMut<'_, u8> {
    // SAFETY: the exit reason is KVM_EXIT_IO, so this member of the union is the one that KVM filled
    // in; all its fields are plain integers.
    let size = unsafe { vcpu.get_kvm_run().__bindgen_anon_1.io.size };
    // SAFETY: the data lie in the vCPU's mapping, and nobody else uses that while the vCPU is
    // borrowed here.
    let data = unsafe { std::slice::from_raw_parts_mut(start, length) };
    data.chunks_mut(usize::from(size).max(1))
}

/// Ends the machine if a device model panics: a vCPU that is gone would leave it waiting.
struct PanicGuard<'c>(&'c Endings);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.report(Ending::KvmError("a vCPU thread panicked; this is a bug".into()));
        }
    }
}

/// The registers of a CPU that cannot go on, a few lines.
fn describe_registers(vcpu: &VcpuFd) -> Vec<String> {
    let (Ok(regs), Ok(sregs)) = (vcpu.get_regs(), vcpu.get_sregs()) else { return Vec::new() };
    let line = |registers: &[(&str, u64)]| {
        let texts: Vec<String> =
            registers.iter().map(|(name, value)| format!("{name} {value:016x}")).collect();
        texts.join("  ")
    };
    vec![
        line(&[("rip", regs.rip), ("rsp", regs.rsp), ("rbp", regs.rbp), ("rfl", regs.rflags)]),
        line(&[("rax", regs.rax), ("rbx", regs.rbx), ("rcx", regs.rcx), ("rdx", regs.rdx)]),
        line(&[("rsi", regs.rsi), ("rdi", regs.rdi), ("r8 ", regs.r8), ("r9 ", regs.r9)]),
        line(&[("r10", regs.r10), ("r11", regs.r11), ("r12", regs.r12), ("r13", regs.r13)]),
        line(&[("r14", regs.r14), ("r15", regs.r15), ("cr0", sregs.cr0), ("cr2", sregs.cr2)]),
        line(&[("cr3", sregs.cr3), ("cr4", sregs.cr4), ("efr", sregs.efer)]),
    ]
}

/// Names the instruction that KVM could not emulate, where it tells.
#[allow(unsafe_code)]
fn describe_internal_error(vcpu: &mut VcpuFd) -> String {
    let rip = vcpu.get_regs().map_or(0, |regs| regs.rip);
    let run = vcpu.get_kvm_run();
    // SAFETY: the exit reason is KVM_EXIT_INTERNAL_ERROR, so this member of the union is the one
    // that KVM filled in; all its fields are plain integers.
    let error = unsafe { run.__bindgen_anon_1.emulation_failure };
    if error.suberror != KVM_INTERNAL_ERROR_EMULATION {
        return format!("KVM internal error {} at rip {rip:#x}", error.suberror);
    }
    let mut text = format!("KVM cannot emulate the instruction at rip {rip:#x}");
    let has_bytes = error.ndata >= 1 && error.flags & 1 != 0;
    if has_bytes {
        // SAFETY: the flag says that KVM filled in the instruction bytes.
        let known = unsafe { error.__bindgen_anon_1.__bindgen_anon_1 };
        let length = usize::from(known.insn_size).min(known.insn_bytes.len());
        text.push_str(": bytes");
        for byte in &known.insn_bytes[..length] {
            let _ = write!(text, " {byte:02x}");
        }
    }
    text
}
