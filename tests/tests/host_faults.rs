//! What becomes of a run when what the host lends it goes away, or is not there: /dev/kvm, threads, a
//! tap, the time of day. The other faults of the host are in `faults`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime, clock_settime};
use nix::unistd::{Pid, geteuid};
use tempfile::TempDir;
use tests::bare_metal::require_kvm;
use tests::elf;
use tests::linux::with_kvm;
use tests::namespace::Namespace;
use tests::program::{self, complaint, nicvmm, skip};
use tests::wait::{wait, wait_for_file};

/// `mov dx, 0x3f8; mov al, 'x'; 1: out dx, al; jmp 1b`: a console that never rests.
const CHATS: &[u8] = &[0x66, 0xba, 0xf8, 0x03, 0xb0, b'x', 0xee, 0xeb, 0xfd];
/// Has the NIC in slot 3 decode its ports: `mov eax, 0x80001804; mov dx, 0xcf8; out dx, eax; mov ax, 1;
/// mov dx, 0xcfc; out dx, ax`.
const DECODES: &[u8] = &[
    0xb8, 0x04, 0x18, 0x00, 0x80, 0x66, 0xba, 0xf8, 0x0c, 0xef, 0x66, 0xb8, 0x01, 0x00, 0x66, 0xba,
    0xfc, 0x0c, 0x66, 0xef,
];
/// Waits for an rtl8139 to lose its link, which bit 2 of MSR says: `mov edx, 0xc058; 1: in al, dx; test
/// al, 4; jz 1b`.
const WAITS_FOR_NO_LINK: &[u8] = &[0xba, 0x58, 0xc0, 0x00, 0x00, 0xec, 0xa8, 0x04, 0x74, 0xfb];
/// `mov dx, 0x604; mov ax, 0x3400; out dx, ax`: S5 by the ACPI control register.
const POWERS_OFF: &[u8] = &[0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x34, 0x66, 0xef, 0xf4];

const PATIENCE: Duration = Duration::from_secs(60);
const DAY: i64 = 86_400;

/// Starts the guest that is the rest of the arguments, and ends it when it is told to; in between /dev
/// is empty, and another one is tried. The shell has a /dev of its own.
const LOSES_DEV: &str = "\
    \"$0\" \"$@\" --console file:console & guest=$!
    read -r _; mount -t tmpfs none /dev; echo gone; \"$0\" \"$@\"; echo second $?
    read -r _; kill $guest; wait $guest; echo first $?";

/// Runs the arguments as one who may have no more threads.
const NO_THREADS: &str = "exec prlimit --nproc=1 \"$0\" \"$@\"";
/// The same for root, whose threads the kernel does not count: as somebody else, with a /dev/kvm and a
/// program that all may use. The shell has file systems of its own.
const NO_THREADS_OF_ROOT: &str = "\
    mkdir apart && mount -t tmpfs none apart && cp kernel \"$0\" apart && cd apart &&
    mknod kvm c $(stat -c '0x%t 0x%T' /dev/kvm) && chmod 666 kvm && mount --bind kvm /dev/kvm || exit 77
    exec setpriv --reuid 65534 --clear-groups prlimit --nproc=1 ./nicvmm \"$@\"";
/// What that exits with if this host lets it make none of this.
const CANNOT: i32 = 77;

fn directory_with(code: &[u8]) -> TempDir {
    let directory = TempDir::new().unwrap();
    let mut kernel = elf::kernel(code);
    kernel.resize(4096, 0); // It is a disk, too.
    fs::write(directory.path().join("kernel"), kernel).unwrap();
    directory
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |found| found.len())
}

/// Waits until the guest says more.
fn hear_more(console: &Path) {
    let before = length(console);
    wait("output", PATIENCE, || (length(console) > before).then_some(()));
}

