//! What `nicvmm run` boots: a kernel, an initial RAM disk, a command line.

use std::path::Path;

use anyhow::Result;
use guest_init::protocol::{CONTROL_PARAMETER, CONTROL_PORT, TIMER_PARAMETER};

use super::RunArgs;
use super::console::ConsoleTarget;
use super::passt;
use super::wire::Wire;
use crate::guest::host;
use crate::machine::boot::Payload;
use crate::machine::layout;

/// `--kernel`'s word for the running kernel.
pub const HOST_KERNEL: &str = "host";

/// What every guest gets on its command line: a quiet console, since each byte costs an exit, and
/// a reset as soon as the kernel panics.
const COMMAND_LINE: &str = "console=ttyS0 quiet panic=-1";

/// Asks the default guest for a shell on its console.
const CONSOLE_SHELL: &str = "nicvmm.shell";

impl RunArgs {
    /// Whether the guest's programs are the default guest's.
    pub(super) fn is_our_guest(&self) -> bool {
        self.initrd.is_none() && (self.kernel.is_none() || self.host_release().is_some())
    }

    /// Release of the host's kernel if that is what to boot: `host`, or `host:RELEASE` where the
    /// running one is another, as in the nested machine.
    pub(super) fn host_release(&self) -> Option<crate::guest::Result<String>> {
        match self.kernel.as_ref()?.to_str()?.split_once(':') {
            Some((HOST_KERNEL, release)) => Some(Ok(release.into())),
            None if self.kernel.as_ref()?.as_os_str() == HOST_KERNEL => Some(host::running()),
            _ => None,
        }
    }
}

/// What to boot: the files that were named, or the default guest, which is built if need be.
pub fn payload(args: &RunArgs, console: &ConsoleTarget) -> Result<Payload> {
    let mut command_line =
        vec![COMMAND_LINE.to_owned(), format!("{CONTROL_PARAMETER}={CONTROL_PORT}")];
    if args.timed() {
        command_line.push(format!("{TIMER_PARAMETER}={}", layout::BOOT_TIMER));
    }
    let mut appended = Vec::new();
    let mut files = (args.kernel.clone(), args.initrd.clone());
    if args.is_our_guest() {
        let guest = crate::cli::guest::chosen(args.guest.as_deref(), args.quiet)?;
        files = (Some(guest.kernel), Some(guest.initrd));
        if *console == ConsoleTarget::Stdio && args.control.is_none() {
            command_line.push(CONSOLE_SHELL.into());
        }
        for (index, nic) in args.nic.iter().enumerate().filter(|(_, nic)| nic.wire == Wire::User) {
            command_line.push(passt::parameters(index, nic.address(index)));
        }
    }
    if let Some(release) = args.host_release() {
        let host = host::find(Path::new("/"), &release?)?;
        files.0 = Some(host.kernel);
        appended = host.modules;
    }
    let (kernel, initrd) = (files.0.unwrap_or_default(), files.1);
    command_line.extend(args.append.iter().cloned());
    Ok(Payload { kernel, initrd, appended, command_line: command_line.join(" ") })
}
