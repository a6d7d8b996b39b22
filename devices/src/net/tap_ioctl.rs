//! The requests that make a tap (Linux `if_tun.h`).
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::Result;
use nix::errno::Errno;

use super::vnet::HEADER;

pub(super) const FLAG_CHECKSUM: libc::c_uint = libc::TUN_F_CSUM;
pub(super) const FLAG_TSO4: libc::c_uint = libc::TUN_F_TSO4;
pub(super) const FLAG_TSO6: libc::c_uint = libc::TUN_F_TSO6;
pub(super) const FLAG_TSO_ECN: libc::c_uint = libc::TUN_F_TSO_ECN;

/// Attaches `device` to the tap `name`, as one of its queues if it has `several`; answers the name
/// the kernel gave it.
pub(super) fn attach(device: &File, name: &str, several: bool) -> Result<String> {
    // SAFETY: an all-zero ifreq is valid: no name, no flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    let queues = if several { libc::IFF_MULTI_QUEUE } else { 0 };
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR | queues;
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq.
    Errno::result(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })?;
    set_header(device, HEADER)?;
    Ok(name_of(&request))
}

/// A descriptor of our own for what is behind `fd`, which does not wait.
pub(super) fn inherited(fd: RawFd) -> Result<File> {
    const LEAST: libc::c_int = 3;
    // SAFETY: F_DUPFD_CLOEXEC takes any number for a descriptor, and answers a new one or an error.
    let duplicate = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, LEAST) };
    let duplicate = Errno::result(duplicate)?;
    // SAFETY: it is open, and nobody else knows of it.
    let device = unsafe { OwnedFd::from_raw_fd(duplicate) };
    // SAFETY: F_SETFL takes its flags by value.
    Errno::result(unsafe { libc::fcntl(duplicate, libc::F_SETFL, libc::O_NONBLOCK) })?;
    Ok(device.into())
}

/// What `device` is attached to: the name, and the flags of `TUNSETIFF`.
pub(super) fn attached(device: &File) -> Result<(String, libc::c_int)> {
    // SAFETY: an all-zero ifreq is valid: no name, no flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // SAFETY: TUNGETIFF writes one ifreq.
    Errno::result(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNGETIFF, &raw mut request) })?;
    // SAFETY: TUNGETIFF has filled the flags in, and every short is a valid value of theirs.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    Ok((name_of(&request), flags.cast_unsigned().into()))
}

/// Tells the driver how long the header before each frame is.
pub(super) fn set_header(device: &File, bytes: usize) -> Result<()> {
    let size = bytes as libc::c_int;
    // SAFETY: TUNSETVNETHDRSZ reads one int.
    Errno::result(unsafe {
        libc::ioctl(device.as_raw_fd(), libc::TUNSETVNETHDRSZ, &raw const size)
    })
    .map(drop)
}

/// Has frames come to this queue of a tap with several, or no longer.
pub(super) fn set_queue(device: &File, on: bool) -> Result<()> {
    // SAFETY: an all-zero ifreq is valid: no name, no flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let flags = if on { libc::IFF_ATTACH_QUEUE } else { libc::IFF_DETACH_QUEUE };
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETQUEUE reads one ifreq.
    Errno::result(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETQUEUE, &raw const request) })
        .map(drop)
}

fn name_of(request: &libc::ifreq) -> String {
    let name = request.ifr_name.iter().take_while(|byte| **byte != 0);
    name.map(|byte| char::from(byte.cast_unsigned())).collect()
}

/// Tells the driver what may be read unfinished.
pub(super) fn set_offload(device: &File, flags: libc::c_uint) -> Result<()> {
    let flags = libc::c_ulong::from(flags);
    // SAFETY: TUNSETOFFLOAD takes its flags by value.
    Errno::result(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETOFFLOAD, flags) }).map(drop)
}
