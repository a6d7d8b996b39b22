//! Bad input: one clear line that names the value, a documented exit status, nothing left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tests::elf;
use tests::program::{self, complaint, nicvmm, skip};
use tests::wait::{wait, wait_for_file};

/// Time for a socket to appear.
const APPEARANCE: Duration = Duration::from_secs(20);

const USAGE: i32 = 2;
const TRIPLE_FAULT: i32 = 122;
const TIME_OUT: i32 = 124;
const FAULT: i32 = 125;

/// `ud2` without an interrupt table.
const DIES: &[u8] = &[0x0f, 0x0b];
/// A jump to itself.
const LOOPS: &[u8] = &[0xeb, 0xfe];

fn run(arguments: &[&str]) -> Output {
    nicvmm(&["run", "--host", "kvm", "--console", "none"]).args(arguments).output().unwrap()
}

fn file(directory: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_string()
}

fn assert_refused(output: &Output, status: i32, words: &[&str]) {
    let text = complaint(output);
    assert_eq!(output.status.code(), Some(status), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in: {text}");
    }
}

fn assert_one_line(output: &Output) {
    assert_eq!(complaint(output).lines().count(), 1, "{}", complaint(output));
}

#[test]
fn a_missing_kernel_is_named() {
    let output = run(&["--kernel", "/nonexistent/vmlinuz"]);
    assert_refused(&output, FAULT, &["kernel", "/nonexistent/vmlinuz"]);
    assert_one_line(&output);
    assert_eq!(complaint(&output).matches("No such file").count(), 1);
}

#[test]
fn a_file_that_is_no_kernel_is_told_apart_from_one_that_is_missing() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "notes.txt", b"this is no kernel, it is a note\n");
    let output = run(&["--kernel", &path]);
    assert_refused(&output, FAULT, &[&path, "no kernel", "vmlinuz", "vmlinux"]);
    assert_one_line(&output);
}

#[test]
fn an_elf_file_that_ends_early_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "vmlinux", &elf::kernel(DIES)[..80]);
    let output = run(&["--kernel", &path]);
    assert_refused(&output, FAULT, &[&path]);
    assert_one_line(&output);
}

#[test]
fn an_initrd_beyond_memory_names_both_sizes_and_the_option() {
    let directory = TempDir::new().unwrap();
    let kernel = file(&directory, "kernel", &elf::kernel(LOOPS));
    let initrd = file(&directory, "initrd", b"");
    fs::File::options().write(true).open(&initrd).unwrap().set_len(64 << 20).unwrap();
    let output = run(&["--kernel", &kernel, "--initrd", &initrd, "--memory", "32"]);
    assert_refused(&output, FAULT, &[&initrd, "67108864", "--memory"]);
    assert_one_line(&output);
}

#[test]
fn a_missing_initrd_is_named() {
    let directory = TempDir::new().unwrap();
    let kernel = file(&directory, "kernel", &elf::kernel(LOOPS));
    let output = run(&["--kernel", &kernel, "--initrd", "/nonexistent/initrd"]);
    assert_refused(&output, FAULT, &["initrd", "/nonexistent/initrd"]);
    assert_one_line(&output);
}

#[test]
fn an_unwritable_console_or_report_is_named() {
    let directory = TempDir::new().unwrap();
    let kernel = file(&directory, "kernel", &elf::kernel(DIES));
    let console =
        ["run", "--host", "kvm", "--kernel", &kernel, "--console", "file:/nonexistent/log"];
    let output = nicvmm(&console).output().unwrap();
    assert_refused(&output, FAULT, &["/nonexistent/log"]);
    assert_one_line(&output);
    let output = run(&["--kernel", &kernel, "--report", "/nonexistent/report.json"]);
    assert_refused(&output, FAULT, &["/nonexistent/report.json"]);
}

