//! What a comparison found: the document that `--json` writes, field for field.
//!
//! Documented for readers in `docs/compare-json.md`; a field may be added, none changes its meaning
//! under the same [`SCHEMA`].

mod figures;
mod story;

use serde::{Deserialize, Serialize};

use crate::lab::plan::Arm;
use crate::lab::ratio::Ratio;
use crate::lab::scenario::Check;
use crate::lab::socket::SocketSample;
use crate::lab::statistics::{Summary, middle};
use crate::lab::trace::Packet;
use crate::lab::variant::Vmm;
use crate::lab::verdict::Verdict;

pub use figures::{GuestFigures, Instant, PathFigures, ProcessFigures};
pub use story::{ScenarioFacts, Story};

/// Name and version of the document's form.
pub const SCHEMA: &str = "nicvmm.compare/1";

/// The same for several scenarios at once.
pub const STORY_SCHEMA: &str = "nicvmm.story/1";

/// Everything a comparison found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: String,
    /// Whether every planned run was made.
    pub complete: bool,
    /// Why it ended early, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<String>,
    /// Where it ran.
    pub host: HostFacts,
    /// What lay between the two guests; of several paths, the first variant's.
    pub path: PathFacts,
    /// Seconds each download was given at most.
    pub seconds: f64,
    /// Runs planned of each variant.
    pub runs: u32,
    /// One entry a variant, in the order given.
    pub variants: Vec<VariantOutcome>,
    /// The scenario that was asked for, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<ScenarioFacts>,
    /// What the scenario expected, and whether it came so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// Where a comparison ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    /// How guests were run: `kvm`, `nested` or `tcg`.
    pub kind: String,
    /// Release of the kernel the lab ran on.
    pub kernel: String,
    /// Model name of its CPU.
    pub cpu: String,
    /// CPUs it may use.
    pub cpus: usize,
    /// Version of this program.
    pub nicvmm: String,
}

/// Under which conditions a variant was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// What lay between the two guests.
    pub path: PathFacts,
    /// Commands that the server guest carried out before the download.
    pub server: Vec<String>,
    /// Changes of the path while the download ran, each a time and what was set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub during: Vec<String>,
    /// Version of IP, 4 or 6.
    pub ip_version: u8,
    /// The longest a download could take, seconds.
    pub seconds: f64,
    /// Size of the file, MiB.
    #[serde(default)]
    pub file_mib: u32,
}

/// The path as it was asked for. Texts are as they were written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathFacts {
    /// MTU towards the client, bytes.
    pub mtu: u16,
    /// One-way delay, milliseconds.
    pub delay_ms: f64,
    /// Rate limit, if any.
    pub rate: Option<String>,
    /// Rate limit from the client to the server, where it differed.
    pub rate_up: Option<String>,
    /// Room of the queue, where it was asked for.
    pub queue: Option<String>,
    /// Bytes that each packet cost on the line beside itself, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead: Option<u64>,
    /// MSS that SYNs were clamped to, if any.
    pub mss_clamp: Option<String>,
    /// ICMP policy.
    pub icmp: String,
    /// Whether a firewall before the server let no ICMP in but echo.
    pub icmp_filter: bool,
    /// Part of all packets that got lost, if any.
    pub loss: Option<String>,
    /// MTU of each link between further routers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<u16>,
    /// MTU of the links at both ends, where it was not 1500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<u16>,
    /// How much longer a packet could take than others, if at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<String>,
    /// Part of all packets that came late, and how late, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorder: Option<String>,
    /// What ICMP 3/4 said of the MTU, where it was not the next link's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp_mtu: Option<String>,
}

/// What was found about one variant. Figures that are not summaries come from one run, the one
/// with the median goodput.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantOutcome {
    /// As it was written.
    pub name: String,
    /// Who ran the server guest.
    pub vmm: Vmm,
    /// The NIC as that VMM was asked for it.
    pub nic: String,
    /// Under which conditions.
    pub conditions: Conditions,
    /// Every run, in order.
    pub runs: Vec<RunOutcome>,
    /// Bytes of the file that reached the client, a second.
    pub goodput_bytes_per_second: Summary,
    /// That as a multiple of the first variant's; nothing for the first, or where that got nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Ratio>,
    /// What the path counted.
    pub path: PathFigures,
    /// What the server guest said.
    pub guest: GuestFigures,
    /// What the server's VMM used.
    pub vmm_process: ProcessFigures,
    /// What it comes down to.
    pub verdict: Verdict,
}

