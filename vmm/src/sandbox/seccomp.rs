//! The wall around the kernel: for each kind of thread the system calls that it may make.
//!
//! The lists are files of `resources/seccomp`, one call a line:
//!
//! ```text
//! @common                                # all of another list
//! read                                   # whatever its arguments
//! ioctl       arg1 == 0xae80             # if an argument is this: KVM_RUN
//! mmap        arg2 & 4 == 0              # if bits of it are: no PROT_EXEC
//! tgkill      arg0 == self               # if it is the number of this process
//! openat      refused                    # fails, and is no breach: libraries try it
//! ```
//!
//! A line for each way in which a call is allowed. Conditions are joined by `,`.

use std::collections::BTreeMap;
use std::str::FromStr;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};
use syscalls::Sysno;

use super::{Error, Result};

/// A kind of thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thread {
    /// The event loop of a machine, and what follows it: the devices' work, the report, the end.
    Machine,
    /// A virtual CPU.
    Vcpu,
    /// A pair of a NIC's queues that has a thread of its own.
    Nic,
    /// One that works on the files of a disk.
    Disk,
    /// One that works on the files of a shared directory.
    Share,
    /// The debugger's.
    Debugger,
    /// The command in the guest, and those who serve its streams.
    Command,
    /// The report's, while the guest runs.
    Report,
    /// The path.
    Path,
}

/// What all have in common, by the name that lists call it.
const COMMON: (&str, &str) = ("common", include_str!("../../../resources/seccomp/common.list"));

impl Thread {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Machine,
        Self::Vcpu,
        Self::Nic,
        Self::Disk,
        Self::Share,
        Self::Debugger,
        Self::Command,
        Self::Report,
        Self::Path,
    ];

    /// Its name, as in the name of its list.
    pub fn name(self) -> &'static str {
        self.list().0
    }

    fn list(self) -> (&'static str, &'static str) {
        macro_rules! list {
            ($name:literal) => {
                ($name, include_str!(concat!("../../../resources/seccomp/", $name, ".list")))
            };
        }
        match self {
            Self::Machine => list!("machine"),
            Self::Vcpu => list!("vcpu"),
            Self::Nic => list!("nic"),
            Self::Disk => list!("disk"),
            Self::Share => list!("share"),
            Self::Debugger => list!("debugger"),
            Self::Command => list!("command"),
            Self::Report => list!("report"),
            Self::Path => list!("path"),
        }
    }
}

/// The programs by which the kernel decides.
#[derive(Debug)]
pub struct Filters(BTreeMap<Thread, [BpfProgram; 2]>);

impl Filters {
    /// Reads all lists.
    pub fn compile() -> Result<Self> {
        let pair = |thread: Thread| Ok((thread, compile(thread.list())?));
        Thread::ALL.into_iter().map(pair).collect::<Result<_>>().map(Self)
    }

    /// Limits the calling thread, and those that it starts, to the list of `thread`.
    pub fn apply(&self, thread: Thread) -> Result<()> {
        for program in self.0.get(&thread).into_iter().flatten() {
            match apply_filter(program) {
                Err(seccompiler::Error::Seccomp(error))
                    if [Some(libc::ENOSYS), Some(libc::EINVAL)].contains(&error.raw_os_error()) =>
                {
                    tracing::warn!("this kernel does not filter system calls: {error}");
                    return Ok(());
                }
                result => result
                    .map_err(|error| Error::Refused("limit system calls", error.to_string()))?,
            }
        }
        Ok(())
    }
}

/// What a list says of each call.
#[derive(Default)]
struct Calls {
    allowed: BTreeMap<i64, Vec<SeccompRule>>,
    /// Those that are allowed whatever the arguments.
    always: Vec<i64>,
    refused: BTreeMap<i64, Vec<SeccompRule>>,
}

/// The two programs of a list: one lets calls fail, one allows no others. The kernel takes the
/// stricter answer.
fn compile((name, text): (&'static str, &str)) -> Result<[BpfProgram; 2]> {
    let wrong = |why| Error::List(name, why);
    let mut calls = Calls::default();
    calls.read(text).map_err(wrong)?;
    for number in calls.always {
        calls.allowed.insert(number, Vec::new());
    }
    let refusal = SeccompAction::Errno(libc::EACCES as u32);
    let refused = program(calls.refused, SeccompAction::Allow, refusal).map_err(wrong)?;
    let allowed =
        program(calls.allowed, SeccompAction::Trap, SeccompAction::Allow).map_err(wrong)?;
    Ok([refused, allowed])
}

fn program(
    calls: BTreeMap<i64, Vec<SeccompRule>>,
    others: SeccompAction,
    these: SeccompAction,
) -> std::result::Result<BpfProgram, String> {
    SeccompFilter::new(calls, others, these, TargetArch::x86_64)
        .and_then(BpfProgram::try_from)
        .map_err(|error| error.to_string())
}

impl Calls {
    fn read(&mut self, text: &str) -> std::result::Result<(), String> {
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            self.read_line(line).map_err(|why| format!("line {}: {why}", number + 1))?;
        }
        Ok(())
    }

    fn read_line(&mut self, line: &str) -> std::result::Result<(), String> {
        if line.is_empty() {
            return Ok(());
        }
        if let Some(name) = line.strip_prefix('@') {
            return match name {
                name if name == COMMON.0 => self.read(COMMON.1),
                _ => Err(format!("there is no list {name:?}")),
            };
        }
        let (name, conditions) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let call = Sysno::from_str(name).map_err(|()| format!("there is no call {name:?}"))?;
        let number = i64::from(call.id());
        match conditions.trim() {
            "" => self.always.push(number),
            "refused" => {
                self.always.push(number);
                self.refused.insert(number, Vec::new());
            }
            conditions => {
                let conditions: std::result::Result<_, _> =
                    conditions.split(',').map(condition).collect();
                let rule = SeccompRule::new(conditions?).map_err(|error| error.to_string())?;
                self.allowed.entry(number).or_default().push(rule);
            }
        }
        Ok(())
    }
}

/// `argN == VALUE` or `argN & MASK == VALUE`.
fn condition(text: &str) -> std::result::Result<SeccompCondition, String> {
    let wrong = || format!("{:?} is no condition", text.trim());
    let (left, value) = text.split_once("==").ok_or_else(wrong)?;
    let (argument, mask) = match left.split_once('&') {
        Some((argument, mask)) => (argument, Some(value_of(mask).ok_or_else(wrong)?)),
        None => (left, None),
    };
    let index = argument.trim().strip_prefix("arg").and_then(|index| index.parse().ok());
    let operator = mask.map_or(SeccompCmpOp::Eq, SeccompCmpOp::MaskedEq);
    let (index, value) = index.zip(value_of(value)).ok_or_else(wrong)?;
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, operator, value)
        .map_err(|error| error.to_string())
}

fn value_of(text: &str) -> Option<u64> {
    match text.trim() {
        "self" => Some(std::process::id().into()),
        text => match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
    }
}

#[cfg(test)]
#[path = "seccomp_tests.rs"]
mod tests;
