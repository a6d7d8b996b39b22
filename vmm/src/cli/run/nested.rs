//! A run in the nested machine: this very command once more, in there.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::args::RunArgs;
use super::console::ConsoleTarget;
use super::disk::DiskSpec;
use super::nic::NicSpec;
use super::payload::HOST_KERNEL;
use super::wire::Wire;
use crate::cli::host::{directory_of, enter_nested, line_of, same_command};
use crate::streams::Streams;

/// Runs the guest in the nested machine, from where only files can be reached.
pub fn run(args: &RunArgs, line: &[OsString]) -> Result<ExitCode> {
    if args.control.is_some()
        || args.gdb.is_some()
        || args.vsock.is_some()
        || args.nic.iter().any(NicSpec::reaches_out)
        || args.disk.iter().any(DiskSpec::is_device)
    {
        bail!(
            "sockets, interfaces and block devices of this host cannot be reached from the nested \
             machine: start both ends inside, with `nicvmm nested -- COMMAND`"
        );
    }
    let console = match &args.console {
        Some(ConsoleTarget::File(path)) => Some(path),
        _ => None,
    };
    let files = console
        .into_iter()
        .chain(&args.report)
        .chain(args.nic.iter().filter_map(|nic| nic.capture.as_ref()))
        .chain(args.disk.iter().filter_map(DiskSpec::written));
    let mut line = line_of(line);
    if let Some(release) = args.host_release() {
        // In there another kernel runs.
        line = line.without("kernel").with("kernel", format!("{HOST_KERNEL}:{}", release?));
    }
    let mut request = same_command(line)?;
    request.writable = files.map(|file| directory_of(file)).collect();
    let shared = args.share.iter().filter(|share| !share.read_only);
    request.writable.extend(shared.map(|share| share.path.clone()));
    request.variables = args.env.iter().map(|variable| variable.name.clone()).collect();
    request.network = args.nic.iter().any(|nic| nic.wire == Wire::User);
    request.streams = Streams::detect();
    enter_nested(&request, 1, args.quiet)
}
