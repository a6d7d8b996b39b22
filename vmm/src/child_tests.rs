use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::thread;

use super::*;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn a_child_dies_with_the_thread_that_started_it() {
    let start = || tie(&mut shell("exec sleep 600")).spawn().unwrap();
    let mut child = thread::spawn(start).join().unwrap();
    assert_eq!(describe(child.wait().unwrap()), "killed by SIGKILL");
}

#[test]
fn a_child_leads_its_own_group_and_has_no_signal_blocked() {
    let blocked = SigSet::all();
    let start = move || {
        blocked.thread_block().unwrap();
        let script = "grep SigBlk /proc/self/status; [ $(ps -o pgid= -p $$) -eq $$ ]";
        tie(&mut shell(script)).output().unwrap()
    };
    let output = thread::spawn(start).join().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "SigBlk:\t0000000000000000\n");
}

#[test]
fn a_descriptor_that_is_handed_over_is_open_there_and_closed_here() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let script = format!("cat <&{0} >&{0}", theirs.as_raw_fd());
    let mut command = shell(&script);
    command.stdout(Stdio::null());
    let mut child = hand_over(&mut command, theirs.into()).spawn().unwrap();
    drop(command);
    ours.write_all(b"there and back").unwrap();
    ours.shutdown(std::net::Shutdown::Write).unwrap();
    let mut back = String::new();
    ours.read_to_string(&mut back).unwrap();
    assert_eq!(back, "there and back");
    assert!(child.wait().unwrap().success());
}
