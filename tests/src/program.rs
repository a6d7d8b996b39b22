//! The program `nicvmm`, as a user starts it.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output};
use std::sync::OnceLock;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;

use crate::linux::kvm_works;

/// Names the program in the nested machine, where nothing can be built.
pub const VARIABLE: &str = "NICVMM_PROGRAM";

/// The release build of `nicvmm`, built if it is not there or not fresh.
pub fn path() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        if let Some(program) = std::env::var_os(VARIABLE) {
            return program.into();
        }
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--release", "--package", "vmm", "--bin", "nicvmm"])
            .current_dir(&root)
            .status();
        assert!(built.is_ok_and(|status| status.success()), "building nicvmm failed");
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
        target.join("release/nicvmm").canonicalize().expect("the built program is there")
    })
    .clone()
}

/// A command that starts it.
pub fn nicvmm(arguments: &[&str]) -> Command {
    let mut command = Command::new(path());
    command.args(arguments);
    command
}

/// Has the program killed when the thread that starts it ends: stopped, it would notice nothing.
#[allow(unsafe_code)]
pub fn end_with_us(command: &mut Command) {
    // SAFETY: this system call may be made between fork and exec.
    unsafe {
        command.pre_exec(|| Ok(set_pdeathsig(Signal::SIGKILL)?));
    }
}

/// How often something is tried that starts a nested machine: QEMU's emulation of SVM now and
/// then loses an interrupt or crashes a guest. What is wrong with us fails every time.
const TRIES: usize = 3;

/// The tries where there is no such emulation, or none to start: a failure there is ours. What fails
/// in the nested machine fails out here, where it is tried again.
fn tries() -> usize {
    if kvm_works() { 1 } else { TRIES }
}

/// Runs `command`, which goes into the nested machine, to its end. If it fails it is tried again,
/// loudly.
pub fn status_of(command: &mut Command) -> ExitStatus {
    for attempt in 1..tries() {
        let status = command.status().expect("nicvmm starts");
        if status.success() {
            return status;
        }
        again(&format!("{status} of {command:?}"), attempt);
    }
    command.status().expect("nicvmm starts")
}

/// The same for a command whose output is wanted and that shall end with status `expected`.
pub fn output_of(command: &mut Command, expected: i32) -> Output {
    for attempt in 1..tries() {
        let output = command.output().expect("nicvmm starts");
        if output.status.code() == Some(expected) {
            return output;
        }
        again(&format!("{} of {command:?}", output.status), attempt);
    }
    command.output().expect("nicvmm starts")
}

/// The same for a part of a test that talks to a guest meanwhile, and panics where it fails.
///
/// # Panics
/// If the last try does.
pub fn tried(part: impl Fn()) {
    for attempt in 1..tries() {
        if catch_unwind(AssertUnwindSafe(&part)).is_ok() {
            return;
        }
        let thread = std::thread::current();
        again(thread.name().unwrap_or("a test"), attempt);
    }
    part();
}

/// Says loudly that `what` failed and is tried again.
pub fn again(what: &str, attempt: usize) {
    let line = format!("\n*** AGAIN: {what}, try {attempt} of {TRIES} ***\n");
    // Without standard error there is no one to tell.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// What a person sees on standard error.
pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim_end().to_string()
}

/// Says loudly that a test did not run, and why: past the harness, which hides what a test that
/// passes prints.
pub fn skip(what: &str, why: &str) {
    let line = format!("\n*** SKIPPED: {what}: {why} ***\n");
    // Without standard error there is no one to tell.
    let _ = writeln!(std::io::stderr(), "{line}");
}
