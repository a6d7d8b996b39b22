//! Walls cannot be taken down, so what is done behind them in a test is done in a child process.

use std::io::Read;

use ::landlock::{ABI, Access, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, dup2_stderr, fork};

use crate::streams;

/// How a child ended.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit status; none if a signal killed it.
    pub status: Option<i32>,
    /// What it said on standard error.
    pub said: String,
}

/// Does `work` in a child process; it exits with 0 if that returns, and with 1 if it panics.
#[allow(unsafe_code)]
pub fn in_a_child(work: impl FnOnce()) -> Outcome {
    let (mut said, theirs) = std::io::pipe().unwrap();
    // SAFETY: other threads of the test's process may hold locks of the C library's allocator, which
    // keeps its own usable in a child; the work takes no locks of ours that others have.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            dup2_stderr(&theirs).unwrap();
            drop(theirs);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // SAFETY: nothing of this process has to be tidied up.
            unsafe { libc::_exit(i32::from(result.is_err())) }
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            let mut text = Vec::new();
            said.read_to_end(&mut text).unwrap();
            let status = match waitpid(child, None).unwrap() {
                WaitStatus::Exited(_, status) => Some(status),
                _ => None,
            };
            Outcome { status, said: String::from_utf8_lossy(&text).into_owned() }
        }
    }
}

/// Asks for memory that can be executed.
#[allow(unsafe_code)]
pub fn map_code() {
    let page = std::num::NonZeroUsize::new(4096).unwrap();
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_EXEC;
    // SAFETY: it is new memory, which nobody uses.
    let _ = unsafe { mmap_anonymous(None, page, protection, MapFlags::MAP_PRIVATE) };
}

/// Whether this kernel can limit all that these tests try; says loudly if not.
pub fn landlock_is_there() -> bool {
    let net = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessNet::from_all(ABI::V4));
    if let Err(error) = &net {
        streams::say(format_args!("\n*** SKIPPED: what Landlock limits: {error} ***\n"));
    }
    net.is_ok()
}
