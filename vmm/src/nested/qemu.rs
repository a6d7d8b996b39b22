//! The outer machine's QEMU: its command line, its life, its last words.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use guest_init::protocol::CONTROL_PORT;
use tempfile::TempDir;

use super::Request;
use super::error::{Error, Result};
use super::outer::Share;
use crate::child::{describe, tie};
use crate::guest::Guest;
use crate::qemu;

/// Modules that no device of the outer machine asks for.
const MODULES: &str = "kvm_amd,9p,overlay,tun,vhost_net,loop,bridge";
/// Lines of a log that are shown.
const TAIL: usize = 15;
/// Time for QEMU to be gone after its socket is.
const DEATH: Duration = Duration::from_secs(2);

/// A running outer machine; killed when dropped.
#[derive(Debug)]
pub struct Qemu {
    child: Child,
    directory: TempDir,
    /// Whether the machine took commands.
    pub came_up: bool,
}

impl Qemu {
    /// Starts the machine.
    pub fn start(request: &Request, guest: &Guest, shares: &[Share]) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("nicvmm-nested-")
            .tempdir()
            .map_err(|error| Error::System("make a temporary directory", error))?;
        let log = File::create(directory.path().join("qemu"))
            .map_err(|error| Error::System("write to a temporary directory", error))?;
        let mut command = Command::new(qemu::PROGRAM);
        command
            .args(arguments(request, guest, shares, directory.path()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = tie(&mut command).spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::NoQemu,
            _ => Error::Start(error),
        })?;
        Ok(Self { child, directory, came_up: false })
    }

    /// The control channel's socket.
    pub fn control(&self) -> PathBuf {
        self.directory.path().join("control")
    }

    /// Fails if QEMU has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait() {
            Ok(Some(status)) => {
                let said = tail("QEMU said", &self.directory.path().join("qemu")) + &self.console();
                let (status, came_up) = (describe(status), self.came_up);
                Err(Error::Ended { status, said, came_up })
            }
            _ => Ok(()),
        }
    }

    /// Like [`Qemu::check`], when the channel has just closed: QEMU may need a moment to end.
    pub fn check_after_closing(&mut self) -> Result<()> {
        let deadline = Instant::now() + DEATH;
        while Instant::now() < deadline {
            self.check()?;
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Last lines of the console, as the end of an error message.
    pub fn console(&self) -> String {
        tail("its console's last lines", &self.directory.path().join("console"))
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may be gone already
        let _ = self.child.wait();
    }
}

fn arguments(
    request: &Request,
    guest: &Guest,
    shares: &[Share],
    directory: &Path,
) -> Vec<std::ffi::OsString> {
    let path = |name: &str| escape(&directory.join(name));
    // On a busy host the timer may be late for the kernel's trial of it, which would be a panic.
    let append = format!(
        "{} no_timer_check nicvmm.control={CONTROL_PORT} nicvmm.modules={MODULES}",
        crate::guest::COMMAND_LINE
    );
    let mut arguments: Vec<std::ffi::OsString> = [
        "-M",
        "q35",
        "-accel",
        // Not single: there, interrupts of guests come twice every now and then (docs/nested.md).
        "tcg,thread=multi",
        "-cpu",
        "EPYC,+svm,+npt",
        "-nodefaults",
        "-display",
        "none",
        "-vga",
        "none",
        "-no-reboot",
    ]
    .map(Into::into)
    .into();
    let mut add = |name: &str, value: String| arguments.extend([name.into(), value.into()]);
    add("-smp", request.cpus.to_string());
    add("-m", request.memory_mib.to_string());
    add("-append", append);
    add("-serial", format!("file:{}", path("console")));
    add("-device", "virtio-serial-pci".into());
    add("-chardev", format!("socket,id=control,path={},server=on,wait=off", path("control")));
    add("-device", format!("virtserialport,chardev=control,name={CONTROL_PORT}"));
    add("-object", "rng-random,id=random,filename=/dev/urandom".into());
    add("-device", "virtio-rng-pci,rng=random".into());
    if request.network {
        add("-nic", "user,model=virtio-net-pci".into());
    }
    for Share { tag, path, writable } in shares {
        let readonly = if *writable { "off" } else { "on" };
        let path = path.replace(',', ",,");
        add(
            "-virtfs",
            format!(
                "local,path={path},mount_tag={tag},security_model=none,readonly={readonly},\
                 multidevs=remap"
            ),
        );
    }
    arguments.extend(["-kernel".into(), guest.kernel.clone().into()]);
    arguments.extend(["-initrd".into(), guest.outer_initrd.clone().into()]);
    arguments
}

/// In an option's value, a comma must be doubled.
fn escape(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

fn tail(title: &str, path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let useful = |line: &&str| !line.trim().is_empty() && !line.contains("TCG doesn't support");
    let lines: Vec<&str> = text.lines().filter(useful).collect();
    let last = lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default();
    if last.is_empty() { String::new() } else { format!("; {title}:\n{}", last.join("\n")) }
}
