//! Whether this host can run a bare-metal guest.

use std::fs::OpenOptions;
use std::io::Write;

const DEVICE: &str = "/dev/kvm";

/// Whether /dev/kvm opens. If it does not, says on standard error which test is skipped and why.
pub fn require_kvm() -> bool {
    let Err(error) = OpenOptions::new().read(true).write(true).open(DEVICE) else { return true };
    // Written past the test harness, which would show it only if the test failed.
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {DEVICE} does not open ({error})");
    false
}
