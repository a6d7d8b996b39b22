//! What the server guest's kernel counts: TCP segments, CPU time, interrupts of its NIC.

use std::collections::BTreeMap;

/// Prints everything that [`KernelCounters::parse`] reads. The first interface that has a device is
/// the NIC; a virtio device's interrupts go by the device's name, others by the interface's.
pub const SCRIPT: &str = "\
cat /proc/net/snmp /proc/stat /proc/interrupts
for i in /sys/class/net/*; do
  if [ -e $i/device ]; then echo NIC ${i##*/} $(readlink $i/device); exit; fi
done";

/// Ticks in a second of `/proc/stat`: USER_HZ, which Linux never changes.
const TICKS: f64 = 100.0;

/// Counters since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KernelCounters {
    /// TCP segments sent.
    pub segments_sent: u64,
    /// Of these, sent again.
    pub retransmits: u64,
    /// Seconds that CPUs were busy, steal not counted.
    pub cpu_seconds: f64,
    /// Interrupts of the NIC.
    pub nic_interrupts: u64,
}

impl KernelCounters {
    /// Reads what [`SCRIPT`] printed. Nothing without TCP's counters; what else is missing is zero.
    pub fn parse(text: &str) -> Option<Self> {
        let (segments_sent, retransmits) = tcp(text)?;
        Some(Self {
            segments_sent,
            retransmits,
            cpu_seconds: busy(text).unwrap_or_default(),
            nic_interrupts: interrupts(text),
        })
    }

    /// What was counted since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            segments_sent: self.segments_sent.saturating_sub(earlier.segments_sent),
            retransmits: self.retransmits.saturating_sub(earlier.retransmits),
            cpu_seconds: (self.cpu_seconds - earlier.cpu_seconds).max(0.0),
            nic_interrupts: self.nic_interrupts.saturating_sub(earlier.nic_interrupts),
        }
    }
}

/// `OutSegs` and `RetransSegs` of `/proc/net/snmp`, whose `Tcp:` lines are one of names and one of
/// values.
fn tcp(text: &str) -> Option<(u64, u64)> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp:"));
    let names = lines.next()?.split_ascii_whitespace();
    let values = lines.next()?.split_ascii_whitespace();
    let counters: BTreeMap<&str, &str> = names.zip(values).collect();
    let of = |name| counters.get(name)?.parse().ok();
    Some((of("OutSegs")?, of("RetransSegs")?))
}

/// The line `cpu USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ ...` of `/proc/stat`: all but idle and
/// waiting.
fn busy(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line.split_ascii_whitespace().map_while(|t| t.parse().ok()).collect();
    let [user, nice, system, _idle, _waiting, irq, softirq, ..] = ticks[..] else { return None };
    Some((user + nice + system + irq + softirq) as f64 / TICKS)
}

/// Lines of `/proc/interrupts`: number, a count for each CPU, controller, names of who takes it.
fn interrupts(text: &str) -> u64 {
    let mut nic = text.lines().filter_map(|line| line.strip_prefix("NIC "));
    let mut names = nic.next().unwrap_or_default().split_ascii_whitespace();
    let interface = names.next().unwrap_or_default();
    let device = names.next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let of_nic = |word: &str| {
        let word = word.trim_end_matches(',');
        let by = |name: &str| {
            let queue = word.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
            !name.is_empty() && (word == name || queue)
        };
        by(interface) || by(device)
    };
    let count = |line: &str| -> Option<u64> {
        let (number, rest) = line.trim_start().split_once(':')?;
        number.parse::<u32>().ok()?;
        let counts = rest.split_ascii_whitespace().map_while(|word| word.parse::<u64>().ok()).sum();
        rest.split_ascii_whitespace().any(of_nic).then_some(counts)
    };
    text.lines().filter_map(count).sum()
}

#[cfg(test)]
#[path = "kernel_counters_tests.rs"]
mod tests;
