//! Where things lie in the guest's address spaces.

/// Boot-time GDT.
pub const GDT: u64 = 0x500;
/// Code of the boot timer, in front of the kernel's entry.
pub const BOOT_STUB: u64 = 0x600;
/// The Linux zero page (struct boot_params).
pub const ZERO_PAGE: u64 = 0x7000;
/// Stack of the boot CPU, growing down.
pub const BOOT_STACK: u64 = 0x8ff0;
/// Page tables of the boot CPU: PML4, PDPT, then four page directories.
pub const PAGE_TABLES: u64 = 0x9000;
/// Kernel command line.
pub const COMMAND_LINE: u64 = 0x20000;
/// Longest command line in bytes, with its final NUL.
pub const COMMAND_LINE_MAX: usize = 0x10000;
/// End of conventional memory.
pub const LOW_MEMORY_END: u64 = 0x9fc00;
/// ACPI tables; the root pointer comes first.
pub const ACPI: u64 = 0xe0000;
/// End of the ACPI tables' area.
pub const ACPI_END: u64 = 0x100000;
/// Where memory above 1 MiB starts.
pub const HIGH_MEMORY: u64 = 0x100000;

/// End of RAM below 4 GiB, and start of the PCI memory window.
pub const PCI_MEMORY: u64 = 0xc000_0000;
/// End of the PCI memory window.
pub const PCI_MEMORY_END: u64 = 0xfec0_0000;
/// RAM goes on here.
pub const MEMORY_ABOVE_4G: u64 = 0x1_0000_0000;
/// First port of the PCI I/O window.
pub const PCI_IO: u64 = 0xc000;

/// I/O APIC registers.
pub const IOAPIC: u32 = 0xfec0_0000;
/// Local APIC registers.
pub const LAPIC: u32 = 0xfee0_0000;
/// Three pages that KVM wants for real mode on VMX.
pub const KVM_TSS: u64 = 0xfffb_d000;
/// A page that KVM wants for real mode on VMX.
pub const KVM_IDENTITY_MAP: u64 = 0xfffb_c000;

/// First serial port.
pub const COM1: u64 = 0x3f8;
/// Keyboard controller.
pub const I8042: u64 = 0x60;
/// The boot timer.
pub const BOOT_TIMER: u64 = 0x504;
/// pvpanic.
pub const PANIC: u64 = 0x505;
/// ACPI power registers.
pub const POWER: u64 = 0x600;
/// ACPI general-purpose event registers.
pub const GENERAL_EVENTS: u64 = 0x610;
/// PCI configuration address and data.
pub const PCI_CONFIG: u64 = 0xcf8;

/// GSI of the first serial port.
pub const COM1_GSI: u32 = 4;
/// Second serial port.
pub const COM2: u64 = 0x2f8;
/// GSI of the second serial port.
pub const COM2_GSI: u32 = 3;
/// ACPI's system control interrupt.
pub const SCI_GSI: u32 = 9;
/// First of the eight GSIs that PCI lines use.
pub const PCI_GSI: u32 = 16;
/// Number of GSIs that PCI lines use.
pub const PCI_GSIS: u32 = 8;
/// Pins of the I/O APIC; message vectors are routed from here up.
pub const IOAPIC_PINS: u32 = 24;

/// PCI slot of the virtio console; slot 0 is the host bridge.
pub const CONSOLE_SLOT: usize = 1;
/// PCI slot of the source of randomness.
pub const RNG_SLOT: usize = 2;
/// PCI slot of the first NIC: where the machines of the 2022 report had it.
pub const FIRST_NIC_SLOT: usize = 3;

/// The GSI of pin INTA of PCI slot `slot`.
pub fn pci_gsi(slot: usize) -> u32 {
    PCI_GSI + slot as u32 % PCI_GSIS
}
