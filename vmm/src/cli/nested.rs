//! `nicvmm nested`: any command in the machine that `--host nested` uses.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::host::enter_nested;
use crate::nested::Request;
use crate::streams::Streams;

/// Runs any command in the nested machine.
///
/// This is the machine that `--host nested` uses: QEMU emulates a CPU with virtualization, in which
/// a stock kernel runs, with a real /dev/kvm. The command sees this host's files, read-only but for
/// the current directory and those given by --writable; what it changes in /tmp and /run is thrown
/// away. Our standard input, output and terminal are its own, and so is its exit status ours.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nicvmm nested -- uname -r
  nicvmm nested -- sh experiment.sh     a script that starts `nicvmm path` and `nicvmm run`
  nicvmm nested --cpus 4 -- bash        a shell")]
pub struct NestedArgs {
    /// Another directory in which the command may write; may be repeated
    #[arg(long, value_name = "DIRECTORY")]
    writable: Vec<PathBuf>,
    /// Memory of the nested machine in MiB
    #[arg(long, value_name = "MIB", default_value_t = 4096)]
    memory: u32,
    /// CPUs of the nested machine
    #[arg(long, value_name = "N", default_value_t = 2)]
    cpus: u32,
    /// The command and its arguments
    #[arg(required = true, last = true)]
    command: Vec<OsString>,
}

/// Runs the command.
pub fn run(args: &NestedArgs) -> anyhow::Result<ExitCode> {
    let mut request = Request::new(&args.command);
    request.writable = vec![std::env::current_dir()?];
    request.writable.extend(args.writable.iter().cloned());
    request.memory_mib = args.memory;
    request.cpus = args.cpus;
    request.streams = Streams::detect();
    enter_nested(&request, 1, false)
}
