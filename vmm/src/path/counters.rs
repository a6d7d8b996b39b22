//! What passed, what did not and why, one set for each direction.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Name and version of the JSON that [`Report`] becomes.
pub const SCHEMA: &str = "nicvmm-path/1";

/// Counts of one direction. Errors count where the packet they are about was going.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Frames that arrived at the port where this direction begins.
    pub frames: u64,
    /// Their bytes, Ethernet headers included.
    pub bytes: u64,
    /// Frames that went onto the line: forwarded packets, fragments counted one by one.
    pub forwarded_frames: u64,
    /// Their bytes.
    pub forwarded_bytes: u64,
    /// Packets dropped because they were longer than the MTU and must not be fragmented.
    pub over_mtu_dropped: u64,
    /// ICMP 3/4 (fragmentation needed) sent because of them.
    pub frag_needed_sent: u64,
    /// ICMPv6 Packet Too Big sent because of them.
    pub packet_too_big_sent: u64,
    /// Other ICMP and ICMPv6 errors sent.
    pub other_errors_sent: u64,
    /// Errors that the ICMP policy kept back.
    pub icmp_suppressed: u64,
    /// ICMP that the filter in front of the port where this direction ends kept out.
    pub icmp_filtered: u64,
    /// Packets that were cut into fragments.
    pub fragmented: u64,
    /// The fragments.
    pub fragments_sent: u64,
    /// SYN segments whose MSS was lowered.
    pub mss_clamped: u64,
    /// Packets that found the queue full.
    pub queue_dropped: u64,
    /// Packets lost on purpose.
    pub loss_dropped: u64,
    /// Packets for which the path had no memory: the peer does not read.
    pub backlog_dropped: u64,
    /// Frames that came out at a port without a peer.
    pub unplugged_dropped: u64,
    /// Packets whose next hop did not answer.
    pub unresolved_dropped: u64,
    /// Packets that had no hop left.
    pub hops_exceeded: u64,
    /// Packets to nowhere, and frames not meant for the router.
    pub unroutable: u64,
    /// Frames that are not what they say.
    pub malformed: u64,
    /// TCP segments that carry data, as they arrived: bytes of payload to number of segments.
    pub segment_sizes: BTreeMap<u16, u64>,
}

impl Counters {
    /// Packets that were to go on and did not get onto the line.
    pub(super) fn not_sent(&self) -> u64 {
        self.loss_dropped + self.queue_dropped + self.backlog_dropped + self.unresolved_dropped
    }
}

/// Counters of the whole path at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Seconds since the path came up.
    pub elapsed_seconds: f64,
    /// Whether this is the last report.
    #[serde(rename = "final")]
    pub last: bool,
    /// Whether a peer is connected to each port.
    pub connected: [bool; 2],
    /// From the first port to the second.
    pub a_to_b: Counters,
    /// From the second port to the first.
    pub b_to_a: Counters,
}
