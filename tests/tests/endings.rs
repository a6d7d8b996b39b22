//! How a guest ends: an exit status and one line for each way. The guests are a few instructions
//! long, so that this needs no KVM that can run Linux.

use std::fs;
use std::process::Output;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tests::bare_metal::require_kvm;
use tests::elf;
use tests::program::{complaint, nicvmm};
use tests::wait::wait;

/// `mov dx, 0x604; mov ax, 0x3400; out dx, ax`: S5 by the ACPI control register.
const POWERS_OFF: &[u8] = &[0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x34, 0x66, 0xef, 0xf4];
/// `mov al, 0xfe; out 0x64, al`: the keyboard controller's reset line.
const RESETS: &[u8] = &[0xb0, 0xfe, 0xe6, 0x64, 0xf4];
/// `mov dx, 0x505; mov al, 1; out dx, al`: pvpanic.
const PANICS: &[u8] = &[0x66, 0xba, 0x05, 0x05, 0xb0, 0x01, 0xee, 0xf4];
/// `ud2` without an interrupt table.
const FAULTS: &[u8] = &[0x0f, 0x0b];
/// `mov eax, 0xd0000000; jmp rax`: there is nothing that could be executed.
const RUNS_AWAY: &[u8] = &[0xb8, 0x00, 0x00, 0x00, 0xd0, 0xff, 0xe0];
/// `mov dx, 0x3f8; mov al, 'x'; out dx, al; mov al, '\n'; out dx, al`: a line on the console.
const SAYS_X: &[u8] = &[0x66, 0xba, 0xf8, 0x03, 0xb0, b'x', 0xee, 0xb0, b'\n', 0xee];
/// A jump to itself.
const LOOPS: &[u8] = &[0xeb, 0xfe];

fn run(code: &[u8], arguments: &[&str]) -> Output {
    let directory = TempDir::new().unwrap();
    let kernel = directory.path().join("kernel");
    fs::write(&kernel, elf::kernel(code)).unwrap();
    let common = ["run", "--host", "kvm", "--console", "none", "--kernel"];
    nicvmm(&common).arg(kernel).args(arguments).output().unwrap()
}

fn assert_ending(output: &Output, status: i32, last_line: &str) {
    let said = complaint(output);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(said.lines().last().unwrap_or_default().starts_with(last_line), "{said}");
}

#[test]
fn each_way_to_end_has_a_status_and_a_line_of_its_own() {
    if !require_kvm() {
        return;
    }
    assert_ending(&run(POWERS_OFF, &[]), 0, "");
    assert_ending(&run(RESETS, &[]), 120, "nicvmm: the guest asked for a reset");
    assert_ending(&run(PANICS, &[]), 121, "nicvmm: the guest's kernel panicked");
    assert_ending(&run(FAULTS, &[]), 122, "nicvmm: the guest died of a triple fault");
    assert_ending(&run(RUNS_AWAY, &[]), 123, "nicvmm: the guest cannot go on: KVM ");
}

#[test]
fn a_cpu_that_cannot_go_on_shows_its_registers() {
    if !require_kvm() {
        return;
    }
    let said = complaint(&run(RUNS_AWAY, &[]));
    assert!(said.contains("rax 00000000d0000000"), "{said}");
    assert!(said.contains("rip 0xd0000000"), "{said}");
    let said = complaint(&run(FAULTS, &[]));
    assert!(said.contains("rip ") && said.contains("cr3 "), "{said}");
}

#[test]
fn a_guest_that_runs_out_of_time_shows_its_last_lines() {
    if !require_kvm() {
        return;
    }
    let output = run(&[SAYS_X, LOOPS].concat(), &["--timeout", "0.5"]);
    assert_ending(&output, 124, "nicvmm: the guest did not end within its time limit");
    assert!(complaint(&output).contains("| x\n"), "{}", complaint(&output));
}

#[test]
fn a_guest_that_resets_is_started_again_if_asked_for_and_its_console_goes_on() {
    if !require_kvm() {
        return;
    }
    let directory = TempDir::new().unwrap();
    let (kernel, console) = (directory.path().join("kernel"), directory.path().join("console"));
    fs::write(&kernel, elf::kernel(&[SAYS_X, RESETS].concat())).unwrap();
    let mut child = nicvmm(&["run", "--host", "kvm", "--on-reboot", "restart", "--kernel"])
        .arg(&kernel)
        .arg("--console")
        .arg(format!("file:{}", console.display()))
        .spawn()
        .unwrap();
    wait("a third start", Duration::from_secs(30), || {
        (fs::read(&console).unwrap_or_default().len() >= 6).then_some(())
    });
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + libc::SIGTERM));
    assert!(fs::read(&console).unwrap().starts_with(b"x\nx\nx\n"));
}
