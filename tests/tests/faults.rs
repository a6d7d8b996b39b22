//! What becomes of a run when the host is at fault. `docs/faults.md` has the whole table; what is not
//! here is tested beside the part that it concerns.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tests::bare_metal::require_kvm;
use tests::elf;
use tests::program::{self, complaint, nicvmm};
use tests::wait::wait;

/// `mov dx, 0x3f8; mov al, 'x'; 1: out dx, al; jmp 1b`: a console that never rests.
const CHATS: &[u8] = &[0x66, 0xba, 0xf8, 0x03, 0xb0, b'x', 0xee, 0xeb, 0xfd];
/// A jump to itself.
const LOOPS: &[u8] = &[0xeb, 0xfe];
const PATIENCE: Duration = Duration::from_secs(30);

/// A guest that runs `code`, in a directory of its own.
fn start(code: &[u8], arguments: &[&str]) -> (Child, TempDir) {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("kernel"), elf::kernel(code)).unwrap();
    let child = nicvmm(&["run", "--host", "kvm", "--kernel", "kernel"])
        .args(arguments)
        .current_dir(directory.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (child, directory)
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
}

/// Its state in the kernel's words.
fn is_stopped(child: &Child) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    stat.rsplit_once(')').unwrap().1.trim_start().starts_with('T')
}

#[test]
fn a_run_that_is_stopped_goes_on_where_it_was() {
    if !require_kvm() {
        return;
    }
    let (mut child, directory) = start(CHATS, &["--console", "file:console"]);
    let console = directory.path().join("console");
    let length = || fs::metadata(&console).map_or(0, |found| found.len());
    wait("output", PATIENCE, || (length() > 0).then_some(()));
    signal(&child, Signal::SIGSTOP);
    wait("a stop", PATIENCE, || is_stopped(&child).then_some(()));
    let before = length();
    signal(&child, Signal::SIGCONT);
    wait("more output", PATIENCE, || (length() > before).then_some(()));
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(128 + libc::SIGTERM));
}

#[test]
fn memory_that_the_host_does_not_have_is_an_error_before_anything_runs() {
    if !require_kvm() {
        return;
    }
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("kernel"), elf::kernel(LOOPS)).unwrap();
    let script = "ulimit -v 1000000; exec \"$0\" run --host kvm --memory 4096 --kernel kernel";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(program::path())
        .current_dir(directory.path())
        .output()
        .unwrap();
    let said = complaint(&output);
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert!(said.contains("cannot get 4096 MiB of guest memory: "), "{said}");
}

#[test]
fn a_console_that_nobody_reads_holds_its_guest_up_and_nothing_else() {
    if !require_kvm() {
        return;
    }
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("kernel"), elf::kernel(CHATS)).unwrap();
    let mut child = nicvmm(&["run", "--host", "kvm", "--timeout", "1", "--kernel", "kernel"])
        .args(["--console", "stdio"])
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The pipe stays open and unread.
    let _stdout = child.stdout.take();
    assert_eq!(child.wait().unwrap().code(), Some(124));
}

#[test]
fn a_console_whose_disk_is_full_ends_no_guest() {
    if !require_kvm() {
        return;
    }
    let (child, _directory) = start(CHATS, &["--console", "file:/dev/full", "--timeout", "0.5"]);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(124), "{}", complaint(&output));
}

#[test]
fn a_report_that_finds_no_room_is_told_and_the_status_says_so() {
    if !require_kvm() {
        return;
    }
    let (child, _directory) = start(LOOPS, &["--report", "/dev/full", "--timeout", "0.2"]);
    let output = child.wait_with_output().unwrap();
    let said = complaint(&output);
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert!(said.contains("cannot write /dev/full: No space left"), "{said}");
}

#[test]
fn a_peer_that_sends_rubbish_or_hangs_up_does_not_end_a_guest() {
    if !require_kvm() {
        return;
    }
    let directory = TempDir::new().unwrap();
    let socket = directory.path().join("peer");
    let listener = UnixListener::bind(&socket).unwrap();
    let nic = format!("rtl8139,net=stream:{}", socket.display());
    let (mut child, _kernel) = start(LOOPS, &["--console", "none", "--nic", &nic]);
    // A length that no frame has; then it hangs up, and is called again.
    for rubbish in [&[0xff; 64][..], &[0; 64], &[0, 0, 1]] {
        let (mut peer, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut peer, rubbish).unwrap();
    }
    assert!(child.try_wait().unwrap().is_none(), "the guest has ended");
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(128 + libc::SIGTERM));
}