#[test]
fn a_guest_goes_on_without_dev_kvm_which_the_next_one_misses() {
    let may = Command::new("unshare").args(["-rm", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        return skip("a guest goes on without /dev/kvm", "`unshare -rm` is not allowed here");
    }
    if !require_kvm() {
        return;
    }
    let directory = directory_with(CHATS);
    let mut shell = Command::new("unshare")
        .args(["-rm", "sh", "-c", LOSES_DEV])
        .arg(program::path())
        .current_dir(directory.path())
        .args(["run", "--host", "kvm", "--kernel", "kernel"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut say = shell.stdin.take().unwrap();
    let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines().map(Result::unwrap);
    let console = directory.path().join("console");
    hear_more(&console);
    say.write_all(b"\n").unwrap();
    assert_eq!(lines.next().unwrap(), "gone");
    assert_eq!(lines.next().unwrap(), "second 125");
    hear_more(&console);
    say.write_all(b"\n").unwrap();
    assert_eq!(lines.next().unwrap(), format!("first {}", 128 + libc::SIGTERM));
    let mut said = String::new();
    shell.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("nicvmm: no /dev/kvm here: "), "{said}");
    shell.wait().unwrap();
}

#[test]
fn a_guest_whose_threads_cannot_be_had_does_not_start() {
    if !require_kvm() {
        return;
    }
    let wanted = [
        ("a vCPU", &["--cpus", "2"][..]),
        ("a device", &["--disk", "kernel,ro"]),
        ("the report", &["--report", "report", "--report-interval", "1"]),
    ];
    for (of, arguments) in wanted {
        let directory = directory_with(CHATS);
        let output = without_threads(&directory, arguments);
        let said = complaint(&output);
        if output.status.code() == Some(CANNOT) {
            return skip("a guest whose threads cannot be had", &said);
        }
        assert_eq!(output.status.code(), Some(125), "{said}");
        assert!(said.contains(&format!("cannot start a thread for {of}: ")), "{said}");
    }
}

fn without_threads(directory: &TempDir, arguments: &[&str]) -> Output {
    let (shell, script) = if geteuid().is_root() {
        (&["unshare", "-m", "sh", "-c"][..], NO_THREADS_OF_ROOT)
    } else {
        (&["sh", "-c"][..], NO_THREADS)
    };
    Command::new(shell[0])
        .args(&shell[1..])
        .arg(script)
        .arg(program::path())
        .args(["run", "--host", "kvm", "--console", "none", "--kernel", "kernel"])
        .args(arguments)
        .current_dir(directory.path())
        .output()
        .unwrap()
}

#[test]
fn a_tap_that_is_deleted_is_a_link_that_went_down() {
    if !require_kvm() {
        return;
    }
    let namespace = match Namespace::new() {
        Ok(namespace) => namespace,
        Err(missing) => return skip("a tap that is deleted", &missing.to_string()),
    };
    if let Err(missing) = namespace.ip("tuntap add dev tap0 mode tap vnet_hdr") {
        return skip("a tap that is deleted", &missing.to_string());
    }
    namespace.ip("link set tap0 up").unwrap();
    let code = [DECODES, WAITS_FOR_NO_LINK, POWERS_OFF].concat();
    let directory = directory_with(&code);
    let mut run = nicvmm(&["run", "--host", "kvm", "--console", "none", "--kernel", "kernel"]);
    run.args(["--nic", "rtl8139,net=tap:tap0", "--control", "control", "--timeout", "60"])
        .current_dir(directory.path())
        .stderr(Stdio::piped());
    let child = namespace.run(move || run.spawn()).unwrap().unwrap();
    // The tap is open by now.
    wait_for_file(&directory.path().join("control"), PATIENCE);
    namespace.ip("link delete tap0").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = complaint(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("lost the tap interface tap0"), "{said}");
}

#[test]
fn a_clock_that_is_set_moves_no_time_limit() {
    with_kvm("a_clock_that_is_set_moves_no_time_limit", || {
        if !vmm::nested::is_inside() {
            return skip("a clock that is set", "this host's own is left alone");
        }
        let (mut patient, directory) = start("3600");
        set_clock(DAY);
        hear_more(&directory.path().join("console"));
        assert!(patient.try_wait().unwrap().is_none(), "the guest has ended");
        kill(Pid::from_raw(patient.id() as i32), Signal::SIGTERM).unwrap();
        assert_eq!(patient.wait().unwrap().code(), Some(128 + libc::SIGTERM));

        let (mut hasty, _directory) = start("2");
        set_clock(-2 * DAY);
        let status = wait("the time limit", PATIENCE, || hasty.try_wait().unwrap());
        assert_eq!(status.code(), Some(124));
    });
}

/// A guest that chats, and has begun to.
fn start(limit: &str) -> (Child, TempDir) {
    let directory = directory_with(CHATS);
    let child =
        nicvmm(&["run", "--host", "kvm", "--console", "file:console", "--kernel", "kernel"])
            .args(["--timeout", limit])
            .current_dir(directory.path())
            .spawn()
            .unwrap();
    hear_more(&directory.path().join("console"));
    (child, directory)
}

/// Sets the time of day, so many seconds ahead.
fn set_clock(ahead: i64) {
    let now = clock_gettime(ClockId::CLOCK_REALTIME).unwrap();
    clock_settime(ClockId::CLOCK_REALTIME, now + TimeSpec::new(ahead, 0)).unwrap();
}