/// One download.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOutcome {
    /// Counted from 1.
    pub number: u32,
    /// Seconds from starting the VMMs until both guests took commands.
    pub boot_seconds: f64,
    /// The shortest round trip between the guests before the download, milliseconds.
    pub round_trip_ms: Option<f64>,
    /// Bytes of the file that reached the client.
    pub bytes: u64,
    /// Seconds the download took, or was given.
    pub seconds: f64,
    /// Whether the whole file arrived.
    pub whole_file: bool,
    /// What wget said, where it failed before the time was over.
    pub client_said: Option<String>,
    /// Bytes a second.
    pub goodput_bytes_per_second: f64,
    /// What the path counted during the download.
    pub path: PathFigures,
    /// What the server guest said.
    pub guest: GuestFigures,
    /// What the server's VMM used during the download.
    pub vmm_process: ProcessFigures,
    /// The path's counters over time.
    pub timeline: Vec<Instant>,
    /// The server's socket over time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sockets: Vec<SocketSample>,
    /// The first packets at the server's port of the path; of the run with the median goodput.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<Packet>,
}

impl VariantOutcome {
    /// Puts the runs of an arm together; nothing can be said about none.
    pub fn of(arm: &Arm, mut runs: Vec<RunOutcome>) -> Option<Self> {
        let goodput: Vec<f64> = runs.iter().map(|run| run.goodput_bytes_per_second).collect();
        let middle = middle(&goodput)?;
        for (_, run) in runs.iter_mut().enumerate().filter(|(index, _)| *index != middle) {
            run.trace.clear();
        }
        let typical = runs.get(middle)?;
        let conditions = arm.facts();
        Some(Self {
            name: arm.name.clone(),
            vmm: arm.nic.vmm(),
            nic: arm.nic.nic(),
            goodput_bytes_per_second: Summary::of(&goodput)?,
            ratio: None,
            path: typical.path.clone(),
            guest: typical.guest.clone(),
            vmm_process: typical.vmm_process,
            verdict: Verdict::of(typical, &conditions),
            conditions,
            runs,
        })
    }
}

impl VariantOutcome {
    /// The run with the median goodput.
    pub fn typical(&self) -> Option<&RunOutcome> {
        self.runs.get(middle(&self.goodput())?)
    }

    /// The goodput of each run.
    pub fn goodput(&self) -> Vec<f64> {
        self.runs.iter().map(|run| run.goodput_bytes_per_second).collect()
    }

    /// The same, set against another variant.
    #[must_use]
    pub fn against(self, base: &Self) -> Self {
        Self { ratio: Ratio::of(&self.goodput(), &base.goodput()), ..self }
    }
}

impl RunOutcome {
    /// The round trip of the download, milliseconds: the median of what the server's TCP measured
    /// meanwhile, in which a busy host shows as it did to the transfer; without that, the one before.
    pub fn round_trip(&self) -> Option<f64> {
        let measured: Vec<f64> = self.sockets.iter().map(|sample| sample.round_trip_ms).collect();
        Summary::of(&measured).map(|summary| summary.median).or(self.round_trip_ms)
    }

    /// What got through in a round trip, KB: the pace of a transfer that goes by round trips.
    pub fn kb_per_round_trip(&self) -> Option<f64> {
        Some(self.goodput_bytes_per_second * self.round_trip()? / 1e6)
    }

    /// Of something that was counted, how much there was for each MB of the file; nothing if less
    /// than that arrived.
    pub fn per_mb(&self, count: u64) -> Option<f64> {
        (self.bytes >= 1_000_000).then(|| count as f64 * 1e6 / self.bytes as f64)
    }

    /// Exits to user space for each MB.
    pub fn exits_per_mb(&self) -> Option<f64> {
        self.per_mb(self.vmm_process.exits?.total())
    }

    /// Interrupts of the NIC for each MB.
    pub fn interrupts_per_mb(&self) -> Option<f64> {
        self.per_mb(self.guest.nic_interrupts)
    }
}
