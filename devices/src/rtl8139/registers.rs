//! The registers, declared: name, place, reset value, writable bits, and when those count.
//!
//! `register_file` serves accesses to what is declared here; what a write does beyond storing bits
//! is in `control`. Offsets, reset values and masks: RTL8139C+ as QEMU models it, measured, and
//! drivers; names are the datasheet's. Registers that are not listed read as zero.

use std::ops::Range;

/// Bytes of the register file, and so of each BAR.
pub const SIZE: usize = 256;

/// The registers, in the order of [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reg {
    /// MAC address, bytes 0 to 3.
    Idr0,
    /// MAC address, bytes 4 and 5.
    Idr4,
    /// Multicast hash, bits 0 to 31.
    Mar0,
    /// Multicast hash, bits 32 to 63.
    Mar4,
    /// C mode: transmit status 0. C+ mode: address of the tally dump, low, and its command bit.
    Tsd0,
    /// C mode: transmit status 1. C+ mode: address of the tally dump, high.
    Tsd1,
    /// C mode: transmit status 2.
    Tsd2,
    /// C mode: transmit status 3.
    Tsd3,
    /// C mode: transmit address 0. C+ mode: normal transmit ring, low.
    Tsad0,
    /// C mode: transmit address 1. C+ mode: normal transmit ring, high.
    Tsad1,
    /// C mode: transmit address 2. C+ mode: high-priority transmit ring, low.
    Tsad2,
    /// C mode: transmit address 3. C+ mode: high-priority transmit ring, high.
    Tsad3,
    /// C mode: receive ring.
    Rbstart,
    /// Command.
    Cr,
    /// C mode: read pointer of the receive ring.
    Capr,
    /// C mode: write pointer of the receive ring.
    Cbr,
    /// Interrupt mask.
    Imr,
    /// Interrupt status.
    Isr,
    /// Transmit configuration.
    Tcr,
    /// Receive configuration.
    Rcr,
    /// Timer count.
    Tctr,
    /// Missed packets.
    Mpc,
    /// EEPROM wires, and the lock of the configuration registers.
    Cr9346,
    /// Configuration 0.
    Config0,
    /// Configuration 1.
    Config1,
    /// Timer interrupt.
    TimerInt,
    /// Media status.
    Msr,
    /// Configuration 3.
    Config3,
    /// Configuration 4.
    Config4,
    /// Stops and starts the clock.
    HltClk,
    /// Multiple interrupts.
    Mulint,
    /// PCI revision.
    RevId,
    /// Summary of the transmit status registers.
    Tsads,
    /// PHY: control.
    Bmcr,
    /// PHY: status.
    Bmsr,
    /// PHY: what we advertise.
    Anar,
    /// PHY: what the link partner can do.
    Anlpar,
    /// PHY: how the negotiation went.
    Aner,
    /// PHY: configuration and test.
    Cscr,
    /// Configuration 5.
    Config5,
    /// Doorbell of the C+ transmit rings.
    TpPoll,
    /// C+ command.
    Cpcr,
    /// Interrupt mitigation: how long and for how many frames TOK and ROK are held back.
    IntrMitigate,
    /// C+ receive ring, low.
    Rdsar0,
    /// C+ receive ring, high.
    Rdsar4,
    /// Early transmit threshold.
    EtThr,
}

/// One declared register.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which one.
    pub reg: Reg,
    /// The datasheet's name.
    pub name: &'static str,
    /// Where it starts.
    pub offset: u8,
    /// Its bytes: 1, 2 or 4.
    pub width: u8,
    /// Its value after power-on.
    pub reset: u32,
    /// The bits that a write may change.
    pub writable: u32,
    /// Whether writes count only while the configuration registers are unlocked (9346CR = C0).
    pub locked: bool,
    /// Whether CR.RST leaves it alone.
    pub survives: bool,
    /// Whether CR.RST of QEMU's model leaves it alone.
    pub survives_qemu: bool,
    /// Whether it is on the C+ chip only.
    pub cplus: bool,
}

const fn row(
    reg: Reg,
    name: &'static str,
    offset: u8,
    width: u8,
    reset: u32,
    writable: u32,
) -> Row {
    Row {
        reg,
        name,
        offset,
        width,
        reset,
        writable,
        locked: false,
        survives: false,
        survives_qemu: false,
        cplus: false,
    }
}

impl Row {
    const fn locked(self) -> Self {
        Self { locked: true, ..self }
    }

    /// A reset of the chip leaves it alone.
    const fn survives(self) -> Self {
        Self { survives: true, ..self }
    }

    /// A reset of QEMU's model leaves it alone.
    const fn survives_qemu(self) -> Self {
        Self { survives_qemu: true, ..self }
    }

    const fn cplus(self) -> Self {
        Self { cplus: true, ..self }
    }

    /// The bytes it occupies.
    pub fn range(&self) -> Range<usize> {
        let start = usize::from(self.offset);
        start..start + usize::from(self.width)
    }
}

const ALL: u32 = u32::MAX;

