//! Command lines of the lab's parts.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use guest_init::protocol::{CONTROL_PARAMETER, CONTROL_PORT};

use super::addresses::Role;
use super::plan::{Accelerator, Image, PathPlan};
use super::trace::RECORDED;
use super::variant::{Variant, Vmm};
use crate::{guest, qemu};

/// Memory of a guest, MiB: the image, the file and some room.
const MEMORY_MIB: u32 = 320;
/// MTU on the server's side of the path: Ethernet's.
const SERVER_SIDE_MTU: u16 = 1500;
/// Where the NIC is on the guest's PCI bus: where nicvmm has it, too.
const NIC_SLOT: u8 = 3;
/// How often the path tells its counters, and a VMM its exits.
const READING_INTERVAL: &str = "250ms";

/// Files and sockets of a guest.
#[derive(Clone, Debug)]
pub struct Places {
    /// Socket of the path that its NIC connects to.
    pub network: PathBuf,
    /// Socket that its VMM makes for the control channel.
    pub control: PathBuf,
    /// File that its console goes to.
    pub console: PathBuf,
    /// File in which its VMM tells its exits.
    pub report: PathBuf,
}

/// Everything that makes a guest.
#[derive(Clone, Copy, Debug)]
pub struct GuestCommand<'a> {
    /// The program that offers `run`.
    pub program: &'a Path,
    /// Which side it is.
    pub role: Role,
    /// Its NIC and who runs it.
    pub variant: &'a Variant,
    /// What it boots.
    pub image: &'a Image,
    /// How it is run.
    pub accelerator: Accelerator,
    /// Its files and sockets.
    pub places: &'a Places,
    /// When it is to give up by itself.
    pub limit: Duration,
}

impl GuestCommand<'_> {
    /// The command that starts it.
    pub fn build(&self) -> Command {
        match self.variant.vmm() {
            Vmm::Nicvmm => self.nicvmm(),
            Vmm::Qemu => self.qemu(),
        }
    }

    fn nicvmm(&self) -> Command {
        let mut command = Command::new(self.program);
        let nic = format!("{},mac={},net=stream:", self.variant.nic(), self.role.mac());
        command
            .args(["run", "--host", "kvm", "--cpus", "1"])
            .args(["--memory", &MEMORY_MIB.to_string()])
            .arg("--kernel")
            .arg(&self.image.kernel)
            .arg("--initrd")
            .arg(&self.image.initrd)
            .arg("--nic")
            .arg(joined(&nic, &self.places.network))
            .arg("--control")
            .arg(&self.places.control)
            .arg("--console")
            .arg(joined("file:", &self.places.console))
            .arg("--report")
            .arg(&self.places.report)
            .args(["--report-interval", READING_INTERVAL])
            .args(["--timeout", &self.limit.as_secs().to_string()]);
        command
    }

    fn qemu(&self) -> Command {
        let mut command = Command::new(qemu::PROGRAM);
        let model = self.qemu_model();
        let options = self.variant.written_options();
        let mac = self.role.mac();
        let device = format!("{model},netdev=n0,addr={NIC_SLOT},romfile=,mac={mac}{options}");
        command
            .args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"])
            .args(["-M", "pc", "-accel", self.accelerator.name(), "-smp", "1"])
            .args(["-m", &MEMORY_MIB.to_string()])
            .arg("-kernel")
            .arg(&self.image.kernel)
            .arg("-initrd")
            .arg(&self.image.initrd)
            .args([
                "-append",
                &format!("{} {CONTROL_PARAMETER}={CONTROL_PORT}", guest::COMMAND_LINE),
            ])
            .arg("-netdev")
            .arg(joined("stream,id=n0,server=off,addr.type=unix,addr.path=", &self.places.network))
            .args(["-device", &device])
            .arg("-serial")
            .arg(joined("file:", &self.places.console))
            .arg("-chardev")
            .arg(joined("socket,id=control,server=on,wait=off,path=", &self.places.control))
            // Not a UART: that one costs the guest an exit a byte, and in the nested machine now and
            // then loses the interrupt for which the rest waits.
            .args(["-device", "virtio-serial-pci", "-device"])
            .arg(format!("virtserialport,chardev=control,name={CONTROL_PORT}"));
        command
    }

    /// QEMU calls the PCI form of virtio devices by a longer name.
    fn qemu_model(&self) -> &str {
        match self.variant.model.as_str() {
            "virtio-net" => "virtio-net-pci",
            other => other,
        }
    }
}

/// The command that starts the path between `server` and `client`, both sockets it makes.
pub fn path(
    program: &Path,
    plan: &PathPlan,
    server: &Path,
    client: &Path,
    record: &Record,
) -> Command {
    let mut command = Command::new(program);
    command.arg("path");
    for (role, socket, mtu) in
        [(Role::Server, server, SERVER_SIDE_MTU), (Role::Client, client, plan.mtu)]
    {
        let mut port = joined("stream:", socket);
        port.push(format!(",mtu={},{}", plan.ends.unwrap_or(mtu), role.port(plan.mtu)));
        if let (Role::Server, Some(rate)) = (role, &plan.rate_up) {
            port.push(format!(",rate={rate}"));
        }
        command.arg("--port").arg(port);
    }
    command
        .args(["--delay", &format!("{}us", plan.delay.as_micros())])
        .args(["--icmp", &plan.icmp])
        .args(["--stats-interval", READING_INTERVAL, "--json"]);
    let overhead = plan.overhead.map(|bytes| bytes.to_string());
    for (option, value) in [
        ("--rate", &plan.rate),
        ("--queue", &plan.queue),
        ("--overhead", &overhead),
        ("--mss-clamp", &plan.mss_clamp),
        ("--loss", &plan.loss),
    ] {
        if let Some(value) = value {
            command.args([option, value]);
        }
    }
    for (option, value) in
        [("--jitter", &plan.jitter), ("--reorder", &plan.reorder), ("--icmp-mtu", &plan.icmp_mtu)]
    {
        if let Some(value) = value {
            command.args([option, value]);
        }
    }
    let narrow = plan.ends.map(|_| plan.mtu);
    let links: Vec<String> =
        plan.chain.iter().copied().chain(narrow).map(|mtu| mtu.to_string()).collect();
    if !links.is_empty() {
        command.args(["--chain", &links.join(",")]);
    }
    if plan.icmp_filter {
        command.args(["--icmp-filter", "a"]);
    }
    command.arg("--pcap-a").arg(record.server());
    if record.whole {
        command.arg("--pcap-b").arg(record.directory.join("client.pcapng"));
    } else {
        command.args(["--pcap-bytes", &RECORDED.bytes.to_string()]);
        command.args(["--pcap-frames", &RECORDED.frames.to_string()]);
    }
    command
}

/// What the path records of the traffic, and where.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where the files go.
    pub directory: PathBuf,
    /// Whether everything at both ports, for people, or what a trace needs.
    pub whole: bool,
}

impl Record {
    /// What passes the server's port.
    pub fn server(&self) -> PathBuf {
        self.directory.join("server.pcapng")
    }
}

fn joined(prefix: &str, path: &Path) -> OsString {
    let mut text = OsString::from(prefix);
    text.push(path);
    text
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
