//! The end of a run: what is said of it, and its exit status.

use std::process::ExitCode;

use anyhow::{Result, bail};

use super::command::GuestCommand;
use super::console::ConsoleTarget;
use crate::cli::exit;
use crate::machine::Ending;
use crate::machine::console::Transcript;
use crate::streams::say;

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
