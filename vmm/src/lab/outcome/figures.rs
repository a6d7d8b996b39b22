//! What is counted during a download: by the path, by the guest, by the kernel for the VMM.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lab::exits::Exits;

/// What the path counted between two moments, on the way from the server to the client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathFigures {
    /// ICMP "fragmentation needed" and ICMPv6 "packet too big" messages sent to the server.
    pub frag_needed_sent: u64,
    /// Of these, those in the last third of the download.
    pub frag_needed_last_third: u64,
    /// Packets dropped because they were larger than the MTU.
    pub over_mtu_dropped: u64,
    /// Of these, those in the last third of the download.
    pub over_mtu_last_third: u64,
    /// Fragments made of packets that allowed it.
    pub fragments_sent: u64,
    /// TCP payload bytes of a segment as it left the server's NIC, and how many there were.
    pub segment_sizes: BTreeMap<u16, u64>,
    /// What else did not get through, by cause; what did not happen is not there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other_drops: BTreeMap<String, u64>,
}

/// What the server guest said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GuestFigures {
    /// TCP segments sent again during the download.
    pub tcp_retransmits: u64,
    /// TCP segments sent during the download, as the guest counts them.
    pub tcp_segments_sent: u64,
    /// Seconds that the guest's CPU was busy during the download.
    #[serde(default)]
    pub cpu_seconds: f64,
    /// Interrupts of the NIC during the download.
    #[serde(default)]
    pub nic_interrupts: u64,
    /// The NIC's line of `lspci`.
    pub lspci: String,
    /// `ethtool -k`: feature name, and whether it was on.
    pub offloads: BTreeMap<String, bool>,
    /// Release of the guest's kernel.
    pub kernel: String,
}

/// What a VMM's process used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessFigures {
    /// CPU seconds, user and system, during the download.
    pub cpu_seconds: f64,
    /// The most memory it had resident from its start to the end of the download.
    pub max_rss_bytes: u64,
    /// Exits to user space during the download; nothing if the VMM does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exits: Option<Exits>,
}

/// The path's counters at one moment, counted from the start of the download.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instant {
    /// Seconds since the download started.
    pub at: f64,
    /// Bytes of frames forwarded to the client so far.
    pub bytes_to_client: u64,
    /// ICMP "fragmentation needed" sent so far.
    pub frag_needed_sent: u64,
    /// Packets over the MTU dropped so far.
    pub over_mtu_dropped: u64,
}

impl PathFigures {
    /// The most frequent payload of segments that carry any, and how many there were.
    pub fn usual_payload(&self) -> Option<(u16, u64)> {
        let sizes = self.segment_sizes.iter().map(|(size, count)| (*size, *count));
        sizes.filter(|(size, _)| *size > 0).max_by_key(|(_, count)| *count)
    }
}