/// The register file. A writable mask of 0 means read-only, or that `control` does it all.
pub const TABLE: [Row; 46] = [
    row(Reg::Idr0, "IDR0", 0x00, 4, 0, ALL).locked().survives(),
    row(Reg::Idr4, "IDR4", 0x04, 2, 0, ALL).locked().survives(),
    row(Reg::Mar0, "MAR0", 0x08, 4, 0, ALL).survives().survives_qemu(),
    row(Reg::Mar4, "MAR4", 0x0c, 4, 0, ALL).survives().survives_qemu(),
    row(Reg::Tsd0, "TSD0/DTCCR", 0x10, 4, 0x2000, ALL),
    row(Reg::Tsd1, "TSD1/DTCCR", 0x14, 4, 0x2000, ALL),
    row(Reg::Tsd2, "TSD2", 0x18, 4, 0x2000, ALL),
    row(Reg::Tsd3, "TSD3", 0x1c, 4, 0x2000, ALL),
    row(Reg::Tsad0, "TSAD0/TNPDS", 0x20, 4, 0, ALL).survives_qemu(),
    row(Reg::Tsad1, "TSAD1/TNPDS", 0x24, 4, 0, ALL).survives_qemu(),
    row(Reg::Tsad2, "TSAD2/THPDS", 0x28, 4, 0, ALL).survives_qemu(),
    row(Reg::Tsad3, "TSAD3/THPDS", 0x2c, 4, 0, ALL).survives_qemu(),
    row(Reg::Rbstart, "RBSTART", 0x30, 4, 0, ALL),
    row(Reg::Cr, "CR", 0x37, 1, 0x01, 0x0c),
    row(Reg::Capr, "CAPR", 0x38, 2, 0xfff0, 0),
    row(Reg::Cbr, "CBR", 0x3a, 2, 0, 0),
    row(Reg::Imr, "IMR", 0x3c, 2, 0, 0xe1ff),
    row(Reg::Isr, "ISR", 0x3e, 2, 0, 0),
    row(Reg::Tcr, "TCR", 0x40, 4, 0, 0x030f_07f0),
    row(Reg::Rcr, "RCR", 0x44, 4, 0, 0x0f03_ffbf).survives_qemu(),
    row(Reg::Tctr, "TCTR", 0x48, 4, 0, 0),
    row(Reg::Mpc, "MPC", 0x4c, 4, 0, 0).survives_qemu(),
    row(Reg::Cr9346, "9346CR", 0x50, 1, 0, 0xce).survives().survives_qemu(),
    row(Reg::Config0, "CONFIG0", 0x51, 1, 0, 0x07).locked().survives(),
    row(Reg::Config1, "CONFIG1", 0x52, 1, 0x0c, 0xf3).locked().survives(),
    row(Reg::TimerInt, "TimerInt", 0x54, 4, 0, ALL),
    row(Reg::Msr, "MSR", 0x58, 1, 0xd0, 0).survives().survives_qemu(),
    row(Reg::Config3, "CONFIG3", 0x59, 1, 0x01, 0x70).locked().survives(),
    row(Reg::Config4, "CONFIG4", 0x5a, 1, 0, 0xf5).locked().survives().survives_qemu(),
    row(Reg::HltClk, "HltClk", 0x5b, 1, 1, 0),
    row(Reg::Mulint, "MULINT", 0x5c, 2, 0, 0x0fff).survives_qemu(),
    row(Reg::RevId, "RERID", 0x5e, 1, 0, 0).survives().survives_qemu(),
    row(Reg::Tsads, "TSAD", 0x60, 2, 0x000f, 0),
    row(Reg::Bmcr, "BMCR", 0x62, 2, 0x1000, 0x3100).survives(),
    row(Reg::Bmsr, "BMSR", 0x64, 2, 0x782d, 0).survives(),
    row(Reg::Anar, "ANAR", 0x66, 2, 0x05e1, ALL).survives(),
    row(Reg::Anlpar, "ANLPAR", 0x68, 2, 0x05e1, 0).survives(),
    row(Reg::Aner, "ANER", 0x6a, 2, 0x0001, ALL).survives(),
    row(Reg::Cscr, "CSCR", 0x74, 2, 0x0340, 0).survives(),
    row(Reg::Config5, "CONFIG5", 0xd8, 1, 0, 0x7f).survives(),
    row(Reg::TpPoll, "TPPoll", 0xd9, 1, 0, 0).cplus(),
    row(Reg::Cpcr, "CPCR", 0xe0, 2, 0, 0x007b).cplus(),
    row(Reg::IntrMitigate, "IntrMitigate", 0xe2, 2, 0, ALL).cplus(),
    row(Reg::Rdsar0, "RDSAR0", 0xe4, 4, 0, ALL).cplus(),
    row(Reg::Rdsar4, "RDSAR4", 0xe8, 4, 0, ALL).cplus(),
    row(Reg::EtThr, "ETThR", 0xec, 1, 0, ALL).survives_qemu().cplus(),
];
