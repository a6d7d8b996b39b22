//! `nicvmm run`: boots one guest.

mod command;
mod console;
mod control;
mod disk;
mod nic;
mod passt;
mod payload;
mod report;
mod share;
mod timing;
mod variable;

use std::ffi::OsString;
use std::fs::File;
use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use devices::virtio::rng::{self, Rng};
use guest_init::client::Command;

use super::exit;
use super::host::{Host, directory_of, enter_nested, same_command};
use super::time::{at_least, time};
use crate::machine::console::Transcript;
use crate::machine::{Ending, Machine, block_signals, gdb, layout};
use crate::streams::{Streams, block_resizes, say};
use command::GuestCommand;
use console::ConsoleTarget;
use control::ControlSocket;
use disk::DiskSpec;
pub(super) use nic::NicSpec;
use nic::Wire;
use report::Report;
use share::ShareSpec;
use timing::Timing;
use variable::Variable;

/// Boots a guest, and runs a command in it.
///
/// The command's standard input, output and error are ours, and so is its exit status. In a terminal
/// the command has one too, and Ctrl-C is its own; Ctrl-A x stops the guest (Ctrl-A twice is one
/// for the command). Without a COMMAND the default guest runs a shell, and a kernel of yours has its
/// console on standard input and output. Nothing that happens in the guest outlives it.
#[derive(Debug, Args)]
#[command(after_help = help())]
pub struct RunArgs {
    /// Kernel: a bzImage (vmlinuz) or an ELF file (vmlinux), compressed or not; told apart by content.
    /// `host` is the running kernel with its modules and the default guest's programs. [default: the
    /// default guest's, with its initial RAM disk]
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// Guest image other than the default one: a name of `nicvmm guest list`, or the beginning of it.
    #[arg(long, value_name = "NAME", conflicts_with = "kernel")]
    guest: Option<String>,
    /// Where the guest runs: on /dev/kvm, or in a nested software machine. `auto` takes the
    /// first that works.
    #[arg(long, value_enum, default_value_t = Host::Auto)]
    host: Host,
    /// Initial RAM disk.
    #[arg(long, value_name = "FILE", requires = "kernel")]
    initrd: Option<PathBuf>,
    /// Appends to the kernel command line; may be repeated.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    append: Vec<String>,
    /// Guest memory in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 256,
          value_parser = clap::value_parser!(u64).range(16..=1_048_576))]
    memory: u64,
    /// Number of vCPUs.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u8).range(1..=32))]
    cpus: u8,
    /// A NIC; may be repeated.
    #[arg(long, value_name = "NIC", long_help = nic::HELP)]
    nic: Vec<NicSpec>,
    /// A disk; may be repeated.
    #[arg(long, value_name = "DISK", long_help = disk::HELP)]
    disk: Vec<DiskSpec>,
    /// A directory of this host for the guest; may be repeated.
    #[arg(long, value_name = "DIR", long_help = share::HELP)]
    share: Vec<ShareSpec>,
    /// Connects programs of the guest (CID 3) and of this host (CID 2) through this unix socket.
    #[arg(long, value_name = "PATH", long_help = VSOCK_HELP)]
    vsock: Option<PathBuf>,
    /// Sets an environment variable for COMMAND, or passes ours on; may be repeated.
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<Variable>,
    /// Directory in which COMMAND starts. [default: the current one if it is shared]
    #[arg(long, value_name = "DIR")]
    cwd: Option<String>,
    /// Ends the guest after this time: 90s, 5m, or a number of seconds.
    #[arg(long, value_name = "TIME", value_parser = time)]
    timeout: Option<Duration>,
    /// Where the console goes: `stdio`, `none` or `file:PATH`.
    /// [default: none where there is a command to run, stdio elsewhere]
    #[arg(long, value_name = "WHERE")]
    console: Option<ConsoleTarget>,
    /// Listens on this unix socket for a client of the guest's control channel.
    #[arg(long, value_name = "PATH", conflicts_with = "command")]
    control: Option<PathBuf>,
    /// Writes what the run cost (exits to user space, CPU time, memory) to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// What a reset of the guest's does: `exit` ends it with status 120, `restart` starts it anew, with
    /// its COMMAND and its time limit.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnReboot::Exit)]
    on_reboot: OnReboot,
    /// Waits for a debugger before the guest's first instruction: at unix:PATH, tcp:PORT or
    /// tcp:HOST:PORT, where gdb's `target remote` connects.
    #[arg(long, value_name = "WHERE")]
    gdb: Option<gdb::Address>,
    /// Tells on standard error when the guest came how far, and how much memory it cost beside its own.
    #[arg(long)]
    timing: bool,
    /// Writes it this often while the guest runs, too.
    #[arg(long, value_name = "TIME", requires = "report", value_parser = at_least(REPORT_INTERVAL_MIN))]
    report_interval: Option<Duration>,
    /// Takes options from this TOML file: its keys are the names of options without the dashes, and
    /// `command`. What the command line has itself, it does not take from there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Prints all options as a file for --config, and runs nothing.
    #[arg(long)]
    pub print_config: bool,
    /// Says nothing of its own but errors. Where standard error is no terminal this holds for a
    /// COMMAND anyway.
    #[arg(long, short)]
    quiet: bool,
    /// Command to run in the guest, with its arguments. [default: a shell]
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Examples and exit statuses.
fn help() -> String {
    format!(
        "\
Examples:
  nicvmm run -- uname -a
  nicvmm run --cpus 2 --nic rtl8139,tso=mtu1500 --nic virtio-net -- lspci
  echo hi | nicvmm run -- tr a-z A-Z
  nicvmm run                                   a shell; Ctrl-A x stops the guest
  nicvmm run --kernel vmlinuz --initrd initrd --append debug

{}",
        exit::HELP
    )
}

