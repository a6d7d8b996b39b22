//! A terminal for a command: a pseudo-terminal whose other end is the host.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::stdio::stdin;
use rustix::termios::{InputModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use crate::protocol::Size;

/// Byte that ends the input of a command that reads lines.
pub(super) const END_OF_INPUT: u8 = 4;

/// A new terminal: the host's end, and the command's.
pub(super) fn open(size: Size) -> io::Result<(File, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let host = openpt(flags)?;
    unlockpt(&host)?;
    let command = ioctl_tiocgptpeer(&host, flags)?;
    // So that erasing a character erases all its bytes.
    let mut settings = tcgetattr(&command)?;
    settings.input_modes |= InputModes::IUTF8;
    tcsetattr(&command, OptionalActions::Now, &settings)?;
    let host = File::from(host);
    resize(&host, size)?;
    Ok((host, command))
}

/// Gives `command` its end for all standard streams, and makes it the controlling terminal.
pub(super) fn attach(command: &mut Command, terminal: &OwnedFd) -> io::Result<()> {
    command
        .stdin(terminal.try_clone()?)
        .stdout(terminal.try_clone()?)
        .stderr(terminal.try_clone()?);
    let prepare = || {
        setsid()?;
        ioctl_tiocsctty(stdin())?;
        Ok(())
    };
    // SAFETY: between fork and exec the closure only makes two system calls that are
    // async-signal-safe, and allocates nothing.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(prepare);
    }
    Ok(())
}

/// Changes the size; the kernel tells the command.
pub(super) fn resize(host: impl AsFd, size: Size) -> io::Result<()> {
    let Size { rows: ws_row, columns: ws_col } = size;
    Ok(tcsetwinsize(host, Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 })?)
}
