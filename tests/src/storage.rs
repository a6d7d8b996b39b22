//! Places for disks that files alone are not: a file system that gets full, a block device. Making them
//! takes root, which a test has in the nested machine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;

use crate::program::skip;

/// Whether they can be made. If not, says which test is skipped and why.
pub fn available(test: &str) -> bool {
    let root = geteuid().is_root();
    if !root {
        skip(test, "only root makes file systems and block devices");
    }
    root
}

/// Runs a program of the host that must succeed, and answers what it printed.
fn must(program: &str, arguments: &[&str]) -> String {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(arguments).env("PATH", path).output();
    let output = output.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {complaint}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A file system with little room, in memory; gone when dropped.
pub struct SmallFileSystem(PathBuf);

impl SmallFileSystem {
    /// One with `bytes` of room at `directory`, which is made.
    pub fn new(directory: PathBuf, bytes: u64) -> Self {
        fs::create_dir(&directory).expect("a directory can be made");
        let size = format!("size={bytes}");
        must("mount", &["-t", "tmpfs", "-o", &size, "none", &directory.to_string_lossy()]);
        Self(directory)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SmallFileSystem {
    fn drop(&mut self) {
        // Also while a guest that is being killed still has a file of it open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// A block device over a file; gone when dropped.
pub struct LoopDevice {
    device: PathBuf,
    file: PathBuf,
}

impl LoopDevice {
    /// One over a new file of `bytes` bytes.
    pub fn new(file: PathBuf, bytes: u64) -> Self {
        File::create(&file).and_then(|new| new.set_len(bytes)).expect("a file can be made");
        let device = must("losetup", &["--find", "--show", &file.to_string_lossy()]);
        Self { device: device.into(), file }
    }

    /// The block device.
    pub fn path(&self) -> &Path {
        &self.device
    }

    /// The file under it.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let _ = Command::new("/sbin/losetup").arg("--detach").arg(&self.device).status();
    }
}
