//! QEMU as a child process: a PC that does nothing by itself, an RTL8139, and a wire.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::Context;
use nix::sys::socket::{setsockopt, sockopt};
use tempfile::TempDir;
use vm_memory::{FileOffset, GuestAddress, GuestMemoryMmap};
use vmm::child::{hand_over, tie};

use crate::differential::layout::RAM;

/// How long QEMU may take for a command: long on a busy host.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the wire holds before QEMU would have to wait: more than any step sends.
const WIRE_BUFFER: usize = 16 << 20;
const BIOS: usize = 64 << 10;

/// Which QEMU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// The one that is installed, if it is 7.2.
    Installed,
    /// Debian 11's 5.2, unpacked into this directory.
    Unpacked52(PathBuf),
}

/// Why there is no QEMU to compare with.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// Not installed
    #[error("{0} is not there; install the package qemu-system-x86")]
    Program(PathBuf),
    /// Another version
    #[error("it is QEMU {found}, and the answers of {expected} are known")]
    Version {
        /// Its version.
        found: String,
        /// The version that our NIC has a profile of.
        expected: &'static str,
    },
    /// Anything else
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

/// A running QEMU and what leads to it.
pub struct Process {
    child: Child,
    errors: File,
    /// qtest.
    pub qtest: UnixStream,
    /// QMP.
    pub qmp: UnixStream,
    /// The wire: each frame after its length in four bytes, big-endian.
    pub wire: UnixStream,
    /// Guest memory, shared with QEMU.
    pub memory: GuestMemoryMmap,
    _directory: TempDir,
}

impl Version {
    fn command(&self) -> (PathBuf, Command) {
        match self {
            Self::Installed => {
                let program = PathBuf::from(vmm::qemu::PROGRAM);
                (program.clone(), Command::new(program))
            }
            Self::Unpacked52(root) => {
                // Its libraries are not ours, so its own loader starts it.
                let libraries = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"];
                let path = libraries.map(|library| root.join(library).display().to_string());
                let program = root.join("usr/bin/qemu-system-x86_64");
                let mut command = Command::new(root.join("lib/x86_64-linux-gnu/ld-2.31.so"));
                command.arg("--library-path").arg(path.join(":")).arg(&program);
                command.arg("-L").arg(root.join("usr/share/qemu"));
                (program, command)
            }
        }
    }

    /// Its number.
    pub fn number(&self) -> &'static str {
        match self {
            Self::Installed => "7.2",
            Self::Unpacked52(_) => "5.2",
        }
    }

    /// Whether the virtual clock stands still until it is told how much time passed. Debian built
    /// that out of later versions.
    pub fn owns_clock(&self) -> bool {
        matches!(self, Self::Unpacked52(_))
    }
}

impl Process {
    /// Starts `version`.
    pub fn start(version: &Version) -> Result<Self, Missing> {
        let directory = tempfile::tempdir().context("no room for QEMU's files")?;
        let memory = shared_memory(&directory.path().join("ram"))?;
        std::fs::write(directory.path().join("bios"), idle_bios()).context("no BIOS")?;

        let pair = || UnixStream::pair().context("no socket pair");
        let ((qtest, qtest_far), (qmp, qmp_far), (wire, wire_far)) = (pair()?, pair()?, pair()?);
        for socket in [&qtest, &qmp] {
            socket.set_read_timeout(Some(PATIENCE)).context("no deadline")?;
        }
        wire.set_nonblocking(true).context("the wire would block")?;
        setsockopt(&wire_far, sockopt::SndBufForce, &WIRE_BUFFER)
            .or_else(|_| setsockopt(&wire_far, sockopt::SndBuf, &WIRE_BUFFER))
            .context("no buffer for the wire")?;
        let errors = tempfile::tempfile().context("no file for QEMU's errors")?;

        let (program, mut command) = version.command();
        let accelerator = if version.owns_clock() { "qtest" } else { "tcg" };
        command
            .current_dir(directory.path())
            .args(["-machine", &format!("pc,accel={accelerator},memory-backend=ram")])
            .args(["-object", &memory_backend(), "-m", &format!("{}", RAM >> 20)])
            .args(["-bios", "bios", "-display", "none", "-nodefaults"])
            .args(["-qtest", "stdio", "-qtest-log", "none"])
            .args(["-chardev", &format!("socket,id=qmp,fd={}", qmp_far.as_raw_fd())])
            .args(["-mon", "chardev=qmp,mode=control"])
            .args(["-netdev", &format!("socket,id=wire,fd={}", wire_far.as_raw_fd())])
            .args(["-device", "rtl8139,id=nic,netdev=wire,mac=52:54:00:12:34:56,addr=3,romfile="])
            .stdin(OwnedFd::from(qtest_far.try_clone().context("no socket")?))
            .stdout(OwnedFd::from(qtest_far))
            .stderr(errors.try_clone().context("no file for QEMU's errors")?);
        hand_over(&mut command, qmp_far.into());
        hand_over(&mut command, wire_far.into());
        let child = tie(&mut command).spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => Missing::Program(program),
            _ => Missing::Other(anyhow::Error::new(error).context("QEMU does not start")),
        })?;
        drop(command);
        Ok(Self { child, errors, qtest, qmp, wire, memory, _directory: directory })
    }

    /// What QEMU said on standard error.
    pub fn complaint(&mut self) -> String {
        let mut text = String::new();
        let read = self.errors.rewind().and_then(|()| self.errors.read_to_string(&mut text));
        read.map_or_else(|error| error.to_string(), |_| text.trim_end().to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn memory_backend() -> String {
    format!("memory-backend-file,id=ram,size={RAM},mem-path=ram,share=on")
}

fn shared_memory(path: &Path) -> anyhow::Result<GuestMemoryMmap> {
    let file = File::options().read(true).write(true).create_new(true).open(path)?;
    file.set_len(RAM as u64)?;
    let range = (GuestAddress(0), RAM, Some(FileOffset::new(file, 0)));
    GuestMemoryMmap::from_ranges_with_files([range]).context("cannot map QEMU's memory")
}

/// A BIOS that halts: all HLT, and at the reset vector CLI, HLT, JMP to the HLT.
fn idle_bios() -> Vec<u8> {
    const HLT: u8 = 0xf4;
    let mut bios = vec![HLT; BIOS];
    bios[0xfff0..0xfff4].copy_from_slice(&[0xfa, HLT, 0xeb, 0xfd]);
    bios
}
