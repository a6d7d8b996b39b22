//! Whether this host can run a bare-metal guest.

use std::fs::OpenOptions;

use crate::program::skip;

const DEVICE: &str = "/dev/kvm";

/// Whether /dev/kvm opens. If it does not, says which test is skipped and why.
pub fn require_kvm() -> bool {
    let Err(error) = OpenOptions::new().read(true).write(true).open(DEVICE) else { return true };
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a guest without a kernel");
    skip(test, &format!("{DEVICE} does not open ({error})"));
    false
}