/// What a reset of the guest's does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnReboot {
    Exit,
    Restart,
}

/// What `--vsock` means.
const VSOCK_HELP: &str = "Connects programs of the guest and of this host. A program here connects to \
this unix socket, writes `CONNECT PORT` and a line feed, reads `OK N`, and is connected with whoever \
listens on vsock port PORT in the guest. A program of the guest that connects to port PORT of CID 2 \
reaches whoever listens on the unix socket PATH_PORT";

/// Where the guest's random bytes come from.
const RANDOMNESS: &str = "/dev/urandom";

/// What runs where there is no COMMAND.
const SHELL: [&str; 2] = ["bash", "-l"];

/// Reports more often than this would cost more than what they are about.
const REPORT_INTERVAL_MIN: Duration = Duration::from_millis(50);

/// Runs the command. `line` is the whole command line that it comes from.
pub fn run(args: &RunArgs, line: &[OsString]) -> Result<ExitCode> {
    let payload = payload::payload(args)?;
    let streams = match args.console() {
        ConsoleTarget::Stdio => Streams::Pipes { input: false },
        _ => Streams::detect(),
    };
    // Where a script reads it, standard error is the command's alone.
    let to_a_person = args.command().is_none() || std::io::stderr().is_terminal();
    if args.host.is_nested(args.quiet || !to_a_person)? {
        return run_nested(args, line);
    }
    block_signals()?;
    block_resizes().context("cannot block signals")?;
    let mut machine = Machine::new(args.memory << 20, args.cpus)?;
    let transcript = Transcript::default();
    let terminal = console::add(&mut machine, &args.console(), &transcript)?;
    let mut networks = Vec::new();
    for (index, nic) in args.nic.iter().enumerate() {
        networks.push(nic.plug(&mut machine, index).with_context(|| format!("NIC {index}"))?);
    }
    for DiskSpec(disk) in &args.disk {
        machine.add_disk(disk)?;
    }
    for share in args.shares()? {
        machine.add_share(&share)?;
    }
    if let Some(path) = &args.vsock {
        machine.add_vsock(path)?;
    }
    add_randomness(&mut machine)?;
    let report = args.report.as_deref().map(|path| Report::create(path, machine.exits()));
    let mut report = report.transpose()?;
    let command = add_control(&mut machine, args, streams)?;
    if let Some(address) = &args.gdb {
        machine.add_debugger(listen_for_gdb(address)?);
    }
    let timing = args.timed().then(|| Timing::start(&mut machine)).transpose()?;
    machine.boot(&payload)?;
    let endings = machine.endings();
    if let (Some(report), Some(interval)) = (&mut report, args.report_interval) {
        report.repeat(interval).context("cannot start a thread")?;
    }
    let ending = machine.run(args.timeout);
    drop((terminal, networks));
    if let Some(command) = &command {
        command.end_loan();
    }
    let mut ending = ending?;
    if ending == Ending::Reset && transcript.panicked() {
        ending = Ending::Panic;
    }
    if let Some(report) = report {
        report.write(&ending, timing.as_ref())?;
    }
    if let Some(timing) = timing.filter(|_| args.timing) {
        say(format_args!("nicvmm: {timing}"));
    }
    if ending == Ending::Reset && args.on_reboot == OnReboot::Restart {
        drop(command);
        return Err(start_again(line));
    }
    for line in endings.registers() {
        say(format_args!("  {line}"));
    }
    finish(&ending, command.as_ref(), &args.console(), &transcript)
}

impl RunArgs {
    /// What to run in the guest: the COMMAND, or a shell where nothing else was asked for.
    fn command(&self) -> Option<Command> {
        let words: Vec<&str> = if !self.command.is_empty() {
            self.command.iter().map(String::as_str).collect()
        } else if self.is_our_guest() && self.console.is_none() && self.control.is_none() {
            SHELL.to_vec()
        } else {
            return None;
        };
        let mut command = Command::new(words);
        for Variable { name, value } in &self.env {
            command = command.env(name, value);
        }
        Some(match self.cwd.clone().or_else(|| self.shared_directory()) {
            Some(directory) => command.current_dir(directory),
            None => command,
        })
    }

