//! The options of `nicvmm run`, and what follows from them together.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use guest_init::client::Command;

use super::console::ConsoleTarget;
use super::disk::{self, DiskSpec};
use super::nic::{self, NicSpec};
use super::share::{self, ShareSpec};
use super::variable::Variable;
use crate::cli::exit;
use crate::cli::host::Host;
use crate::cli::time::{at_least, time};
use crate::cli::walls::Walls;
use crate::machine::gdb;

/// What runs where there is no COMMAND.
const SHELL: [&str; 2] = ["bash", "-l"];

/// Reports more often than this would cost more than what they are about.
const REPORT_INTERVAL_MIN: Duration = Duration::from_millis(50);

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
    pub(super) kernel: Option<PathBuf>,
    /// Guest image other than the default one: a name of `nicvmm guest list`, or the beginning of it.
    #[arg(long, value_name = "NAME", conflicts_with = "kernel")]
    pub(super) guest: Option<String>,
    /// Where the guest runs: on /dev/kvm, or in a nested software machine. `auto` takes the
    /// first that works.
    #[arg(long, value_enum, default_value_t = Host::Auto)]
    pub(super) host: Host,
    /// Initial RAM disk.
    #[arg(long, value_name = "FILE", requires = "kernel")]
    pub(super) initrd: Option<PathBuf>,
    /// Appends to the kernel command line; may be repeated.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(super) append: Vec<String>,
    /// Guest memory in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 256,
          value_parser = clap::value_parser!(u64).range(16..=1_048_576))]
    pub(super) memory: u64,
    /// Number of vCPUs.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(super) cpus: u8,
    /// A NIC; may be repeated.
    #[arg(long, value_name = "NIC", long_help = nic::HELP)]
    pub(super) nic: Vec<NicSpec>,
    /// A disk; may be repeated.
    #[arg(long, value_name = "DISK", long_help = disk::HELP)]
    pub(super) disk: Vec<DiskSpec>,
    /// A directory of this host for the guest; may be repeated.
    #[arg(long, value_name = "DIR", long_help = share::HELP)]
    pub(super) share: Vec<ShareSpec>,
    /// Connects programs of the guest (CID 3) and of this host (CID 2) through this unix socket.
    #[arg(long, value_name = "PATH", long_help = VSOCK_HELP)]
    pub(super) vsock: Option<PathBuf>,
    /// Sets an environment variable for COMMAND, or passes ours on; may be repeated.
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(super) env: Vec<Variable>,
    /// Directory in which COMMAND starts. [default: the current one if it is shared]
    #[arg(long, value_name = "DIR")]
    pub(super) cwd: Option<String>,
    /// Ends the guest after this time: 90s, 5m, or a number of seconds.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) timeout: Option<Duration>,
    /// Where the console goes: `stdio`, `none` or `file:PATH`.
    /// [default: none where there is a command to run, stdio elsewhere]
    #[arg(long, value_name = "WHERE")]
    pub(super) console: Option<ConsoleTarget>,
    /// Listens on this unix socket for a client of the guest's control channel.
    #[arg(long, value_name = "PATH", conflicts_with = "command")]
    pub(super) control: Option<PathBuf>,
    /// Writes what the run cost (exits to user space, CPU time, memory) to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// What a reset of the guest's does: `exit` ends it with status 120, `restart` starts it anew, with
    /// its COMMAND and its time limit.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnReboot::Exit)]
    pub(super) on_reboot: OnReboot,
    /// Confines this program before the guest starts: to the system calls it needs, the files named here,
    /// and no privileges. `off` helps to find out what goes wrong in there.
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    pub(super) sandbox: Walls,
    /// Waits for a debugger before the guest's first instruction: at unix:PATH, tcp:PORT or
    /// tcp:HOST:PORT, where gdb's `target remote` connects.
    #[arg(long, value_name = "WHERE")]
    pub(super) gdb: Option<gdb::Address>,
    /// Tells on standard error when the guest came how far, and how much memory it cost beside its own.
    #[arg(long)]
    pub(super) timing: bool,
    /// Writes it this often while the guest runs, too.
    #[arg(long, value_name = "TIME", requires = "report", value_parser = at_least(REPORT_INTERVAL_MIN))]
    pub(super) report_interval: Option<Duration>,
    /// Takes options from this TOML file: its keys are the names of options without the dashes, and
    /// `command`. What the command line has itself, it does not take from there.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Prints all options as a file for --config, and runs nothing.
    #[arg(long)]
    pub print_config: bool,
    /// Says nothing of its own but errors. Where standard error is no terminal this holds for a
    /// COMMAND anyway.
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// Command to run in the guest, with its arguments. [default: a shell]
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<String>,
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
  nicvmm run --kernel host -- uname -r         the kernel that runs here, with its modules
  nicvmm run --kernel vmlinuz --initrd initrd --append debug

{}",
        exit::HELP
    )
}

/// What a reset of the guest's does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OnReboot {
    Exit,
    Restart,
}

/// What `--vsock` means.
const VSOCK_HELP: &str = "Connects programs of the guest and of this host. A program here connects to \
this unix socket, writes `CONNECT PORT` and a line feed, reads `OK N`, and is connected with whoever \
listens on vsock port PORT in the guest. A program of the guest that connects to port PORT of CID 2 \
reaches whoever listens on the unix socket PATH_PORT";

/// What the options come to, taken together.
pub(super) struct Wanted {
    /// What to run in the guest: the COMMAND, or a shell where nothing else was asked for.
    pub(super) command: Option<Command>,
    /// Where the console goes, asked for or not.
    pub(super) console: ConsoleTarget,
}

impl RunArgs {
    /// Takes the options together.
    pub(super) fn wanted(&self) -> Wanted {
        let command = self.wanted_command();
        let console = match (&self.console, &command) {
            (Some(console), _) => console.clone(),
            (None, Some(_)) => ConsoleTarget::None,
            (None, None) => ConsoleTarget::Stdio,
        };
        Wanted { command, console }
    }

    fn wanted_command(&self) -> Option<Command> {
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
    pub(super) fn timed(&self) -> bool {
        self.timing || self.report.is_some()
    }

    pub(super) fn shares(&self) -> Result<Vec<crate::machine::share::Config>> {
        self.share.iter().map(ShareSpec::config).collect()
    }

    /// The current directory as the guest has it, if it is shared.
    pub(super) fn shared_directory(&self) -> Option<String> {
        share::place_of(&std::env::current_dir().ok()?, &self.shares().ok()?)
    }
}
