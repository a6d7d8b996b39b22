//! A guest that means harm, and what must hold of the program that runs it and of its neighbours.
//!
//! 1. [`torment`] starts `nicvmm run` with the payload's program `hostile`, a device of each kind
//!    and a seed, as a process of its own. Its pointers are random, so it may do away with itself:
//!    then the next one starts, with the next seed of the sequence.
//! 2. Meanwhile a well-behaved guest on the same host does its work over and over, in this process.
//! 3. Time is up: the guest ends by its time limit. Along the way the memory of the process was read
//!    from the kernel; [`Report`] has what came out, and [`Report::complaints`] what must not.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::bare_metal::{Guest, payload};
use crate::program;

/// Memory of the hostile guest, MiB.
const GUEST_MIB: u64 = 32;
/// What the program may have beside the guest's memory, MiB: rings are never copied as a whole, and
/// what waits for a device's other side has a cap in each device.
pub const MEMORY_MIB: u64 = 64;
/// How much longer than its time limit a process may take, with much else going on.
const GRACE: Duration = Duration::from_secs(30);
/// Between two looks at the process.
const PAUSE: Duration = Duration::from_millis(50);
/// Accesses of a guest that got to work, on average.
const LEAST_EXITS: u64 = 100;
/// Bytes of the disk.
const DISK: u64 = 8 << 20;

/// Exit statuses by which a guest ends: it did so itself, or its time was up.
const OF_GUESTS: [i32; 6] = [0, 120, 121, 122, 123, TIME_UP];
const TIME_UP: i32 = 124;

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Guests that ran, one after the other.
    pub guests: u32,
    /// Exit statuses, or what was wrong with them, that no guest brings about.
    pub wrong: Vec<String>,
    /// Accesses that left the guests for the program.
    pub exits: u64,
    /// The most private memory that a process had beside its guest's, KiB.
    pub memory_kib: u64,
    /// Rounds of work that the neighbour did.
    pub neighbour_rounds: u32,
    /// Rounds in which its work came out wrong.
    pub neighbour_failed: Vec<String>,
}

impl Report {
    /// What must not be.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = self.wrong.clone();
        complaints.extend(self.neighbour_failed.clone());
        if self.memory_kib > MEMORY_MIB << 10 {
            let kib = self.memory_kib;
            complaints.push(format!("{kib} KiB beside the guest's; at most {MEMORY_MIB} MiB"));
        }
        if self.exits < LEAST_EXITS * u64::from(self.guests) {
            complaints.push(format!("the guests did little: {self}"));
        }
        if self.neighbour_rounds == 0 {
            complaints.push("the neighbour did not get to work".into());
        }
        complaints
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { guests, exits, memory_kib, neighbour_rounds, .. } = self;
        write!(f, "{guests} guests, {exits} exits, at most {memory_kib} KiB beside theirs; ")?;
        write!(f, "the neighbour worked {neighbour_rounds} times")
    }
}

/// Has hostile guests of `seed` run for this long. `None` where there is no KVM, which is said.
pub fn torment(seed: u64, time: Duration) -> Option<Report> {
    let directory = TempDir::new().expect("a temporary directory");
    let disk = directory.path().join("disk");
    fs::File::create(&disk).and_then(|file| file.set_len(DISK)).expect("a disk");
    let mut report = Report::default();
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    {
        // Far from the sequences of other seeds.
        let number = seed.wrapping_add(u64::from(report.guests) << 32);
        let mut process = Process::start(directory.path(), number, left);
        report.guests += 1;
        while process.is_running(left + GRACE) {
            report.memory_kib = report.memory_kib.max(process.memory_kib());
            let neighbour = Guest::new()?;
            match work(neighbour) {
                Ok(()) => report.neighbour_rounds += 1,
                Err(what) => report.neighbour_failed.push(what),
            }
        }
        report.exits += Process::exits(directory.path());
        report.wrong.extend(process.wrong(number));
    }
    Some(report)
}

/// What the neighbour does: interrupts that all come, and frames that arrive as they were sent.
fn work(guest: Guest) -> Result<(), String> {
    let outcome = guest.attempt("self-interrupts count=200")?;
    let taken = outcome.number("taken");
    if taken == 200 { Ok(()) } else { Err(format!("the neighbour took {taken} interrupts of 200")) }
}

/// The program that runs a hostile guest.
struct Process {
    child: Child,
    since: Instant,
    ended: Option<ExitStatus>,
    log: std::path::PathBuf,
}

impl Process {
    fn start(directory: &Path, seed: u64, time: Duration) -> Self {
        let at = |name: &str| directory.join(name).display().to_string();
        let log = directory.join("log");
        let errors = fs::File::create(&log).expect("a log");
        let child = Command::new(program::path())
            .args(["run", "--host", "kvm", "--console", "none", "--memory"])
            .arg(GUEST_MIB.to_string())
            .arg("--kernel")
            .arg(payload())
            .args(["--append", &format!("hostile seed={seed}")])
            .args(["--timeout", &time.as_secs_f64().to_string()])
            .args(["--nic", "rtl8139", "--nic", "virtio-net", "--nic", "rtl8139,tso=mtu1500"])
            .args(["--disk", &at("disk"), "--share", &at(""), "--vsock", &at("vsock")])
            .args(["--control", &at("control"), "--report", &at("report")])
            .env("NICVMM_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .expect("nicvmm starts");
        Self { child, since: Instant::now(), ended: None, log }
    }

    /// Looks, after a pause. A process that does not end in time is ended.
    fn is_running(&mut self, limit: Duration) -> bool {
        sleep(PAUSE);
        if self.since.elapsed() > limit {
            let _ = self.child.kill();
        }
        self.ended = self.child.try_wait().expect("it is our child");
        self.ended.is_none()
    }

    /// Private memory beside the guest's own, KiB.
    fn memory_kib(&self) -> u64 {
        let maps = fs::read_to_string(format!("/proc/{}/smaps", self.child.id()));
        beside_guest(&maps.unwrap_or_default(), GUEST_MIB << 10)
    }

    fn exits(directory: &Path) -> u64 {
        let report = fs::read(directory.join("report")).unwrap_or_default();
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap_or_default();
        let kinds = report["exits"].as_object().into_iter().flatten();
        kinds.filter_map(|(_, count)| count.as_u64()).sum()
    }

    /// What is wrong with how it ended.
    fn wrong(&self, seed: u64) -> Option<String> {
        let status = self.ended?;
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let is_of_guest = status.code().is_some_and(|code| OF_GUESTS.contains(&code));
        let panicked = said.contains("panicked at");
        (!is_of_guest || panicked).then(|| format!("seed {seed}: {status}: {said}"))
    }
}

/// KiB that a process wrote to, and that are no file's, in mappings shorter than the guest's memory,
/// `guest` KiB.
fn beside_guest(maps: &str, guest: u64) -> u64 {
    let kib = |line: &str, name: &str| -> Option<u64> {
        line.strip_prefix(name)?.trim().trim_end_matches(" kB").parse().ok()
    };
    let (mut size, mut sum) = (0, 0);
    for line in maps.lines() {
        size = kib(line, "Size:").unwrap_or(size);
        let written = kib(line, "Anonymous:").filter(|_| size < guest);
        sum += written.unwrap_or_default();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_s_own_memory_is_not_counted() {
        let maps = "a\nSize: 32768 kB\nAnonymous: 9000 kB\nb\nSize: 8 kB\nAnonymous: 4 kB\n\
                    c\nSize: 2048 kB\nAnonymous: 1024 kB\n";
        assert_eq!(beside_guest(maps, 32_768), 1028);
    }
}
