//! Where models of the chip depart from it: every difference a flag, every model a constant.
//!
//! The engine is one. It asks a flag of [`Quirks`] at each place where QEMU's rtl8139 does something
//! else than the chip does, or than TCP and IP expect. [`Quirks::NONE`] is the chip;
//! [`Quirks::QEMU_5_2`] and [`Quirks::QEMU_7_2`] are what those releases do, byte for byte, so that
//! they can be held against each other. The page `docs/rtl8139-differences.md` goes through them.

use crate::ethernet::segment;

/// What happens to frames on their way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offload {
    /// Decisions are taken on word 0 after its status bits were cleared, which hits the segment
    /// size and lets its bits pass for checksum commands.
    pub clobbers_command: bool,
    /// Segments are cut for an MTU of 1500, whatever segment size the driver asks for.
    pub assumes_mtu: bool,
    /// What segmentation gets wrong.
    pub segments: segment::Quirks,
    /// A UDP checksum of zero, which says that there is none, goes out as it is.
    pub zero_udp_checksum: bool,
    /// A frame with a tag of its own is not offloaded.
    pub plain_only: bool,
    /// A checksum is filled in where no TCP or UDP header fits, even beyond the packet.
    pub checksums_stumps: bool,
}

impl Offload {
    /// The chip, as RFCs 768, 3168 and 9293 want it to be.
    pub const NONE: Self = Self {
        clobbers_command: false,
        assumes_mtu: false,
        segments: segment::Quirks::NONE,
        zero_udp_checksum: false,
        plain_only: false,
        checksums_stumps: false,
    };
    /// QEMU from 7.2 on.
    pub const QEMU_7_2: Self = Self {
        segments: segment::Quirks::QEMU,
        zero_udp_checksum: true,
        plain_only: true,
        checksums_stumps: true,
        ..Self::NONE
    };
    /// QEMU up to 7.1: the model of the incident.
    pub const QEMU_5_2: Self = Self { clobbers_command: true, assumes_mtu: true, ..Self::QEMU_7_2 };
}

/// How a NIC departs from the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quirks {
    /// Frames on their way out.
    pub offload: Offload,

    /// A register answers only the widths it has a handler for; other accesses fall apart into
    /// bytes, most of which read as zero and are lost on writes.
    pub exact_accesses: bool,
    /// The MAC address can be written while the configuration registers are locked.
    pub open_mac: bool,
    /// CR.RST restores the MAC address and the configuration registers, and spares the filter,
    /// the missed packets and the C mode addresses. Autoload is such a reset, too.
    pub deep_reset: bool,
    /// After power-on and autoload CR shows RST until it is written.
    pub lingering_reset: bool,
    /// Each write of RCR, and none of CR, empties the C mode receive ring.
    pub rcr_empties_ring: bool,
    /// Each write of CR with RE or TE set, not only one that sets them, restarts the C+ rings.
    pub eager_restart: bool,
    /// MPC has 32 bits instead of 24.
    pub wide_mpc: bool,
    /// The PHY always is in the middle of 100 Mbit/s full duplex: no negotiation, no speed or
    /// duplex to set, no sign of a link change in CSCR, but two bits of BMSR that can be written.
    pub fixed_phy: bool,
    /// The EEPROM has little content and cannot be written, DO keeps its last level, and wires
    /// keep theirs outside of programming mode.
    pub simple_eeprom: bool,
    /// A reset starts TCTR not at zero but where it would be had it run all the time.
    pub endless_counter: bool,
    /// There are no PCI capabilities, though the capability pointer says 0xdc.
    pub no_capabilities: bool,

    /// IntrMitigate does nothing and reads as zero.
    pub ignores_mitigation: bool,
    /// TPPoll.FSWInt does nothing.
    pub ignores_software_interrupt: bool,
    /// The transmitter does not tell with TDU that it ran out of descriptors.
    pub never_tells_dry: bool,
    /// Memory that is out of reach reads as zeros and swallows writes, without SERR.
    pub ignores_faults: bool,

    /// Each C+ descriptor is copied and given back before the next is looked at, into a buffer that
    /// outlives doorbells, and a doorbell is good for 64 of them.
    pub staged_transmit: bool,
    /// A write to a TSD sends at most one C mode frame.
    pub one_frame_a_write: bool,
    /// C mode frames may have 8191 bytes instead of 1792.
    pub long_c_frames: bool,
    /// TPPoll.HPQ and THPDS do nothing.
    pub ignores_high_priority: bool,
    /// Short C+ frames go out as they are instead of padded to 60 bytes.
    pub unpadded_transmit: bool,

    /// A received frame must fit one descriptor's buffer.
    pub one_receive_descriptor: bool,
    /// The receive ring goes on behind its 64th descriptor until one ends it.
    pub endless_receive_ring: bool,
    /// The status of received frames does not tell about checksums.
    pub ignores_receive_checksums: bool,
    /// The status of a received frame leaves what the driver had in its other bits.
    pub keeps_status: bool,
    /// A promiscuous NIC does not tell, or count, to what kind of address a frame came.
    pub promiscuous_hides_match: bool,
    /// Short frames get padding, but the FCS in C+ mode is that of the frame without it.
    pub fcs_skips_padding: bool,
    /// A frame that became short by losing its tag is padded again.
    pub pads_stripped: bool,
    /// C+ frames without room are lost. C mode frames wait for 1514 bytes of room, unless ROVW is
    /// unmasked; one that overflows the ring keeps all others out. Both wait until CAPR is written,
    /// and are then taken without another look.
    pub waits_for_capr: bool,
    /// A frame longer than the C mode ring is written past its end; long and short ones pass
    /// for good.
    pub takes_any_length: bool,
    /// Refused frames count as errors, frames count before they find room, C mode frames do not,
    /// and super-frames count once.
    pub partial_tally: bool,
    /// A tagged frame that is looped back loses its last four bytes.
    pub loopback_cuts_tagged: bool,
    /// The way back in loopback is that of the wire: frames are lost while the cable is out, and
    /// where a frame on the wire would wait.
    pub loopback_by_wire: bool,
    /// Frames in loopback are padded before the FCS is computed.
    pub loopback_pads: bool,
}