#[test]
fn unknown_nics_keys_and_values_are_answered_with_the_known_ones() {
    let nic = |spec| run(&["--kernel", "/nonexistent/vmlinuz", "--nic", spec]);
    assert_refused(&nic("ne2000"), USAGE, &["ne2000", "rtl8139", "virtio-net"]);
    assert_refused(&nic("rtl8139,tso=fast"), USAGE, &["tso", "fast", "mss", "mtu1500"]);
    assert_refused(&nic("rtl8139,chip=8169"), USAGE, &["chip", "8169", "8139cplus"]);
    assert_refused(&nic("rtl8139,quirks=qemu"), USAGE, &["quirks", "qemu-5.2", "qemu-7.2"]);
    assert_refused(&nic("rtl8139,tso=mss,quirks=qemu-5.2"), USAGE, &["tso=mss", "mtu1500"]);
    assert_refused(&nic("rtl8139,colour=red"), USAGE, &["colour"]);
    assert_refused(&nic("virtio-net,mac=nonsense"), USAGE, &["nonsense", "52:54:00"]);
    assert_refused(&nic("virtio-net,mac=01:00:5e:00:00:01"), USAGE, &["multicast"]);
    assert_refused(&nic("virtio-net,net=pigeon"), USAGE, &["pigeon", "stream:PATH"]);
}

#[test]
fn a_socket_path_beyond_the_limit_is_refused_with_the_limit() {
    let directory = TempDir::new().unwrap();
    let kernel = file(&directory, "kernel", &elf::kernel(DIES));
    let long = directory.path().join("x".repeat(120));
    let long = long.to_str().unwrap();
    let output = run(&["--kernel", &kernel, "--control", long]);
    assert_refused(&output, FAULT, &[long, "107"]);
    assert_one_line(&output);
    let nic = format!("rtl8139,net=stream:{long}");
    let output = run(&["--kernel", &kernel, "--nic", &nic]);
    assert_refused(&output, FAULT, &[long, "107"]);
    assert_one_line(&output);
}

#[test]
fn a_control_socket_in_use_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let kernel = file(&directory, "kernel", &elf::kernel(DIES));
    let path = directory.path().join("control.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let output = run(&["--kernel", &kernel, "--control", path.to_str().unwrap()]);
    assert_refused(&output, FAULT, &["control.sock", "in use"]);
    assert_one_line(&output);
    assert!(path.exists());
}

#[test]
fn what_a_killed_nicvmm_leaves_does_not_stop_the_next() {
    let directory = TempDir::new().unwrap();
    let kernel = file(&directory, "kernel", &elf::kernel(LOOPS));
    let control = directory.path().join("control.sock");
    let start = || {
        nicvmm(&["run", "--host", "kvm", "--console", "none", "--kernel", &kernel])
            .args(["--control", control.to_str().unwrap()])
            .spawn()
            .unwrap()
    };
    let mut killed = start();
    wait_for_file(&control, APPEARANCE);
    killed.kill().unwrap();
    assert!(!killed.wait().unwrap().success());
    let left = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(left, 2, "the kernel and the socket");
    let mut next = start();
    wait_for_listener(&control);
    terminate(&next);
    assert_eq!(next.wait().unwrap().code(), Some(128 + libc::SIGTERM));
    assert!(!control.exists());
}

#[test]
fn a_guest_that_dies_has_an_exit_status_of_its_own_and_leaves_no_socket() {
    let directory = TempDir::new().unwrap();
    let kernel = file(&directory, "kernel", &elf::kernel(DIES));
    let control = directory.path().join("control.sock");
    let output = run(&["--kernel", &kernel, "--control", control.to_str().unwrap()]);
    assert_refused(&output, TRIPLE_FAULT, &["triple fault"]);
    assert!(!control.exists());
}

#[test]
fn a_guest_that_never_ends_is_stopped_at_its_time_limit() {
    let directory = TempDir::new().unwrap();
    let kernel = file(&directory, "kernel", &elf::kernel(LOOPS));
    let output = run(&["--kernel", &kernel, "--timeout", "0.3"]);
    assert_refused(&output, TIME_OUT, &["time limit"]);
}

#[test]
fn sigterm_ends_a_guest_and_removes_its_socket() {
    let directory = TempDir::new().unwrap();
    let kernel = file(&directory, "kernel", &elf::kernel(LOOPS));
    let control = directory.path().join("control.sock");
    let mut child = nicvmm(&["run", "--host", "kvm", "--console", "none", "--kernel", &kernel])
        .args(["--control", control.to_str().unwrap()])
        .spawn()
        .unwrap();
    wait_for_file(&control, APPEARANCE);
    terminate(&child);
    assert_eq!(child.wait().unwrap().code(), Some(128 + libc::SIGTERM));
    assert!(!control.exists());
}

