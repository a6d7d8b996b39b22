//! The walls around `nicvmm run` and `nicvmm path` as others see them, and that all goes on within.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tests::bare_metal::require_kvm;
use tests::elf;
use tests::program::nicvmm;
use tests::wait::wait;

/// A jump to itself.
const LOOPS: &[u8] = &[0xeb, 0xfe];
const PATIENCE: Duration = Duration::from_secs(30);

/// A program under test, gone at the latest with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the kernel says of each thread, by the threads' names; but for those that are KVM's own.
fn threads(program: &Running) -> Vec<(String, String)> {
    let tasks = PathBuf::from(format!("/proc/{}/task", program.0.id()));
    let read = |path: &Path, file| fs::read_to_string(path.join(file)).unwrap_or_default();
    fs::read_dir(tasks)
        .unwrap()
        .map(|task| task.unwrap().path())
        .map(|task| (read(&task, "comm").trim().to_owned(), read(&task, "status")))
        .filter(|(name, _)| !name.starts_with("kvm-"))
        .collect()
}

/// Whether a field of such a status has this value.
fn has(status: &str, field: &str, value: &str) -> bool {
    status.lines().any(|line| {
        line.strip_prefix(field).and_then(|rest| rest.strip_prefix(':')).map(str::trim)
            == Some(value)
    })
}

/// Starts the program in `directory`.
fn start(directory: &TempDir, arguments: &[&str]) -> Running {
    let program = nicvmm(arguments)
        .current_dir(directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Running(program.unwrap())
}

/// Starts a guest that loops in `directory`, with a report, and waits for it.
fn run(directory: &TempDir, options: &[&str]) -> Running {
    fs::write(directory.path().join("kernel"), elf::kernel(LOOPS)).unwrap();
    let fixed = ["run", "--host", "kvm", "--console", "none", "--kernel", "kernel"];
    let report = ["--report", "report", "--report-interval", "50ms"];
    let program = start(directory, &[&fixed[..], &report, options].concat());
    // The report was replaced, so the guest runs.
    wait("a report", PATIENCE, || directory.path().join("report").exists().then_some(()));
    program
}

fn end(mut program: Running) -> Option<i32> {
    kill(Pid::from_raw(program.0.id() as i32), Signal::SIGTERM).unwrap();
    program.0.wait().unwrap().code()
}

#[test]
fn every_thread_of_a_run_is_within_walls_and_all_options_work_there() {
    if !require_kvm() {
        return;
    }
    let directory = TempDir::new().unwrap();
    let place = |name: &str| directory.path().join(name);
    fs::write(place("disk"), vec![0; 1 << 20]).unwrap();
    let nics = ["--nic", "rtl8139,net=stream:nobody", "--nic", "virtio-net,capture=capture"];
    let files = ["--disk", "disk", "--share", ".", "--vsock", "vsock", "--control", "control"];
    let program = run(&directory, &[&["--timing"], &nics[..], &files].concat());
    UnixStream::connect(place("vsock")).unwrap();
    let threads = threads(&program);
    let names: Vec<&str> = threads.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["vcpu0", "disk", "share", "report"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    for (name, status) in &threads {
        assert!(has(status, "Seccomp", "2"), "{name}: {status}");
        assert!(has(status, "NoNewPrivs", "1"), "{name}: {status}");
        // Of root's: CHOWN, DAC_OVERRIDE, FOWNER and FSETID, which the shared files may need.
        let kept = ["0000000000000000", "000000000000001b"];
        assert!(kept.iter().any(|kept| has(status, "CapEff", kept)), "{name}: {status}");
    }
    assert_eq!(end(program), Some(128 + libc::SIGTERM));
    let report = fs::read_to_string(place("report")).unwrap();
    assert!(report.contains("stopped by signal 15"), "{report}");
    assert!(!place("vsock").exists() && !place("control").exists());
}

#[test]
fn walls_can_be_left_out() {
    if !require_kvm() {
        return;
    }
    let directory = TempDir::new().unwrap();
    let program = run(&directory, &["--sandbox", "off"]);
    let threads = threads(&program);
    assert!(threads.iter().all(|(_, status)| has(status, "Seccomp", "0")), "{threads:?}");
    assert_eq!(end(program), Some(128 + libc::SIGTERM));
}

#[test]
fn a_path_is_within_walls_and_pulls_its_cable_there() {
    let directory = TempDir::new().unwrap();
    let place = |name: &str| directory.path().join(name);
    let ports = ["--port", "stream:a,ip=10.0.1.1/24", "--port", "stream:b,ip=10.0.2.1/24"];
    let files = ["--control", "control", "--pcap-a", "capture"];
    let program = start(&directory, &[&["path"], &ports[..], &files].concat());
    wait("the control socket", PATIENCE, || place("control").exists().then_some(()));
    let set = |change: &str| {
        let status = nicvmm(&["path", "set", "--control", "control", change])
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "{change}");
    };
    set("link=down");
    assert!(!place("a").exists());
    set("link=up");
    assert!(place("a").exists());
    for (name, status) in threads(&program) {
        assert!(has(&status, "Seccomp", "2"), "{name}: {status}");
        assert!(has(&status, "NoNewPrivs", "1"), "{name}: {status}");
    }
    assert_eq!(end(program), Some(0));
    assert!(!place("a").exists() && !place("b").exists() && !place("control").exists());
}
