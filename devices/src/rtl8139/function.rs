//! The NIC as a PCI function: identity, BARs, doorbell, interrupt line.

use super::control::POLL_NORMAL;
use super::eeprom::byte;
use super::register_file::Registers;
use super::{Config, IO_BAR, MEMORY_BAR, Rtl8139, exact, registers, wake};
use crate::bus::Action;
use crate::net::Nic;
use crate::pci::config::{Bar, BarKind, COMMAND_NO_INTX, Configuration, Identity};
use crate::pci::{Doorbell, Function};

const PIN_INTA: u8 = 1;
const TPPOLL: u64 = 0xd9;
/// Min_Gnt, and Max_Lat behind it.
const MIN_GRANT: usize = 0x3e;
/// The capability pointer.
const CAPABILITIES: usize = 0x34;
/// What QEMU's model has there, with no capability behind it.
const NOWHERE: u16 = 0xdc;

/// The configuration space after power-on, and where the power management capability stands.
pub fn configuration(config: &Config) -> (Configuration, Option<usize>) {
    let identity = Identity {
        vendor: 0x10ec,
        device: 0x8139,
        class: [2, 0, 0],
        revision: config.chip.revision(),
        subsystem_vendor: 0x1af4,
        subsystem: 0x1100,
    };
    let size = registers::SIZE as u64;
    let mut pci = Configuration::new(identity)
        .with_bar(IO_BAR, Bar { kind: BarKind::Io, size })
        .with_bar(MEMORY_BAR, Bar { kind: BarKind::Memory32, size })
        .with_pin(PIN_INTA);
    if config.quirks.no_capabilities {
        return (pci, None);
    }
    pci.leave_free_until(wake::CAPABILITY_AT);
    let power = pci.add_capability(wake::CAPABILITY, &wake::BODY, &wake::WRITABLE);
    (pci, power)
}

impl Rtl8139 {
    /// Sets what the chip loads into configuration space, or what QEMU's model has there.
    pub(super) fn load_pci(&mut self) {
        if self.config.quirks.no_capabilities {
            self.pci.set_u16(CAPABILITIES, NOWHERE);
        } else if self.eeprom.is_signed() {
            let timing = [byte::MIN_GRANT, byte::MIN_GRANT + 1].map(|at| self.eeprom.byte(at));
            self.pci.set_u16(MIN_GRANT, u16::from_le_bytes(timing));
        }
    }
}

impl Function for Rtl8139 {
    fn configuration(&self) -> &Configuration {
        &self.pci
    }

    fn write_config(&mut self, offset: usize, data: &[u8]) -> Action {
        let before = self.power_state();
        let action = self.pci.write(offset, data);
        self.memory.set_enabled(self.pci.bus_master());
        self.power_written(offset, data, before);
        action
    }

    fn read_bar(&mut self, _bar: usize, offset: u64, data: &mut [u8]) {
        if self.is_asleep() {
            data.fill(0xff);
        } else if self.config.quirks.exact_accesses {
            exact::read(&self.registers, offset, data);
        } else {
            self.registers.read(offset, data);
        }
    }

    fn write_bar(&mut self, _bar: usize, offset: u64, data: &[u8]) -> Action {
        if self.is_asleep() {
            return Action::None;
        }
        if self.config.quirks.exact_accesses {
            exact::write(offset, data, |write| self.written(write));
        } else {
            for write in Registers::split(offset, data) {
                self.written(write);
            }
        }
        self.settle();
        self.after_write()
    }

    fn doorbells(&self) -> Vec<Doorbell> {
        if !self.config.chip.has_cplus() {
            return Vec::new();
        }
        [IO_BAR, MEMORY_BAR]
            .map(|bar| Doorbell {
                bar,
                offset: TPPOLL,
                width: 1,
                value: Some(u64::from(POLL_NORMAL)),
                id: 0,
            })
            .to_vec()
    }

    fn ring(&mut self, _id: u32) {
        if !self.is_asleep() {
            self.poll(POLL_NORMAL);
        }
    }

    fn level(&self) -> bool {
        self.interrupting() && self.pci.command() & COMMAND_NO_INTX == 0 && !self.is_asleep()
    }

    fn wakes(&self) -> bool {
        self.asserts_pme()
    }

    fn mirror(&self, bar: usize, page: &mut [u8]) -> bool {
        let varies = self.counter_used || self.config.quirks.exact_accesses || self.is_asleep();
        if bar != MEMORY_BAR || varies {
            return false;
        }
        self.registers.read(0, page);
        true
    }

    fn set_time(&mut self, now: u64) {
        self.advance(now);
    }

    fn deadline(&self) -> Option<u64> {
        let holds = [self.sent_hold.due(), self.received_hold.due()];
        holds.into_iter().chain([self.timer.due(), self.look_again]).flatten().min()
    }

    fn as_nic(&mut self) -> Option<&mut dyn Nic> {
        Some(self)
    }

    fn reset(&mut self) {
        self.pci.reset();
        self.memory.set_enabled(false);
        self.power_on();
    }
}
