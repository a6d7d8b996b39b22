//! What is measured: the device of a guest, and how each VMM is asked for it.

use std::fmt;
use std::path::Path;
use std::process::Command;

use super::job::{Job, NETWORK, STORAGE};

/// Which VMM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ours.
    Nicvmm,
    /// The installed QEMU.
    Qemu,
}

/// What a NIC is plugged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// A stream socket.
    Stream,
    /// A tap.
    Tap,
    /// A tap to which the kernel carries the frames.
    Vhost,
}

/// The device that a guest has for a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// A NIC: its model as nicvmm calls it, and its wire.
    Nic(&'static str, Wire),
    /// A virtio disk on an image file.
    Disk,
}

/// A device, what is done with it, and how many times QEMU's speed ours shall be.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The device.
    pub device: Device,
    /// What is done with it.
    pub jobs: &'static [Job],
    /// The promise, where there is one.
    pub target: Option<f64>,
}

/// Everything that is compared.
pub fn groups() -> Vec<Group> {
    use Wire::{Stream, Tap, Vhost};
    let nic = |model, wire, target| Group {
        device: Device::Nic(model, wire),
        jobs: &NETWORK,
        target: Some(target),
    };
    vec![
        nic("virtio-net", Stream, 1.5),
        nic("virtio-net", Tap, 1.2),
        nic("virtio-net", Vhost, 1.0),
        nic("rtl8139", Stream, 5.0),
        Group { device: Device::Disk, jobs: &STORAGE, target: None },
    ]
}

/// Where the guest's device finds its other end.
#[derive(Clone, Copy, Debug)]
pub struct Ends<'a> {
    /// The guest's MAC address.
    pub mac: &'a str,
    /// Name of the tap.
    pub tap: &'a str,
    /// Path of the stream socket.
    pub socket: &'a Path,
    /// Path of the disk's image.
    pub image: &'a Path,
}

impl Device {
    /// Has `command` start nicvmm with this device.
    pub fn ask_nicvmm(self, command: &mut Command, ends: Ends<'_>) {
        let Ends { mac, tap, socket, image } = ends;
        match self {
            Self::Nic(model, wire) => {
                let net = match wire {
                    Wire::Stream => format!("stream:{}", socket.display()),
                    Wire::Tap => format!("tap:{tap}"),
                    Wire::Vhost => format!("tap:{tap},vhost=on"),
                };
                command.arg("--nic").arg(format!("{model},mac={mac},net={net}"));
            }
            Self::Disk => {
                command.arg("--disk").arg(image);
            }
        }
    }

    /// Has `command` start QEMU with this device.
    pub fn ask_qemu(self, command: &mut Command, ends: Ends<'_>) {
        let Ends { mac, tap, socket, image } = ends;
        match self {
            Self::Nic(model, wire) => {
                let model = if model == "virtio-net" { "virtio-net-pci" } else { model };
                let tap = format!("tap,id=n0,ifname={tap},script=no,downscript=no");
                let netdev = match wire {
                    Wire::Stream => format!(
                        "stream,id=n0,server=off,addr.type=unix,addr.path={}",
                        socket.display()
                    ),
                    Wire::Tap => format!("{tap},vhost=off"),
                    Wire::Vhost => format!("{tap},vhost=on"),
                };
                command.args(["-netdev", &netdev, "-device"]);
                command.arg(format!("{model},netdev=n0,romfile=,mac={mac}"));
            }
            Self::Disk => {
                let drive = format!("file={},format=raw,if=none,id=d0", image.display());
                command.args(["-drive", &drive, "-device", "virtio-blk-pci,drive=d0"]);
            }
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nic(model, Wire::Stream) => write!(f, "{model}, stream"),
            Self::Nic(model, Wire::Tap) => write!(f, "{model}, tap"),
            Self::Nic(model, Wire::Vhost) => write!(f, "{model}, tap with vhost"),
            Self::Disk => f.write_str("virtio-blk"),
        }
    }
}
