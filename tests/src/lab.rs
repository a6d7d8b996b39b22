//! `nicvmm compare` with something else in QEMU's place: a directory for all it makes, and whether it
//! leaves nothing behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::unistd::Pid;
use tempfile::TempDir;

use crate::program::nicvmm;
use crate::stand_in::NOTES;
use crate::wait::wait;

/// Longest wait for anything of a lab.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the lab starts as QEMU, and where it looks for it.
pub const QEMU: &str = "bin/qemu-system-x86_64";

/// The directory of one lab.
pub struct Lab(TempDir);

impl Lab {
    /// A lab whose QEMU is this shell script. It finds a directory in which to say what it does in
    /// the environment, as [`NOTES`].
    pub fn new(script: &str) -> Self {
        let lab = Self(TempDir::new().expect("a temporary directory"));
        for name in ["bin", "tmp", "notes"] {
            fs::create_dir(lab.path(name)).expect("the directory is empty");
        }
        let qemu = lab.path(QEMU);
        fs::write(&qemu, format!("#!/bin/sh\n{script}\n")).expect("the script is written");
        fs::set_permissions(&qemu, fs::Permissions::from_mode(0o755)).expect("it is ours");
        lab
    }

    /// A file of the lab.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `nicvmm compare` with guests of nothing under the lab's QEMU; its output is piped.
    pub fn compare(&self, arguments: &[&str]) -> Command {
        let paths = std::env::var("PATH").unwrap_or_default();
        let mut command = nicvmm(&["compare", "--vmm", "qemu", "--tcg"]);
        command
            .args(["--kernel", "/dev/null", "--initrd", "/dev/null"])
            .args(arguments)
            .env("PATH", format!("{}:{paths}", self.path("bin").display()))
            .env("TMPDIR", self.path("tmp"))
            .env(NOTES, self.path("notes"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Names of the notes that were written so far.
    pub fn notes(&self) -> Vec<String> {
        let notes = fs::read_dir(self.path("notes")).expect("the directory is there");
        let names = notes.map(|note| note.expect("it can be read").file_name());
        names.map(|name| name.into_string().expect("it is UTF-8")).collect()
    }

    /// Waits until these processes are gone, and makes sure that no temporary file is left.
    ///
    /// # Panics
    /// If something is left.
    pub fn assert_clean(&self, parts: &[Pid]) {
        assert_gone(parts);
        let left: Vec<_> = fs::read_dir(self.path("tmp")).expect("it is there").collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

/// Waits until these processes are gone.
///
/// # Panics
/// If one stays.
pub fn assert_gone(parts: &[Pid]) {
    for id in parts {
        wait(&format!("process {id} to be gone"), PATIENCE, || (!running(*id)).then_some(()));
    }
}

/// The process id of a child.
pub fn id(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// Children of a process that run, in the order in which they were started.
pub fn children(of: &Child) -> Vec<Pid> {
    let file = format!("/proc/{0}/task/{0}/children", of.id());
    let text = fs::read_to_string(file).unwrap_or_default();
    let ids = text.split_ascii_whitespace().filter_map(|id| id.parse().ok()).map(Pid::from_raw);
    ids.filter(|id| running(*id)).collect()
}

/// Whether a process runs; one that is dead but not collected does not.
pub fn running(id: Pid) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(id.to_string()).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}
