//! What can go wrong before and while a guest runs.

use std::io;
use std::path::PathBuf;

/// Why a machine could not be made or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// /dev/kvm is missing.
    #[error("no /dev/kvm here: load kvm_intel or kvm_amd, or use --host nested")]
    NoKvm,
    /// /dev/kvm may not be opened.
    #[error(
        "no permission to open /dev/kvm: join group kvm (sudo usermod -aG kvm $USER) and log in again"
    )]
    KvmPermission,
    /// KVM refused a request.
    #[error("KVM refused to {0}: {1}")]
    Kvm(&'static str, kvm_ioctls::Error),
    /// The kernel's vhost cannot be used.
    #[error(
        "vhost=on needs /dev/vhost-net: {0}; load it with `sudo modprobe vhost_net`, give yourself the \
         right to read and write it, or leave vhost=on out"
    )]
    Vhost(io::Error),
    /// A file could not be read.
    #[error("cannot read {what} {path}")]
    Read {
        /// What the file is for.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The kernel file is no kernel.
    #[error(
        "{path} is no kernel: {why}; a bzImage (vmlinuz) or an x86-64 ELF file (vmlinux) is needed"
    )]
    Kernel {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The initial RAM disk does not fit.
    #[error(
        "initrd {path} is {size} bytes, but only {room} are free behind the kernel: use more --memory"
    )]
    InitrdTooLarge {
        /// Which file.
        path: PathBuf,
        /// Its size.
        size: u64,
        /// What is free.
        room: u64,
    },
    /// The command line is too long.
    #[error("the kernel command line has {0} bytes; at most {1} fit")]
    CommandLineTooLong(usize, usize),
    /// Guest memory could not be had.
    #[error("cannot get {0} MiB of guest memory: {1}")]
    Memory(u64, String),
    /// The guest has too little memory to hold what is loaded.
    #[error("guest memory does not reach {0:#x}, where {1} has to be: use more --memory")]
    TooSmall(u64, &'static str),
    /// Too many devices.
    #[error("no room for another PCI device: at most {0} fit")]
    TooManyDevices(usize),
    /// A disk cannot be used.
    #[error("disk {path}: {why}")]
    Disk {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A directory cannot be shared.
    #[error("shared directory {path}: {why}")]
    Share {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There can be no vsock.
    #[error("vsock: {0}")]
    Vsock(String),
    /// No thread can be had.
    #[error(
        "cannot start a thread for {0}: {1}; `ulimit -u` limits processes and threads, `ulimit -v` the \
         memory for their stacks"
    )]
    Thread(&'static str, io::Error),
    /// A system call failed.
    #[error("{0}: {1}")]
    System(&'static str, io::Error),
    /// The ACPI tables do not fit.
    #[error("the ACPI tables take {0} bytes; at most {1} fit")]
    Acpi(usize, usize),
    /// Bus ranges clash.
    #[error(transparent)]
    Range(#[from] devices::bus::RangeError),
}

/// Result with a machine's [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;
