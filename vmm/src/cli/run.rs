//! `nicvmm run`: boots one guest.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use super::exit;
use super::terminal::{RawTerminal, escapes};
use crate::machine::boot::Payload;
use crate::machine::console::{Console, Transcript};
use crate::machine::{Ending, Machine, block_signals, layout};

/// Boots a guest.
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct RunArgs {
    /// Kernel: a bzImage (vmlinuz) or an ELF file (vmlinux); told apart by content.
    #[arg(long, value_name = "FILE")]
    kernel: PathBuf,
    /// Initial RAM disk.
    #[arg(long, value_name = "FILE")]
    initrd: Option<PathBuf>,
    /// Appends to the kernel command line.
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
    /// Ends the guest after this many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Where the console goes: `stdio`, `none` or `file:PATH`.
    #[arg(long, value_name = "WHERE", default_value = "stdio")]
    console: String,
}

/// What every guest gets on its command line.
const COMMAND_LINE: &str = "console=ttyS0 quiet panic=-1";

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

/// Runs the command.
pub fn run(args: &RunArgs) -> Result<ExitCode> {
    block_signals()?;
    let mut machine = Machine::new(args.memory << 20, args.cpus)?;
    let transcript = Transcript::default();
    let terminal = add_console(&mut machine, args, &transcript)?;
    machine.boot(&Payload {
        kernel: args.kernel.clone(),
        initrd: args.initrd.clone(),
        command_line: [COMMAND_LINE]
            .into_iter()
            .chain(args.append.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" "),
    })?;
    let exits = machine.exits();
    let mut ending = machine.run(args.timeout)?;
    drop(terminal);
    if ending == Ending::Reset && transcript.panicked() {
        ending = Ending::Panic;
    }
    if ending != Ending::PowerOff {
        eprintln!("nicvmm: {ending}");
    }
    tracing::info!("{exits:?}");
    Ok(exit::of(&ending))
}

fn add_console(
    machine: &mut Machine,
    args: &RunArgs,
    transcript: &Transcript,
) -> Result<Option<RawTerminal>> {
    let com1 = (layout::COM1, layout::COM1_GSI);
    let console = |inner: Box<dyn Write + Send>| Box::new(Console::new(inner, transcript.clone()));
    match args.console.as_str() {
        "stdio" => {
            let terminal = RawTerminal::enter().context("cannot set the terminal to raw mode")?;
            let endings = machine.endings();
            let filter: crate::machine::serial::InputFilter = if terminal.is_raw() {
                Box::new(escapes(move || endings.report(Ending::Stopped)))
            } else {
                Box::new(<[u8]>::to_vec)
            };
            let input = terminal.input().context("cannot read standard input")?;
            machine.add_serial(com1, console(Box::new(io::stdout())), Some((input, filter)))?;
            return Ok(Some(terminal));
        }
        "none" => machine.add_serial(com1, console(Box::new(io::sink())), None)?,
        other => {
            let path = other.strip_prefix("file:").with_context(|| {
                format!("unknown console {other:?}: use stdio, none or file:PATH")
            })?;
            let file = File::create(path).with_context(|| format!("cannot write {path}"))?;
            machine.add_serial(com1, console(Box::new(file)), None)?;
        }
    }
    Ok(None)
}
