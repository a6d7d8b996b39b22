//! Programs, devices and rights of this host.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use indicatif::HumanBytes;
use nix::unistd::{AccessFlags, access};

use super::check::Check;
use crate::qemu;

/// Name of the check of QEMU.
pub const QEMU: &str = "qemu";

/// What a comparison in the nested machine uses at its largest.
const MEMORY_BYTES: u64 = 2 << 30;
/// Where programs may be that are not for typing.
const LIBEXEC: [&str; 3] = ["/usr/libexec", "/usr/lib/qemu", "/usr/lib"];

/// QEMU, which stands in where KVM cannot run Linux.
pub fn qemu() -> Check {
    let check = Check::of(QEMU, "the nested machine and variants under QEMU");
    let (program, remedy) = (qemu::PROGRAM, qemu::REMEDY);
    if find(program).is_none() {
        return check.missing(format!("no {program}"), remedy);
    }
    match Command::new(program).arg("--version").output() {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            check.ok(said.lines().next().unwrap_or(program))
        }
        Ok(output) => check.missing(format!("{program} fails ({})", output.status), remedy),
        Err(error) => check.missing(format!("{program} cannot be started: {error}"), remedy),
    }
}

/// Memory that is free for guests.
pub fn memory() -> Check {
    let check = Check::of("memory", "a comparison in the nested machine");
    let facts = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = facts.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = available.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok());
    match kib.map(|kib| kib * 1024) {
        Some(bytes) if bytes < MEMORY_BYTES => check.missing(
            format!("{} available, not {}", HumanBytes(bytes), HumanBytes(MEMORY_BYTES)),
            "end something else",
        ),
        Some(bytes) => check.ok(format!("{} available", HumanBytes(bytes))),
        None => check.missing("/proc/meminfo does not tell what is available", ""),
    }
}

/// The device behind tap interfaces.
pub fn tun() -> Check {
    let check = Check::of("tun", "--nic ...,net=tap:NAME");
    match open("/dev/net/tun") {
        Ok(()) => check.ok("/dev/net/tun opens; a tap of your own still takes root to make"),
        Err(why) => check.missing(format!("/dev/net/tun: {why}"), "sudo modprobe tun"),
    }
}

/// The kernel's own virtio back ends.
pub fn vhost() -> Check {
    let check = Check::of("vhost", "--nic virtio-net,net=tap:NAME,vhost=on");
    match open("/dev/vhost-net") {
        Ok(()) => check.ok("/dev/vhost-net opens"),
        Err(why) => check.missing(
            format!("/dev/vhost-net: {why}"),
            "sudo modprobe vhost_net, and the right to read and write it",
        ),
    }
}

/// Networking without root.
pub fn passt() -> Check {
    let check = Check::of("passt", "--nic ...,net=user");
    match find("passt") {
        Some(path) if may_have_namespaces() => check.ok(path.display().to_string()),
        Some(_) => check.missing(
            "passt is here, but users may not make namespaces",
            "sudo sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000",
        ),
        None => check.missing("no passt", "sudo apt-get install passt"),
    }
}

/// Sharing directories by virtio-fs.
pub fn virtiofsd() -> Check {
    let check =
        Check::of("virtiofsd", "virtio-fs in guests of QEMU, of which nicvmm itself has none");
    match find("virtiofsd") {
        Some(path) => check.ok(path.display().to_string()),
        None => {
            check.missing("no virtiofsd", "sudo apt-get install virtiofsd, or of QEMU before 8")
        }
    }
}

/// Whether somebody without root may make a user namespace. Debian's older switch, Ubuntu's newer
/// one (which a profile for passt lifts) and the number of them.
fn may_have_namespaces() -> bool {
    let reads = |name: &str| fs::read_to_string(Path::new("/proc/sys").join(name));
    let is_zero = |name: &str| reads(name).is_ok_and(|text| text.trim() == "0");
    !is_zero("kernel/unprivileged_userns_clone") && !is_zero("user/max_user_namespaces")
}

fn open(path: &str) -> Result<(), String> {
    let opened = File::options().read(true).write(true).open(path);
    opened.map(drop).map_err(|error| error.to_string())
}

/// Where a program is that can be run.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = env::split_paths(&path).chain(LIBEXEC.map(PathBuf::from));
    let mut candidates = directories.map(|directory| directory.join(program));
    candidates.find(|path| path.is_file() && access(path, AccessFlags::X_OK).is_ok())
}
