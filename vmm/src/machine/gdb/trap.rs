//! What a software breakpoint is: an instruction that makes the vCPU leave.
//!
//! `int3` is what it should be. Some KVMs hand it to the guest instead: those below which a CPU is
//! emulated that does not intercept it, such as the nested machine's. There it is `out dx, al`, which
//! leaves wherever the guest's privilege lets it do I/O: in its kernel. Whether `int3` works is found
//! out by trying.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use kvm_bindings::{
    KVM_GUESTDBG_ENABLE, KVM_GUESTDBG_USE_SW_BP, kvm_guest_debug, kvm_userspace_memory_region,
};
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd};
use vm_memory::VolatileMemory;
use vm_memory::mmap::MmapRegion;

/// The instruction that stands at a breakpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// `int3`.
    Interrupt,
    /// `out dx, al`.
    Output,
}

impl Trap {
    /// Its only byte.
    pub fn byte(self) -> u8 {
        match self {
            Self::Interrupt => 0xcc,
            Self::Output => 0xee,
        }
    }

    /// The one that works on this host.
    pub fn that_works() -> Self {
        match int3_leaves() {
            Ok(true) => Self::Interrupt,
            _ => Self::Output,
        }
    }
}

/// Has a guest of one instruction run into `int3`, in real mode.
#[allow(unsafe_code)]
fn int3_leaves() -> Result<bool, kvm_ioctls::Error> {
    const LENGTH: usize = 4096;
    let vm = Kvm::new()?.create_vm()?;
    let unavailable = |_| kvm_ioctls::Error::new(libc::ENOMEM);
    let memory = MmapRegion::<()>::new(LENGTH).map_err(unavailable)?;
    if let Ok(code) = memory.get_ref::<u8>(0) {
        code.store(Trap::Interrupt.byte());
    }
    let region = kvm_userspace_memory_region {
        memory_size: LENGTH as u64,
        userspace_addr: memory.as_ptr() as u64,
        ..Default::default()
    };
    // SAFETY: the mapping is as long as the region says, and outlives the VM's only vCPU.
    unsafe { vm.set_user_memory_region(region)? };
    let mut vcpu = vm.create_vcpu(0)?;
    let mut sregs = vcpu.get_sregs()?;
    (sregs.cs.base, sregs.cs.selector) = (0, 0);
    vcpu.set_sregs(&sregs)?;
    let mut regs = vcpu.get_regs()?;
    (regs.rip, regs.rflags) = (0, 2);
    vcpu.set_regs(&regs)?;
    let control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
    vcpu.set_guest_debug(&kvm_guest_debug { control, ..Default::default() })?;
    Ok(matches!(vcpu.run()?, VcpuExit::Debug(_)))
}

/// Where breakpoints that are `out` stand, for the vCPUs to know theirs from the guest's own.
#[derive(Clone, Debug, Default)]
pub struct Outputs(Arc<RwLock<BTreeSet<u64>>>);

impl Outputs {
    /// Notes one.
    pub fn insert(&self, address: u64) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(address);
    }

    /// Forgets one.
    pub fn remove(&self, address: u64) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&address);
    }

    /// The breakpoint that a port write came from, if it is one. Then the write is over for KVM, and
    /// the vCPU is at the breakpoint as if it had not been executed.
    pub fn came_from(&self, vcpu: &mut VcpuFd) -> Option<u64> {
        let points = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if points.is_empty() {
            return None;
        }
        // KVM may have advanced RIP already.
        let rip = vcpu.get_regs().ok()?.rip;
        let at = [rip, rip.wrapping_sub(1)].into_iter().find(|rip| points.contains(rip))?;
        vcpu.set_kvm_immediate_exit(1);
        let _ = vcpu.run(); // finishes the instruction, then fails
        vcpu.set_kvm_immediate_exit(0);
        let mut regs = vcpu.get_regs().ok()?;
        regs.rip = at;
        vcpu.set_regs(&regs).ok()?;
        Some(at)
    }
}
