//! Tests that need a KVM that can run Linux run in the nested machine where this host has none.

use std::process::{ExitStatus, Stdio};

use vmm::machine::probe::{Verdict, can_run_linux};

use crate::program;

/// Runs `body` where KVM can run Linux: here, or by running the test of this `name` again in the
/// nested machine. The test's binary is the running one.
pub fn with_kvm(name: &str, body: impl FnOnce()) {
    let again = ["--exact", name, "--nocapture", "--test-threads=1"];
    if let Some(status) = rerun_where_kvm_works(&again) {
        assert!(status.success(), "{name} failed in the nested machine: {status}");
    } else {
        body();
    }
}

/// Where KVM cannot run Linux, runs this program again in the nested machine, with these
/// arguments, and answers how it ended.
pub fn rerun_where_kvm_works(arguments: &[&str]) -> Option<ExitStatus> {
    if vmm::nested::is_inside() || can_run_linux().is_ok_and(|verdict| verdict == Verdict::Yes) {
        return None;
    }
    // The current directory is shared with the nested machine, and sockets do not work there.
    let shared = tempfile::TempDir::new().expect("a temporary directory");
    let myself = std::env::current_exe().expect("a program knows its own file");
    let program = program::path();
    let mut command = program::nicvmm(&["nested", "--", "/usr/bin/env"]);
    command
        .arg(format!("{}={}", program::VARIABLE, program.display()))
        .arg(myself)
        .args(arguments)
        .current_dir(shared.path())
        .stdin(Stdio::null());
    Some(program::status_of(&mut command))
}
