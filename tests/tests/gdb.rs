//! Debian's gdb on guests: a bare-metal one on this host's own KVM, and Linux.
//!
//! Hardware breakpoints and steps in ring 3 are not tested: KVMs without hardware below do not
//! serve them.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::thread;

use tempfile::TempDir;
use tests::bare_metal::{Guest, payload};
use tests::gdb::{debug, require_gdb};
use tests::linux::with_kvm;
use tests::program::nicvmm;
use vmm::machine::gdb::{Address, Listener};

/// Makes the system call again and again, so that a breakpoint is met whenever it comes.
const SYNCS: &str = "nproc; for i in $(seq 30); do sync; sleep 0.1; done; echo synced";
const TEST: &str = "gdb_stops_linux_at_a_system_call_on_two_cpus";

fn assert_in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part:?} is missing in order:\n{text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn gdb_stops_a_guest_at_its_start_steps_and_breaks() {
    let name = "gdb_stops_a_guest_at_its_start_steps_and_breaks";
    let Some(guest) = Guest::with_cpus(2).filter(|_| require_gdb(name)) else { return };
    let directory = TempDir::new().unwrap();
    let socket = directory.path().join("gdb");
    let listener = Listener::bind(&Address::Unix(socket.clone())).unwrap();
    let debugger = thread::spawn(move || {
        let file = format!("file {}", payload().display());
        debug(
            &socket,
            &[
                &file,
                "info threads",
                "print/x $rsi",
                "stepi",
                "stepi",
                "print/x $rip - (long)&_start",
                "set $r10 = 0x1234",
                "print/x *(unsigned char *)main",
                "break main",
                "continue",
                "print/x $r10",
                "print/x $cs & 3",
                "print/x *(unsigned char *)main",
                "delete",
                "continue",
            ],
        )
    });
    let outcome = guest.with_debugger(listener).run("accesses count=1");
    let said = debugger.join().unwrap();
    assert_eq!(outcome.text("port"), "0xff");
    let start = ["Thread 1.1", "Thread 1.2", "$1 = 0x7000", "$2 = 0x9", "$3 = "];
    let main = ["Breakpoint 1", "main ()", "$4 = 0x1234", "$5 = 0x3", "exited normally"];
    assert_in_order(&said, &start);
    assert_in_order(&said, &main);
}

#[test]
fn gdb_stops_linux_at_a_system_call_on_two_cpus() {
    if !require_gdb(TEST) {
        return;
    }
    with_kvm(TEST, || {
        let symbols = nicvmm(&["run", "--host", "kvm", "--timeout", "100", "--", "grep", "-w"])
            .args(["__x64_sys_sync", "/proc/kallsyms"])
            .output()
            .unwrap();
        let symbols = String::from_utf8_lossy(&symbols.stdout).into_owned();
        let sync = symbols.split_whitespace().next().expect("the kernel has the system call");
        let directory = TempDir::new().unwrap();
        let socket = directory.path().join("gdb");
        let mut child = nicvmm(&["run", "--host", "kvm", "--cpus", "2", "--timeout", "150"])
            .arg("--gdb")
            .arg(format!("unix:{}", socket.display()))
            .args(["--", "sh", "-c", SYNCS])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The first client lets the kernel set up its memory; breakpoints come by the second.
        let entry = debug(&socket, &["break *0x1000000", "print/x $rip", "stepi", "detach"]);
        assert_in_order(&entry, &["$1 = 0x1000000"]);
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(output.next().unwrap().unwrap(), "2");
        let at = format!("break *0x{sync}");
        let said = debug(
            &socket,
            &[
                &at,
                "continue",
                "print/x $rip",
                "info threads",
                "stepi",
                "print/x $rip",
                "stepi",
                "print/x $rip",
                "delete",
                "detach",
            ],
        );
        assert_in_order(&said, &["Breakpoint 1", &format!("$1 = 0x{sync}"), "Thread 1.2", "$2 = "]);
        assert_eq!(output.next().unwrap().unwrap(), "synced", "{said}");
        assert!(child.wait().unwrap().success(), "{said}");
    });
}
