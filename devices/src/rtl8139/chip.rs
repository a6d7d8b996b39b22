//! Which of the two chips it is.

/// The chips. Drivers tell them apart by the PCI revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Chip {
    /// The RTL8139C+: descriptor rings and offloads beside the C mode. Linux drives it with 8139cp.
    #[default]
    Rtl8139CPlus,
    /// The RTL8139C: four transmit descriptors and a receive ring. Linux drives it with 8139too.
    Rtl8139,
}

impl Chip {
    /// The PCI revision: from 0x20 on a chip is a C+.
    pub const fn revision(self) -> u8 {
        match self {
            Self::Rtl8139CPlus => 0x20,
            Self::Rtl8139 => 0x10,
        }
    }

    /// The version bits of TCR (30:26, 23 and 22).
    pub const fn version(self) -> u32 {
        match self {
            Self::Rtl8139CPlus => 0x7480_0000,
            Self::Rtl8139 => 0x7400_0000,
        }
    }

    /// Whether it has the C+ registers.
    pub const fn has_cplus(self) -> bool {
        matches!(self, Self::Rtl8139CPlus)
    }
}
