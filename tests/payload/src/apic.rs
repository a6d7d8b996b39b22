//! The local APIC and the I/O APIC, and the two PICs that have to be quiet.

use crate::io;

const LAPIC: u64 = 0xfee0_0000;
const TASK_PRIORITY: u64 = LAPIC + 0x80;
const END_OF_INTERRUPT: u64 = LAPIC + 0xb0;
const SPURIOUS: u64 = LAPIC + 0xf0;
const IN_SERVICE: u64 = LAPIC + 0x100;
const REQUESTED: u64 = LAPIC + 0x200;
const COMMAND: u64 = LAPIC + 0x300;
const LINT0: u64 = LAPIC + 0x350;
const SOFTWARE_ENABLE: u32 = 1 << 8;
const SPURIOUS_VECTOR: u32 = 0xff;
const MASKED: u32 = 1 << 16;
const TO_SELF: u32 = 1 << 18;

const IOAPIC_SELECT: u64 = 0xfec0_0000;
const IOAPIC_WINDOW: u64 = 0xfec0_0010;
const REDIRECTION: u32 = 0x10;
const LEVEL: u32 = 1 << 15;

const PIC_MASKS: [u16; 2] = [0x21, 0xa1];

/// The address of a message to the boot CPU's local APIC.
pub const MESSAGE_ADDRESS: u64 = LAPIC;

/// Switches the local APIC on, and the PICs off.
pub fn enable() {
    for port in PIC_MASKS {
        io::out8(port, 0xff);
    }
    io::write(LINT0, MASKED);
    io::write(SPURIOUS, SOFTWARE_ENABLE | SPURIOUS_VECTOR);
}

/// Ends the interrupt in service, and lets the next one come.
pub fn end_of_interrupt() {
    io::write(END_OF_INTERRUPT, 0u32);
    io::write(TASK_PRIORITY, 0u32);
}

/// Sends `vector` to this CPU.
pub fn send_to_self(vector: u8) {
    io::write(COMMAND, TO_SELF | u32::from(vector));
}

fn bit(registers: u64, vector: u8) -> bool {
    let word: u32 = io::read(registers + u64::from(vector / 32) * 16);
    word >> (vector % 32) & 1 == 1
}

/// Whether `vector` waits for the CPU.
pub fn requested(vector: u8) -> bool {
    bit(REQUESTED, vector)
}

/// Whether the CPU took `vector` and has not ended it yet.
pub fn in_service(vector: u8) -> bool {
    bit(IN_SERVICE, vector)
}

/// Routes `pin` of the I/O APIC, level-triggered and active high, to `vector` of this CPU.
pub fn route_level(pin: u8, vector: u8) {
    let register = REDIRECTION + 2 * u32::from(pin);
    io::write(IOAPIC_SELECT, register + 1);
    io::write(IOAPIC_WINDOW, 0u32);
    io::write(IOAPIC_SELECT, register);
    io::write(IOAPIC_WINDOW, LEVEL | u32::from(vector));
}
