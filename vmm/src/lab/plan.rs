//! What a comparison is to do.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::during::Moment;
use super::outcome::{Conditions, PathFacts};
use super::variant::Variant;

/// Everything a measurement needs to know beforehand.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is measured, in order.
    pub arms: Vec<Arm>,
    /// Runs of each arm, interleaved: A B C A B C.
    pub runs: u32,
    /// Rounds before them that do not count: caches fill, and a host that was idle wakes up.
    pub warm_up: u32,
    /// How guests are run.
    pub accelerator: Accelerator,
    /// What they boot.
    pub image: Image,
    /// How long things may take.
    pub limits: Limits,
    /// How often a run is tried in which a guest dies or hangs: more than once only where that is
    /// known to happen without anybody's fault.
    pub tries: u32,
    /// Where to leave consoles, logs, counters and captures; they are thrown away otherwise.
    pub keep: Option<PathBuf>,
    /// Whether to capture what passes both ends of the path there.
    pub capture: bool,
    /// The program that offers `run` and `path`: this one.
    pub program: PathBuf,
}

impl Plan {
    /// The planned runs in their order, as numbers from 1, and positions among the arms. Number 0
    /// does not count.
    pub fn order(&self) -> impl Iterator<Item = (u32, usize)> {
        let numbers = (0..self.warm_up).map(|_| 0).chain(1..=self.runs);
        numbers.flat_map(|run| (0..self.arms.len()).map(move |arm| (run, arm)))
    }
}

/// One arm of a comparison: a NIC, and everything under which it is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// How it is called.
    pub name: String,
    /// The server's NIC.
    pub nic: Variant,
    /// What lies between the guests.
    pub path: PathPlan,
    /// Commands for the server guest's shell, before the download.
    pub server: Vec<String>,
    /// Changes of the path while the download runs.
    pub during: Vec<Moment>,
    /// What is downloaded.
    pub download: Download,
}

impl Arm {
    /// Whether two arms are the same measurement, whatever they are called.
    pub fn measures_the_same(&self, other: &Self) -> bool {
        let Self { name: _, nic, path, server, during, download } = self;
        (nic, path, server) == (&other.nic, &other.path, &other.server)
            && (during, download) == (&other.during, &other.download)
    }

    /// For the report.
    pub fn facts(&self) -> Conditions {
        Conditions {
            path: self.path.facts(),
            server: self.server.clone(),
            during: self.during.iter().map(ToString::to_string).collect(),
            ip_version: self.download.ip.number(),
            seconds: self.download.time.as_secs_f64(),
            file_mib: self.download.file_mib,
        }
    }
}

/// What is downloaded, how, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Download {
    /// The longest it may take.
    pub time: Duration,
    /// Size of the file, MiB.
    pub file_mib: u32,
    /// Over which protocol.
    pub ip: IpVersion,
}

/// A version of the internet protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpVersion {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
}

impl IpVersion {
    /// 4 or 6.
    pub fn number(self) -> u8 {
        match self {
            Self::V4 => 4,
            Self::V6 => 6,
        }
    }
}

/// How guests are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// On /dev/kvm.
    Kvm,
    /// By QEMU's translator, without KVM.
    Tcg,
}

impl Accelerator {
    /// As QEMU's `-accel` wants it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

/// A kernel and its initial file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The kernel.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initrd: PathBuf,
}

/// The path as `nicvmm path` is asked for it. Texts are handed on as they were written.
#[derive(Clone, Debug, PartialEq)]
pub struct PathPlan {
    /// MTU towards the client.
    pub mtu: u16,
    /// One-way delay.
    pub delay: Duration,
    /// Rate limit of either direction.
    pub rate: Option<String>,
    /// Rate limit from the client to the server, where it differs.
    pub rate_up: Option<String>,
    /// Room of the queue before the line.
    pub queue: Option<String>,
    /// Bytes that each packet costs on the line beside itself.
    pub overhead: Option<u64>,
    /// MSS that SYNs are clamped to.
    pub mss_clamp: Option<String>,
    /// ICMP policy.
    pub icmp: String,
    /// Whether a firewall before the server lets no ICMP in but echo.
    pub icmp_filter: bool,
    /// Part of all packets that gets lost.
    pub loss: Option<String>,
    /// MTU of each link between further routers, from the server's side to the client's.
    pub chain: Vec<u16>,
    /// MTU of the links at both ends, and of the guests, where that is not Ethernet's: then
    /// [`PathPlan::mtu`] is that of a link between two more routers.
    pub ends: Option<u16>,
    /// How much longer a packet may take than others.
    pub jitter: Option<String>,
    /// Part of all packets that come late, and how late.
    pub reorder: Option<String>,
    /// What ICMP 3/4 says of the MTU.
    pub icmp_mtu: Option<String>,
}

impl Default for PathPlan {
    /// A tunnel behind a round trip of 24 ms, nothing else.
    fn default() -> Self {
        Self {
            mtu: 1420,
            delay: Duration::from_millis(12),
            rate: None,
            rate_up: None,
            queue: None,
            overhead: None,
            mss_clamp: None,
            icmp: "all".to_owned(),
            icmp_filter: false,
            loss: None,
            chain: Vec::new(),
            ends: None,
            jitter: None,
            reorder: None,
            icmp_mtu: None,
        }
    }
}

impl PathPlan {
    /// For the report.
    pub fn facts(&self) -> PathFacts {
        PathFacts {
            mtu: self.mtu,
            delay_ms: self.delay.as_secs_f64() * 1e3,
            rate: self.rate.clone(),
            rate_up: self.rate_up.clone(),
            queue: self.queue.clone(),
            overhead: self.overhead,
            mss_clamp: self.mss_clamp.clone(),
            icmp: self.icmp.clone(),
            icmp_filter: self.icmp_filter,
            loss: self.loss.clone(),
            chain: self.chain.clone(),
            ends: self.ends,
            jitter: self.jitter.clone(),
            reorder: self.reorder.clone(),
            icmp_mtu: self.icmp_mtu.clone(),
        }
    }
}

/// How long things may take before the lab gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From starting a VMM to its guest taking commands.
    pub boot: Duration,
    /// Without a sign of life from the path.
    pub silence: Duration,
    /// A command in a guest, the download apart.
    pub command: Duration,
    /// All runs together.
    pub overall: Duration,
}
