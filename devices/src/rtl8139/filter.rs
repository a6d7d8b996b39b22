//! Which incoming frames the NIC takes: the address filter of the receive configuration.

use crate::ethernet::address::Cast;

/// RCR bit 0, AAP: every frame.
const ALL: u32 = 1 << 0;
/// RCR bit 1, APM: frames to our own address.
const PHYSICAL: u32 = 1 << 1;
/// RCR bit 2, AM: multicast frames whose hash bit is set.
const MULTICAST: u32 = 1 << 2;
/// RCR bit 3, AB: broadcast frames.
const BROADCAST: u32 = 1 << 3;

/// To what kind of address a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// To somebody else.
    Other,
    /// To all.
    Broadcast,
    /// To a group.
    Multicast,
    /// To us.
    Physical,
}

/// The settings of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The receive configuration.
    pub rcr: u32,
    /// Our address.
    pub mac: [u8; 6],
    /// The 64 multicast bits.
    pub hash: u64,
}

impl Filter {
    /// To what kind of address a frame to `destination` goes.
    pub fn classify(&self, destination: [u8; 6]) -> Match {
        match Cast::of(destination) {
            Cast::Broadcast => Match::Broadcast,
            Cast::Multicast => Match::Multicast,
            Cast::Unicast if destination == self.mac => Match::Physical,
            Cast::Unicast => Match::Other,
        }
    }

    /// Whether it takes every frame.
    pub fn is_promiscuous(&self) -> bool {
        self.rcr & ALL != 0
    }

    /// Whether a frame to `destination`, which is of kind `to`, is taken.
    pub fn takes(&self, destination: [u8; 6], to: Match) -> bool {
        let enabled = |bit| self.rcr & bit != 0;
        self.is_promiscuous()
            || match to {
                Match::Other => false,
                Match::Broadcast => enabled(BROADCAST),
                Match::Physical => enabled(PHYSICAL),
                Match::Multicast => {
                    enabled(MULTICAST) && self.hash >> hash_index(destination) & 1 != 0
                }
            }
    }
}

/// Which of the 64 bits stands for a group: the first six bits of its CRC-32.
pub fn hash_index(group: [u8; 6]) -> u32 {
    // The library's CRC is reflected and complemented at the end; the chip's is neither.
    (!crc32fast::hash(&group)).reverse_bits() >> 26
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