#[test]
fn a_running_path_is_changed_and_shown_from_another_process() {
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let port = |name: &str, ip: &str| format!("stream:{},ip={ip}/24", at(name));
    let control = at("control");
    let mut path = nicvmm(&["path", "--port", &port("a", "10.0.1.1")])
        .args(["--port", &port("b", "10.0.2.1"), "--control", &control])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_file(Path::new(&control), APPEARANCE);
    let set = nicvmm(&["path", "set", "--control", &control, "b.mtu=1420"]).output().unwrap();
    let refused = nicvmm(&["path", "set", "--control", &control, "mtu=20"]).output().unwrap();
    let show = nicvmm(&["path", "show", "--control", &control, "--json"]).output().unwrap();
    terminate(&path);
    assert!(path.wait().unwrap().success());
    assert!(set.status.success(), "{}", complaint(&set));
    assert_refused(&refused, FAULT, &["mtu=20", "at least 68"]);
    let shown: serde_json::Value = serde_json::from_slice(&show.stdout).unwrap();
    assert_eq!(shown["settings"]["towards_b"]["mtu"], 1420);
    assert_eq!(shown["settings"]["towards_a"]["mtu"], 1500);
    assert_eq!(shown["counters"]["schema"], "nicvmm-path/1");
    assert!(!Path::new(&control).exists());
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let result = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/lab/compare.json");
    for command in [
        &["--help"][..],
        &["--version"],
        &["run", "--help"],
        &["run", "--print-config"],
        &["compare", "--list"],
        &["compare", "--show", "incident/row-01"],
        &["compare", "--from", result.to_str().unwrap()],
        &["completions", "bash"],
        &["guest", "list"],
        &["guest", "list", "--json"],
    ] {
        let output = nicvmm(command)
            .stdout(writer.try_clone().unwrap())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let told = (output.status.code(), complaint(&output));
        assert_eq!(told, (Some(0), String::new()), "{command:?}");
    }
    // Nor is one of complaints, but the status stays.
    let status = nicvmm(&["path", "show", "--control", "/nonexistent"])
        .stderr(writer.try_clone().unwrap())
        .status();
    assert_eq!(status.unwrap().code(), Some(FAULT));
    // Nor one of the log, which guests can add to.
    let directory = TempDir::new().unwrap();
    let kernel = file(&directory, "kernel", &elf::kernel(DIES));
    let status = nicvmm(&["run", "--host", "kvm", "--console", "none", "--kernel", &kernel])
        .env("NICVMM_LOG", "trace")
        .stderr(writer)
        .status();
    assert_eq!(status.unwrap().code(), Some(TRIPLE_FAULT));
}

#[test]
fn a_control_socket_without_a_path_behind_it_is_named() {
    let output = nicvmm(&["path", "show", "--control", "/nonexistent/path"]).output().unwrap();
    assert_refused(&output, FAULT, &["/nonexistent/path", "nicvmm path --control"]);
    assert_one_line(&output);
}

fn terminate(child: &Child) {
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
}

fn wait_for_listener(path: &Path) {
    let what = format!("somebody to listen on {}", path.display());
    wait(&what, APPEARANCE, || UnixStream::connect(path).ok());
}

#[test]
fn without_permission_for_kvm_the_remedy_is_named() {
    if !nix::unistd::geteuid().is_root() {
        skip("no permission for /dev/kvm", "only root can become somebody without it");
        return;
    }
    // The build directory may be closed to others, so the program goes where all may read it.
    let directory = TempDir::new().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = directory.path().join("nicvmm");
    fs::copy(program::path(), &program).unwrap();
    let output = Command::new(&program)
        .args(["run", "--host", "kvm", "--kernel", "/nonexistent"])
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    assert_refused(&output, FAULT, &["/dev/kvm", "group kvm"]);
    assert_one_line(&output);
}

#[test]
fn without_kvm_the_remedy_is_named() {
    // A mount namespace of its own, in which /dev is empty.
    let script = "mount -t tmpfs none /dev && exec \"$0\" run --host kvm --kernel /nonexistent";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(program::path())
        .output()
        .unwrap();
    if complaint(&output).starts_with("unshare") {
        skip("no /dev/kvm", &complaint(&output));
        return;
    }
    assert_refused(&output, FAULT, &["no /dev/kvm", "--host nested"]);
}
