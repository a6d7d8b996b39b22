//! The three requests that make a tap (Linux `if_tun.h`).
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::AsRawFd;

use nix::Result;
use nix::errno::Errno;

use super::vnet::HEADER;

pub(super) const FLAG_CHECKSUM: libc::c_uint = libc::TUN_F_CSUM;
pub(super) const FLAG_TSO4: libc::c_uint = libc::TUN_F_TSO4;
pub(super) const FLAG_TSO6: libc::c_uint = libc::TUN_F_TSO6;
pub(super) const FLAG_TSO_ECN: libc::c_uint = libc::TUN_F_TSO_ECN;

/// Attaches `device` to the tap `name`; answers the name the kernel gave it.
pub(super) fn attach(device: &File, name: &str) -> Result<String> {
    // SAFETY: an all-zero ifreq is valid: no name, no flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq.
    Errno::result(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })?;
    let size = HEADER as libc::c_int;
    // SAFETY: TUNSETVNETHDRSZ reads one int.
    Errno::result(unsafe {
        libc::ioctl(device.as_raw_fd(), libc::TUNSETVNETHDRSZ, &raw const size)
    })?;
    let name = request.ifr_name.iter().take_while(|byte| **byte != 0);
    Ok(name.map(|byte| char::from(byte.cast_unsigned())).collect())
}

/// Tells the driver what may be read unfinished.
pub(super) fn set_offload(device: &File, flags: libc::c_uint) -> Result<()> {
    let flags = libc::c_ulong::from(flags);
    // SAFETY: TUNSETOFFLOAD takes its flags by value.
    Errno::result(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETOFFLOAD, flags) }).map(drop)
}
