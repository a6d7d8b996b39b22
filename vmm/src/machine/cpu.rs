//! The state a CPU starts in: CPUID, MSRs, and for the boot CPU 64-bit mode with the first
//! 4 GiB mapped one to one.

use kvm_bindings::{
    CpuId, KVM_MAX_CPUID_ENTRIES, Msrs, kvm_fpu, kvm_msr_entry, kvm_regs, kvm_segment,
};
use kvm_ioctls::{Kvm, VcpuFd};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::boot::Entry;
use super::error::{Error, Result};
use super::layout;

const MSR_MISC_ENABLE: u32 = 0x1a0;
const MISC_ENABLE_FAST_STRING: u64 = 1;
const MSR_MTRR_DEFAULT_TYPE: u32 = 0x2ff;
const MTRR_ENABLED_WRITE_BACK: u64 = 1 << 11 | 6;

const CR0_PROTECTED_MODE: u64 = 1;
const CR0_EXTENSION_TYPE: u64 = 1 << 4;
const CR0_PAGING: u64 = 1 << 31;
const CR4_PHYSICAL_ADDRESS_EXTENSION: u64 = 1 << 5;
const EFER_LONG_MODE: u64 = 1 << 8 | 1 << 10;

const LVT_LINT0: usize = 0x350;
const LVT_LINT1: usize = 0x360;
const DELIVER_EXTERNAL: u32 = 7 << 8;
const DELIVER_NMI: u32 = 4 << 8;

/// Gives CPU `index` of `count` its identity: CPUID and APIC.
pub fn identify(kvm: &Kvm, vcpu: &VcpuFd, index: u8, count: u8) -> Result<()> {
    let mut cpuid =
        kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES).map_err(|e| Error::Kvm("list CPUID", e))?;
    adapt(&mut cpuid, index, count);
    if host_is_tcg() {
        hide_xsave(&mut cpuid);
    }
    vcpu.set_cpuid2(&cpuid).map_err(|e| Error::Kvm("set CPUID", e))?;
    set_msrs(kvm, vcpu);
    let fpu = kvm_fpu { fcw: 0x37f, mxcsr: 0x1f80, ..Default::default() };
    vcpu.set_fpu(&fpu).map_err(|e| Error::Kvm("set the FPU", e))?;
    wire_local_interrupts(vcpu)
}

/// Whether the host itself runs under QEMU's TCG.
fn host_is_tcg() -> bool {
    let leaf = std::arch::x86_64::__cpuid(0x4000_0000);
    [leaf.ebx, leaf.ecx, leaf.edx].map(u32::to_le_bytes).concat() == *b"TCGTCGTCGTCG"
}

/// Takes XSAVE and what needs it out of CPUID. TCG's SVM lets a guest set XCR0 without telling
/// KVM, so what KVM says of the size of the save area is wrong, and Linux warns.
fn hide_xsave(cpuid: &mut CpuId) {
    const XSAVE_OSXSAVE_AVX: u32 = 7 << 26;
    const FMA_F16C: u32 = 1 << 12 | 1 << 29;
    const AVX2: u32 = 1 << 5;
    const VAES_VPCLMULQDQ: u32 = 1 << 9 | 1 << 10;
    for entry in cpuid.as_mut_slice() {
        match entry.function {
            1 => entry.ecx &= !(XSAVE_OSXSAVE_AVX | FMA_F16C),
            7 if entry.index == 0 => {
                entry.ebx &= !AVX2;
                entry.ecx &= !VAES_VPCLMULQDQ;
            }
            0xd => (entry.eax, entry.ebx, entry.ecx, entry.edx) = (0, 0, 0, 0),
            _ => {}
        }
    }
}

fn adapt(cpuid: &mut CpuId, index: u8, count: u8) {
    const HYPERVISOR: u32 = 1 << 31;
    const TSC_DEADLINE: u32 = 1 << 24;
    const HYPER_THREADING: u32 = 1 << 28;
    for entry in cpuid.as_mut_slice() {
        match entry.function {
            1 => {
                entry.ebx = entry.ebx & 0xffff | u32::from(count) << 16 | u32::from(index) << 24;
                entry.ecx |= HYPERVISOR | TSC_DEADLINE;
                if count > 1 {
                    entry.edx |= HYPER_THREADING;
                }
            }
            // Cache and core topology: every CPU is a core of its own in one package.
            4 => entry.eax = entry.eax & 0x3ff | u32::from(count - 1) << 26,
            0xb | 0x1f => {
                entry.edx = u32::from(index);
                let bits = u8::BITS - (count - 1).leading_zeros();
                (entry.eax, entry.ebx, entry.ecx) = match entry.index {
                    0 => (0, 1, 1 << 8),
                    1 => (bits, u32::from(count), 2 << 8 | 1),
                    level => (0, 0, level),
                };
            }
            0x8000_0008 => entry.ecx = entry.ecx & !0xf0ff | u32::from(count - 1),
            _ => {}
        }
    }
}

