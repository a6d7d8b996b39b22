//! Registers, between KVM's form and GDB's.

use gdbstub_arch::x86::reg::X86_64CoreRegs;
use kvm_bindings::{kvm_fpu, kvm_regs, kvm_sregs};
use kvm_ioctls::VcpuFd;

type Result<T> = std::result::Result<T, kvm_ioctls::Error>;

/// Reads all registers of a stopped vCPU.
pub fn read(vcpu: &VcpuFd) -> Result<X86_64CoreRegs> {
    Ok(to_gdb(&vcpu.get_regs()?, &vcpu.get_sregs()?, &vcpu.get_fpu()?))
}

/// Writes general, floating point and vector registers. Segments stay: a selector alone is not one.
pub fn write(vcpu: &VcpuFd, wanted: &X86_64CoreRegs) -> Result<()> {
    let mut regs = vcpu.get_regs()?;
    general_from_gdb(&mut regs, wanted);
    vcpu.set_regs(&regs)?;
    let mut fpu = vcpu.get_fpu()?;
    for (ours, theirs) in fpu.fpr.iter_mut().zip(&wanted.st) {
        ours[..theirs.len()].copy_from_slice(theirs);
    }
    for (ours, theirs) in fpu.xmm.iter_mut().zip(&wanted.xmm) {
        *ours = theirs.to_le_bytes();
    }
    (fpu.fcw, fpu.fsw, fpu.mxcsr) =
        (wanted.fpu.fctrl as u16, wanted.fpu.fstat as u16, wanted.mxcsr);
    vcpu.set_fpu(&fpu)
}

fn to_gdb(regs: &kvm_regs, sregs: &kvm_sregs, fpu: &kvm_fpu) -> X86_64CoreRegs {
    let mut gdb = X86_64CoreRegs {
        regs: [
            regs.rax, regs.rbx, regs.rcx, regs.rdx, regs.rsi, regs.rdi, regs.rbp, regs.rsp,
            regs.r8, regs.r9, regs.r10, regs.r11, regs.r12, regs.r13, regs.r14, regs.r15,
        ],
        rip: regs.rip,
        eflags: regs.rflags as u32,
        mxcsr: fpu.mxcsr,
        ..Default::default()
    };
    let segment = |segment: &kvm_bindings::kvm_segment| u32::from(segment.selector);
    gdb.segments.cs = segment(&sregs.cs);
    gdb.segments.ss = segment(&sregs.ss);
    gdb.segments.ds = segment(&sregs.ds);
    gdb.segments.es = segment(&sregs.es);
    gdb.segments.fs = segment(&sregs.fs);
    gdb.segments.gs = segment(&sregs.gs);
    for (theirs, ours) in gdb.st.iter_mut().zip(&fpu.fpr) {
        *theirs = std::array::from_fn(|index| ours[index]);
    }
    for (theirs, ours) in gdb.xmm.iter_mut().zip(&fpu.xmm) {
        *theirs = u128::from_le_bytes(*ours);
    }
    gdb.fpu.fctrl = u32::from(fpu.fcw);
    gdb.fpu.fstat = u32::from(fpu.fsw);
    gdb.fpu.ftag = u32::from(fpu.ftwx);
    gdb
}

fn general_from_gdb(regs: &mut kvm_regs, gdb: &X86_64CoreRegs) {
    [
        regs.rax, regs.rbx, regs.rcx, regs.rdx, regs.rsi, regs.rdi, regs.rbp, regs.rsp, regs.r8,
        regs.r9, regs.r10, regs.r11, regs.r12, regs.r13, regs.r14, regs.r15,
    ] = gdb.regs;
    regs.rip = gdb.rip;
    regs.rflags = u64::from(gdb.eflags);
}

#[cfg(test)]
#[path = "registers_tests.rs"]
mod tests;
