//! Runs commands in the nested machine.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// `nicvmm nested` with a shell script, in a directory.
fn nested(directory: &Path, script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nicvmm"));
    command.args(["nested", "--", "sh", "-c", script]).current_dir(directory);
    command
}

#[test]
fn a_command_in_the_nested_machine_has_kvm_and_the_hosts_files() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("before"), "from the host").unwrap();
    let script = "pwd; cat before; cat >after; [ -c /dev/kvm ] && echo >&2 kvm; \
        touch /etc/no 2>/dev/null || echo >&2 read-only; touch /tmp/yes && exit 7";
    let mut child = nested(directory.path(), script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"from inside").unwrap();
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr, "kvm\nread-only\n");
    assert_eq!(stdout, format!("{}\nfrom the host", directory.path().display()));
    assert_eq!(output.status.code(), Some(7));
    let after = std::fs::read_to_string(directory.path().join("after")).unwrap();
    assert_eq!(after, "from inside");
    assert!(!Path::new("/tmp/yes").exists());
}

#[test]
fn a_signal_reaches_the_command_in_the_nested_machine() {
    let directory = tempfile::tempdir().unwrap();
    let script = "trap 'echo ended >ended; exit 3' TERM; echo ready; while :; do sleep 0.1; done";
    let mut child = nested(directory.path(), script)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(directory.path().join("ended").exists());
}

#[test]
fn a_nested_machine_that_dies_is_told_by_its_status_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let left = tempfile::tempdir().unwrap();
    let mut child = nested(directory.path(), "echo ready; exec sleep 600")
        .env("TMPDIR", left.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let qemu = std::fs::read_to_string(children).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(qemu), Signal::SIGKILL).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("the nested machine's QEMU ended (killed by SIGKILL)"), "{stderr}");
    assert_eq!(output.status.code(), Some(126), "{stderr}");
    assert_eq!(std::fs::read_dir(left.path()).unwrap().count(), 0);
}
