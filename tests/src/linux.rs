//! Tests that need a KVM that can run Linux run in the nested machine where this host has none.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;
use vmm::machine::probe::{Verdict, can_run_linux};

use crate::program;

/// The file by which a test in the nested machine shows that it was found there, in its current
/// directory. A harness that finds no test of the name it is given reports success.
const BEGUN: &str = "begun";

/// Runs `body` where KVM can run Linux: here, or by running the test of this `name` again in the
/// nested machine. The test's binary is the running one.
pub fn with_kvm(name: &str, body: impl FnOnce()) {
    if kvm_works() {
        if vmm::nested::is_inside() {
            std::fs::write(BEGUN, "").expect("the current directory is shared");
        }
        return body();
    }
    let shared = shared();
    let again = ["--exact", name, "--include-ignored", "--nocapture", "--test-threads=1"];
    let status = rerun(&again, shared.path());
    assert!(status.success(), "{name} failed in the nested machine: {status}");
    let begun = shared.path().join(BEGUN).exists();
    assert!(begun, "{name} did not run in the nested machine: is that the test's name?");
}

/// Where KVM cannot run Linux, runs this program again in the nested machine, with these
/// arguments, and answers how it ended.
pub fn rerun_where_kvm_works(arguments: &[&str]) -> Option<ExitStatus> {
    rerun_in(shared().path(), arguments)
}

/// The same in `directory`, which the nested machine shares, so that what is written there stays.
pub fn rerun_in(directory: &Path, arguments: &[&str]) -> Option<ExitStatus> {
    (!kvm_works()).then(|| rerun(arguments, directory))
}

/// Whether KVM can run Linux here: in the nested machine, or by what trying it once told.
pub fn kvm_works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        vmm::nested::is_inside() || can_run_linux().is_ok_and(|verdict| verdict == Verdict::Yes)
    })
}

/// A directory to be the current one in the nested machine, which shares it. Sockets do not work
/// there.
fn shared() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

fn rerun(arguments: &[&str], directory: &Path) -> ExitStatus {
    let myself = std::env::current_exe().expect("a program knows its own file");
    let program = program::path();
    let mut command = program::nicvmm(&["nested", "--", "/usr/bin/env"]);
    command
        .arg(format!("{}={}", program::VARIABLE, program.display()))
        .arg(myself)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null());
    program::status_of(&mut command)
}