    /// Whether the guest has a boot timer.
    fn timed(&self) -> bool {
        self.timing || self.report.is_some()
    }

    fn shares(&self) -> Result<Vec<crate::machine::share::Config>> {
        self.share.iter().map(ShareSpec::config).collect()
    }

    /// The current directory as the guest has it, if it is shared.
    fn shared_directory(&self) -> Option<String> {
        share::place_of(&std::env::current_dir().ok()?, &self.shares().ok()?)
    }

    /// Where the console goes, asked for or not.
    fn console(&self) -> ConsoleTarget {
        let default = || match self.command() {
            Some(_) => ConsoleTarget::None,
            None => ConsoleTarget::Stdio,
        };
        self.console.clone().unwrap_or_else(default)
    }
}

/// Runs the guest in the nested machine, from where only files can be reached.
fn run_nested(args: &RunArgs, line: &[OsString]) -> Result<ExitCode> {
    if args.control.is_some()
        || args.gdb.is_some()
        || args.vsock.is_some()
        || args.nic.iter().any(NicSpec::reaches_out)
        || args.disk.iter().any(DiskSpec::is_device)
    {
        anyhow::bail!(
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
    let mut request = same_command(line.iter().cloned())?;
    if let Some(release) = args.host_release() {
        payload::name_release(&mut request.argv, &release?);
    }
    request.writable = files.map(|file| directory_of(file)).collect();
    let shared = args.share.iter().filter(|share| !share.read_only);
    request.writable.extend(shared.map(|share| share.path.clone()));
    request.variables = args.env.iter().map(|variable| variable.name.clone()).collect();
    request.network = args.nic.iter().any(|nic| nic.wire == Wire::User);
    request.streams = Streams::detect();
    enter_nested(&request, 1, args.quiet)
}

/// Becomes the command of `line` again: as after switching a machine off and on, nothing is left of
/// the guest. Returns only if that fails.
fn start_again(line: &[OsString]) -> anyhow::Error {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return error.into(),
    };
    let mut again = std::process::Command::new(program);
    again.args(line.iter().skip(1)).env(console::RESTARTED, "1");
    anyhow::Error::new(again.exec()).context("cannot start the guest again")
}

fn listen_for_gdb(address: &gdb::Address) -> Result<gdb::Listener> {
    let listener = gdb::Listener::bind(address)
        .with_context(|| format!("cannot listen for a debugger at {address}"))?;
    say(format_args!("nicvmm: waiting for a debugger: target remote {}", address.target()));
    Ok(listener)
}

fn add_randomness(machine: &mut Machine) -> Result<()> {
    let source = File::open(RANDOMNESS).with_context(|| format!("cannot read {RANDOMNESS}"))?;
    let messages = machine.messages(rng::VECTORS)?;
    let function = Rng::function(Box::new(source), machine.dma_memory(), messages)?;
    Ok(machine.add_function(layout::RNG_SLOT, Box::new(function), Vec::new())?)
}

fn add_control(
    machine: &mut Machine,
    args: &RunArgs,
    streams: Streams,
) -> Result<Option<GuestCommand>> {
    if let Some(path) = &args.control {
        let channel = control::add_channel(machine)?;
        machine.add_subscriber(Box::new(ControlSocket::bind(path, channel)?));
    } else if let Some(command) = args.command() {
        let channel = control::add_channel(machine)?;
        let command = GuestCommand::start(command, streams, channel, machine.endings());
        return Ok(Some(command.context("cannot start a thread")?));
    }
    Ok(None)
}

/// Says how it ended where that is not what was asked for, and gives the exit status.
fn finish(
    ending: &Ending,
    command: Option<&GuestCommand>,
    target: &ConsoleTarget,
    transcript: &Transcript,
) -> Result<ExitCode> {
    match command.and_then(GuestCommand::status) {
        Some(Ok(status)) if *ending == Ending::Stopped => return Ok(status.into()),
        Some(Err(error)) if *ending == Ending::Stopped => anyhow::bail!("the command: {error}"),
        _ => {}
    }
    let expected = match ending {
        Ending::PowerOff => command.is_none(),
        ending => *ending == Ending::Stopped,
    };
    if expected {
        return Ok(ExitCode::SUCCESS);
    }
    if *target != ConsoleTarget::Stdio {
        for line in transcript.last_lines() {
            say(format_args!("  | {line}"));
        }
    }
    if *ending == Ending::PowerOff {
        anyhow::bail!("the guest powered off before the command ended");
    }
    say(format_args!("nicvmm: {ending}"));
    Ok(exit::of(ending))
}
