//! `nicvmm run`: boots one guest.
//!
//! [`args`] is the command line. [`run`] makes a machine, plugs in what was asked for, boots it and
//! waits for its end, of which [`ending`] makes an exit status. Where KVM cannot run Linux, [`nested`]
//! has the same command carried out elsewhere.

mod args;
mod command;
mod console;
mod control;
mod disk;
mod ending;
mod files;
mod nested;
mod nic;
mod passt;
mod payload;
mod report;
mod restart;
mod share;
mod timing;
mod variable;
mod wire;

use std::ffi::OsString;
use std::fs::File;
use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::{Context, Result};
use devices::virtio::rng::{self, Rng};

use crate::machine::console::Transcript;
use crate::machine::{Ending, Error, Machine, block_signals, gdb, layout};
use crate::streams::{Streams, block_resizes, say};
pub use args::RunArgs;
use args::{OnReboot, Wanted};
use console::ConsoleTarget;
use disk::DiskSpec;
pub(super) use nic::NicSpec;
use report::Report;
use restart::{Attempt, Role};
use timing::Timing;

/// Where the guest's random bytes come from.
const RANDOMNESS: &str = "/dev/urandom";

/// Runs the command. `line` is the whole command line that it comes from.
pub fn run(args: &RunArgs, line: &[OsString]) -> Result<ExitCode> {
    if args.on_reboot == OnReboot::Exit {
        return run_once(args, line, None);
    }
    match restart::in_children()? {
        Role::Guest(attempt) => run_once(args, line, Some(attempt)),
        Role::Waited(status) => Ok(status),
    }
}

/// Runs the guest until it ends, or asks for a reset where that starts it again.
fn run_once(args: &RunArgs, line: &[OsString], attempt: Option<Attempt>) -> Result<ExitCode> {
    let Wanted { command, console } = args.wanted();
    let payload = payload::payload(args, &console)?;
    let streams = match console {
        ConsoleTarget::Stdio => Streams::Pipes { input: false },
        _ => Streams::detect(),
    };
    // Where a script reads it, standard error is the command's alone.
    let to_a_person = command.is_none() || std::io::stderr().is_terminal();
    if args.host.is_nested(args.quiet || !to_a_person)? {
        return nested::run(args, line);
    }
    block_signals()?;
    block_resizes().context("cannot block signals")?;
    let mut machine = Machine::new(args.memory << 20, args.cpus)?;
    let transcript = Transcript::default();
    let again = attempt.as_ref().is_some_and(|attempt| attempt.again);
    let terminal = console::add(&mut machine, &console, &transcript, again)?;
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
    let report = args.report.as_deref().map(|path| Report::prepare(path, machine.exits()));
    let mut report = report.transpose()?;
    let command = control::add(&mut machine, args.control.as_deref(), command, streams)?;
    if let Some(address) = &args.gdb {
        machine.add_debugger(listen_for_gdb(address)?);
    }
    let timing = args.timed().then(|| Timing::start(&mut machine)).transpose()?;
    machine.boot(&payload)?;
    let endings = machine.endings();
    let sandbox = args.sandbox.raise(|files| args.needed_files(files))?;
    machine.set_sandbox(sandbox.clone());
    let command = command.map(|command| command.start(&sandbox)).transpose();
    let command = command.map_err(|error| Error::Thread("the command", error))?;
    if let (Some(report), Some(interval)) = (&mut report, args.report_interval) {
        let repeated = report.repeat(interval, &sandbox);
        repeated.map_err(|error| Error::Thread("the report", error))?;
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
    if ending == Ending::Reset
        && let Some(attempt) = attempt
    {
        attempt.start_again()?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in endings.registers() {
        say(format_args!("  {line}"));
    }
    ending::finish(&ending, command.as_ref(), &console, &transcript)
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
