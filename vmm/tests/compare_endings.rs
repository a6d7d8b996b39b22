//! However `nicvmm compare` ends, nothing it started is left, and its exit status says why.
//!
//! A shell script stands in for QEMU: it writes its process id down and does what the test wants.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longest wait for anything here.
const PATIENCE: Duration = Duration::from_secs(60);

struct Lab {
    directory: tempfile::TempDir,
}

impl Lab {
    /// A lab whose QEMU is `script`, with `$CONSOLE` the file of its console.
    fn new(script: &str) -> Self {
        let lab = Self { directory: tempfile::tempdir().unwrap() };
        for name in ["bin", "tmp", "ids"] {
            fs::create_dir(lab.path(name)).unwrap();
        }
        let qemu = lab.path("bin/qemu-system-x86_64");
        let text = format!(
            "#!/bin/sh\n\
             for word; do case $word in file:*) CONSOLE=${{word#file:}};; esac; done\n\
             {script}\n"
        );
        fs::write(&qemu, text.replace("@IDS@", lab.path("ids").to_str().unwrap())).unwrap();
        fs::set_permissions(&qemu, fs::Permissions::from_mode(0o755)).unwrap();
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let paths = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        Command::new(env!("CARGO_BIN_EXE_nicvmm"))
            .args(["compare", "--vmm", "qemu", "--tcg", "--variant", "rtl8139"])
            .args(["--kernel", "/dev/null", "--initrd", "/dev/null"])
            .args(arguments)
            .env("PATH", paths)
            .env("TMPDIR", self.path("tmp"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Process ids of the VMMs, once both are there.
    fn vmms(&self) -> Vec<Pid> {
        wait("both VMMs to start", || {
            let names = fs::read_dir(self.path("ids")).unwrap();
            let ids: Vec<Pid> = names
                .filter_map(|name| name.unwrap().file_name().to_str()?.parse().ok())
                .map(Pid::from_raw)
                .collect();
            (ids.len() == 2).then_some(ids)
        })
    }

    fn assert_clean(&self, vmms: &[Pid]) {
        for id in vmms {
            wait("the VMMs to be gone", || (!running(*id)).then_some(()));
        }
        let left: Vec<_> = fs::read_dir(self.path("tmp")).unwrap().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process runs; one that is dead but not collected does not.
fn running(id: Pid) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(id.to_string()).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const WAITS: &str = "echo waiting >$CONSOLE; touch @IDS@/$$; exec sleep 600";

#[test]
fn sigterm_while_guests_boot_leaves_nothing() {
    let lab = Lab::new(WAITS);
    let child = lab.start(&[]);
    let vmms = lab.vmms();
    signal(&child, Signal::SIGTERM);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143), "{}", errors(&output));
    lab.assert_clean(&vmms);
}

#[test]
fn ctrl_c_while_guests_boot_leaves_nothing() {
    let lab = Lab::new(WAITS);
    let child = lab.start(&[]);
    let vmms = lab.vmms();
    signal(&child, Signal::SIGINT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", errors(&output));
    lab.assert_clean(&vmms);
}

#[test]
fn vmms_die_with_a_lab_that_is_killed() {
    let lab = Lab::new(WAITS);
    let mut child = lab.start(&[]);
    let vmms = lab.vmms();
    child.kill().unwrap();
    child.wait().unwrap();
    for id in vmms {
        wait("the VMMs to be gone", || (!running(id)).then_some(()));
    }
}

#[test]
fn a_vmm_that_dies_is_named_with_its_last_words() {
    let lab = Lab::new("echo Kernel panic >$CONSOLE; echo no such device >&2; exit 3");
    let output = lab.start(&[]).wait_with_output().unwrap();
    let text = errors(&output);
    assert_eq!(output.status.code(), Some(125), "{text}");
    assert!(text.contains("guest's VMM ended (exit status 3)"), "{text}");
    assert!(text.contains("| no such device"), "{text}");
    assert!(text.contains("| Kernel panic"), "{text}");
    lab.assert_clean(&[]);
}

#[test]
fn a_guest_that_does_not_boot_runs_out_of_time() {
    let lab = Lab::new(WAITS);
    let output = lab.start(&["--boot-timeout", "1s"]).wait_with_output().unwrap();
    let text = errors(&output);
    assert_eq!(output.status.code(), Some(124), "{text}");
    assert!(text.contains("booting the guests took longer than 1 s"), "{text}");
    assert!(text.contains("| waiting"), "{text}");
    lab.assert_clean(&lab.vmms());
}

#[test]
fn a_missing_vmm_is_named_with_the_remedy() {
    let lab = Lab::new(WAITS);
    fs::remove_file(lab.path("bin/qemu-system-x86_64")).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_nicvmm"))
        .args(["compare", "--vmm", "qemu", "--tcg", "--variant", "rtl8139"])
        .args(["--kernel", "/dev/null", "--initrd", "/dev/null"])
        .env("PATH", lab.path("bin"))
        .env("TMPDIR", lab.path("tmp"))
        .output()
        .unwrap();
    let text = errors(&child);
    assert_eq!(child.status.code(), Some(125), "{text}");
    assert!(text.contains("(qemu-system-x86_64)"), "{text}");
    assert!(text.contains("apt-get install qemu-system-x86"), "{text}");
    lab.assert_clean(&[]);
}
