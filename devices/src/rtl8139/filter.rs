//! Which incoming frames the NIC takes: the address filter of the receive configuration.

/// RCR bit 0, AAP: every frame.
const ALL: u32 = 1 << 0;
/// RCR bit 1, APM: frames to our own address.
const PHYSICAL: u32 = 1 << 1;
/// RCR bit 2, AM: multicast frames whose hash bit is set.
const MULTICAST: u32 = 1 << 2;
/// RCR bit 3, AB: broadcast frames.
const BROADCAST: u32 = 1 << 3;

/// Why a frame was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The NIC takes every frame and does not look at the address.
    Promiscuous,
    /// It is for all.
    Broadcast,
    /// It is for a group whose hash bit is set.
    Multicast,
    /// It is for us.
    Physical,
}

/// Decides on a frame to `destination`: `None` refuses it. `rcr` is the receive configuration,
/// `hash` the 64 multicast bits.
pub fn classify(destination: [u8; 6], rcr: u32, mac: [u8; 6], hash: u64) -> Option<Match> {
    let (bit, reason) = match destination {
        _ if rcr & ALL != 0 => return Some(Match::Promiscuous),
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => (BROADCAST, Match::Broadcast),
        [first, ..] if first & 1 != 0 => {
            let hit = hash >> hash_index(destination) & 1 != 0;
            return (rcr & MULTICAST != 0 && hit).then_some(Match::Multicast);
        }
        own if own == mac => (PHYSICAL, Match::Physical),
        _ => return None,
    };
    (rcr & bit != 0).then_some(reason)
}

/// Which of the 64 bits stands for a group: the first six bits of its CRC-32.
pub fn hash_index(group: [u8; 6]) -> u32 {
    // The library's CRC is reflected and complemented at the end; the chip's is neither.
    (!crc32fast::hash(&group)).reverse_bits() >> 26
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