impl Quirks {
    /// The chip.
    pub const NONE: Self = Self {
        offload: Offload::NONE,
        exact_accesses: false,
        open_mac: false,
        deep_reset: false,
        lingering_reset: false,
        rcr_empties_ring: false,
        eager_restart: false,
        wide_mpc: false,
        fixed_phy: false,
        simple_eeprom: false,
        endless_counter: false,
        no_capabilities: false,
        ignores_mitigation: false,
        ignores_software_interrupt: false,
        never_tells_dry: false,
        ignores_faults: false,
        staged_transmit: false,
        one_frame_a_write: false,
        long_c_frames: false,
        ignores_high_priority: false,
        unpadded_transmit: false,
        one_receive_descriptor: false,
        endless_receive_ring: false,
        ignores_receive_checksums: false,
        keeps_status: false,
        promiscuous_hides_match: false,
        fcs_skips_padding: false,
        pads_stripped: false,
        waits_for_capr: false,
        takes_any_length: false,
        partial_tally: false,
        loopback_cuts_tagged: false,
        loopback_by_wire: false,
        loopback_pads: false,
    };

    /// QEMU 7.2, with the corrected segmentation.
    pub const QEMU_7_2: Self = Self {
        offload: Offload::QEMU_7_2,
        exact_accesses: true,
        open_mac: true,
        deep_reset: true,
        lingering_reset: true,
        rcr_empties_ring: true,
        eager_restart: true,
        wide_mpc: true,
        fixed_phy: true,
        simple_eeprom: true,
        endless_counter: true,
        no_capabilities: true,
        ignores_mitigation: true,
        ignores_software_interrupt: true,
        never_tells_dry: true,
        ignores_faults: true,
        staged_transmit: true,
        one_frame_a_write: true,
        long_c_frames: true,
        ignores_high_priority: true,
        unpadded_transmit: true,
        one_receive_descriptor: true,
        endless_receive_ring: true,
        ignores_receive_checksums: true,
        keeps_status: true,
        promiscuous_hides_match: true,
        fcs_skips_padding: true,
        pads_stripped: true,
        waits_for_capr: true,
        takes_any_length: true,
        partial_tally: true,
        loopback_cuts_tagged: true,
        loopback_by_wire: true,
        loopback_pads: true,
    };

    /// QEMU 5.2, with the segmentation of the incident.
    pub const QEMU_5_2: Self =
        Self { offload: Offload::QEMU_5_2, loopback_pads: false, ..Self::QEMU_7_2 };

    /// The profiles by the names that a command line uses.
    pub const PROFILES: [(&'static str, Self); 3] =
        [("none", Self::NONE), ("qemu-5.2", Self::QEMU_5_2), ("qemu-7.2", Self::QEMU_7_2)];

    /// The profile called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::PROFILES.iter().find(|(known, _)| *known == name).map(|(_, quirks)| *quirks)
    }
}

impl Default for Quirks {
    fn default() -> Self {
        Self::NONE
    }
}
