//! What a comparison is to do.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::outcome::PathFacts;
use super::variant::Variant;

/// Everything a comparison needs to know beforehand.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The arms, in order. The first is the one the others are compared with.
    pub variants: Vec<Variant>,
    /// Runs of each variant, interleaved: A B C A B C.
    pub runs: u32,
    /// The longest a download may take.
    pub download: Duration,
    /// Size of the file, MiB.
    pub file_mib: u32,
    /// What lies between the guests.
    pub path: PathPlan,
    /// How guests are run.
    pub accelerator: Accelerator,
    /// What they boot.
    pub image: Image,
    /// How long things may take.
    pub limits: Limits,
    /// Where to leave consoles, logs, counters and captures; they are thrown away otherwise.
    pub keep: Option<PathBuf>,
    /// Whether to capture what passes both ends of the path there.
    pub capture: bool,
    /// The program that offers `run` and `path`: this one.
    pub program: PathBuf,
}

impl Plan {
    /// The planned runs in their order, as numbers from 1 and variants.
    pub fn order(&self) -> impl Iterator<Item = (u32, &Variant)> {
        (1..=self.runs).flat_map(|run| self.variants.iter().map(move |variant| (run, variant)))
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
    /// Rate limit.
    pub rate: Option<String>,
    /// MSS that SYNs are clamped to.
    pub mss_clamp: Option<String>,
    /// ICMP policy.
    pub icmp: String,
}

impl PathPlan {
    /// For the report.
    pub fn facts(&self) -> PathFacts {
        PathFacts {
            mtu: self.mtu,
            delay_ms: self.delay.as_secs_f64() * 1e3,
            rate: self.rate.clone(),
            mss_clamp: self.mss_clamp.clone(),
            icmp: self.icmp.clone(),
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
