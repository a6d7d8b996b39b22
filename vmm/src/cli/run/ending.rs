//! The end of a run: what is said of it, its exit status, or the guest anew.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use super::command::GuestCommand;
use super::console::{self, ConsoleTarget};
use crate::cli::exit;
use crate::machine::Ending;
use crate::machine::console::Transcript;
use crate::streams::say;

/// Becomes the command of `line` again: as after switching a machine off and on, nothing is left of
/// the guest. Returns only if that fails.
pub fn start_again(line: &[OsString]) -> anyhow::Error {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return error.into(),
    };
    let mut again = Command::new(program);
    again.args(line.iter().skip(1)).env(console::RESTARTED, "1");
    anyhow::Error::new(again.exec()).context("cannot start the guest again")
}

/// Says how it ended where that is not what was asked for, and gives the exit status.
pub fn finish(
    ending: &Ending,
    command: Option<&GuestCommand>,
    target: &ConsoleTarget,
    transcript: &Transcript,
) -> Result<ExitCode> {
    match command.and_then(GuestCommand::status) {
        Some(Ok(status)) if *ending == Ending::Stopped => return Ok(status.into()),
        Some(Err(error)) if *ending == Ending::Stopped => bail!("the command: {error}"),
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
        bail!("the guest powered off before the command ended");
    }
    say(format_args!("nicvmm: {ending}"));
    Ok(exit::of(ending))
}