/// Sets what KVM lists, one by one: some hosts refuse an MSR that others want.
fn set_msrs(kvm: &Kvm, vcpu: &VcpuFd) {
    let Ok(known) = kvm.get_msr_index_list() else { return };
    let wanted = [
        (MSR_MISC_ENABLE, MISC_ENABLE_FAST_STRING),
        (MSR_MTRR_DEFAULT_TYPE, MTRR_ENABLED_WRITE_BACK),
    ];
    for (index, data) in wanted.into_iter().filter(|(index, _)| known.as_slice().contains(index)) {
        let entry = kvm_msr_entry { index, data, ..Default::default() };
        let done = Msrs::from_entries(&[entry]).ok().and_then(|msrs| vcpu.set_msrs(&msrs).ok());
        if done != Some(1) {
            tracing::warn!("KVM refused to set MSR {index:#x} to {data:#x}; going on without");
        }
    }
}

fn wire_local_interrupts(vcpu: &VcpuFd) -> Result<()> {
    let mut lapic = vcpu.get_lapic().map_err(|e| Error::Kvm("read the local APIC", e))?;
    for (register, mode) in [(LVT_LINT0, DELIVER_EXTERNAL), (LVT_LINT1, DELIVER_NMI)] {
        let bytes = &mut lapic.regs[register..register + 4];
        let old =
            u32::from_le_bytes([bytes[0] as u8, bytes[1] as u8, bytes[2] as u8, bytes[3] as u8]);
        for (to, from) in bytes.iter_mut().zip((old & !0x700 | mode).to_le_bytes()) {
            *to = from as _;
        }
    }
    vcpu.set_lapic(&lapic).map_err(|e| Error::Kvm("set the local APIC", e))
}

/// Puts the boot CPU at `entry`, in 64-bit mode, as the Linux boot protocol's 64-bit entry asks.
pub fn start(vcpu: &VcpuFd, memory: &GuestMemoryMmap, entry: Entry) -> Result<()> {
    write_tables(memory)?;
    let mut sregs = vcpu.get_sregs().map_err(|e| Error::Kvm("read special registers", e))?;
    let data = segment(CODE_SELECTOR + 8, 3, false);
    sregs.cs = segment(CODE_SELECTOR, 0xb, true);
    (sregs.ds, sregs.es, sregs.fs, sregs.gs, sregs.ss) = (data, data, data, data, data);
    sregs.gdt.base = layout::GDT;
    sregs.gdt.limit = 8 * GDT_ENTRIES as u16 - 1;
    sregs.idt.limit = 0;
    sregs.cr0 = CR0_PROTECTED_MODE | CR0_EXTENSION_TYPE | CR0_PAGING;
    sregs.cr3 = layout::PAGE_TABLES;
    sregs.cr4 = CR4_PHYSICAL_ADDRESS_EXTENSION;
    sregs.efer = EFER_LONG_MODE;
    vcpu.set_sregs(&sregs).map_err(|e| Error::Kvm("set special registers", e))?;
    let regs = kvm_regs {
        rip: entry.address,
        rsi: entry.argument,
        rsp: layout::BOOT_STACK,
        rflags: 2,
        ..Default::default()
    };
    vcpu.set_regs(&regs).map_err(|e| Error::Kvm("set registers", e))
}

/// __BOOT_CS of the Linux boot protocol; __BOOT_DS follows.
const CODE_SELECTOR: u16 = 0x10;
const GDT_ENTRIES: usize = 4;
/// Flat 64-bit code and flat data, as descriptors.
const GDT: [u64; GDT_ENTRIES] = [0, 0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff];

fn segment(selector: u16, kind: u8, long: bool) -> kvm_segment {
    kvm_segment {
        base: 0,
        limit: 0xffff_ffff,
        selector,
        type_: kind,
        present: 1,
        dpl: 0,
        db: u8::from(!long),
        s: 1,
        l: u8::from(long),
        g: 1,
        ..Default::default()
    }
}

/// Page tables that map 4 GiB in 2 MiB pages, and the GDT.
fn write_tables(memory: &GuestMemoryMmap) -> Result<()> {
    const PRESENT_WRITABLE: u64 = 3;
    const LARGE: u64 = 1 << 7;
    const PAGE: u64 = 0x1000;
    let mut tables = vec![(layout::PAGE_TABLES + PAGE) | PRESENT_WRITABLE];
    tables.resize(512, 0);
    for directory in 0..4 {
        tables.push((layout::PAGE_TABLES + (2 + directory) * PAGE) | PRESENT_WRITABLE);
    }
    tables.resize(1024, 0);
    tables.extend((0..2048u64).map(|page| page << 21 | PRESENT_WRITABLE | LARGE));
    let bytes: Vec<u8> = tables.into_iter().flat_map(u64::to_le_bytes).collect();
    let gdt: Vec<u8> = GDT.into_iter().flat_map(u64::to_le_bytes).collect();
    memory
        .write_slice(&bytes, GuestAddress(layout::PAGE_TABLES))
        .and_then(|()| memory.write_slice(&gdt, GuestAddress(layout::GDT)))
        .map_err(|_| Error::TooSmall(layout::PAGE_TABLES, "the boot page tables"))
}
