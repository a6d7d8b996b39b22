//! A guest without a kernel: drives the machine's devices itself and tells what it saw.
//!
//! 1. `start.s` takes the CPU from the boot protocol's 64-bit entry to ring 3, where all of this
//!    runs: at native speed even where KVM emulates ring 0.
//! 2. [`main`] reads the kernel command line and runs the program that it names.
//! 3. The program drives ports, PCI, interrupts and NICs through the modules here, and notes facts.
//! 4. The machine is powered off; the test reads the facts out of guest memory.
//!
//! Memory is mapped one to one and everything belongs to one thread, so a physical address is a
//! pointer. See docs/bare-metal.md.

#![no_std]
#![no_main]

mod apic;
mod card;
mod command_line;
#[allow(dead_code, reason = "the test uses what the guest does not")]
mod contract;
mod dice;
mod facts;
mod frame;
mod interrupts;
mod io;
mod memory;
mod msix;
mod pci;
mod programs;
mod rtl8139;
mod serial;
mod time;
mod virtio_net;
mod virtqueue;

use command_line::CommandLine;

core::arch::global_asm!(include_str!("start.s"));
core::arch::global_asm!(include_str!("pvh.s"));

/// Where ring 3 starts; `zero_page` is the boot protocol's `struct boot_params`.
#[unsafe(no_mangle)]
extern "C" fn main(zero_page: u64) -> ! {
    interrupts::prepare();
    let command_line = CommandLine::from_zero_page(zero_page);
    match command_line.words().find_map(programs::find) {
        Some(run) => run(&command_line),
        None => panic!("no program is named by {command_line:?}"),
    }
    power_off()
}

/// ACPI's S5, by the PM1 control register where nicvmm has it (and QEMU's q35). On QEMU's pc an
/// `isa-debug-exit` listens instead.
fn power_off() -> ! {
    const DEBUG_EXIT: u16 = 0x501;
    const PM1_CONTROL: u16 = 0x604;
    const SLEEP_TYPE_OFF: u16 = 5 << 10;
    const SLEEP_ENABLE: u16 = 1 << 13;
    io::out16(PM1_CONTROL, SLEEP_TYPE_OFF | SLEEP_ENABLE);
    io::out8(DEBUG_EXIT, 0);
    unreachable!("the machine is still on")
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    const PVPANIC: u16 = 0x505;
    facts::note("panic", info);
    loop {
        io::out8(PVPANIC, 1);
    }
}
