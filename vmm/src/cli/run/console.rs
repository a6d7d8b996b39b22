//! `--console`: where the guest's first serial port goes.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result};

use crate::machine::console::{Console, Transcript};
use crate::machine::output::PatientOutput;
use crate::machine::serial::InputFilter;
use crate::machine::{Ending, Machine, layout};
use crate::streams::{RawTerminal, escapes};

/// Where the console goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleTarget {
    /// Standard input and output.
    Stdio,
    /// Nowhere; its last lines are shown if the guest ends badly.
    None,
    /// Into a file.
    File(PathBuf),
}

impl FromStr for ConsoleTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("file:")) {
            ("stdio", _) => Ok(Self::Stdio),
            ("none", _) => Ok(Self::None),
            (_, Some(path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err("use stdio, none or file:PATH".into()),
        }
    }
}

/// Gives `machine` its console; a guest that is started `again` goes on in the file where it was. The
/// terminal, if there is one, is raw until the answer is dropped.
pub fn add(
    machine: &mut Machine,
    target: &ConsoleTarget,
    transcript: &Transcript,
    again: bool,
) -> Result<Option<RawTerminal>> {
    let com1 = (layout::COM1, layout::COM1_GSI);
    let console = |inner: Box<dyn Write + Send>| Box::new(Console::new(inner, transcript.clone()));
    let endings = machine.endings();
    let output = |descriptor| PatientOutput::new(descriptor, endings.clone());
    match target {
        ConsoleTarget::Stdio => {
            let terminal = RawTerminal::enter().context("cannot set the terminal to raw mode")?;
            let endings = endings.clone();
            let filter: InputFilter = if terminal.is_raw() {
                Box::new(escapes(move || endings.report(Ending::Stopped)))
            } else {
                Box::new(<[u8]>::to_vec)
            };
            let input = terminal.input().context("cannot read standard input")?;
            machine.add_serial(
                com1,
                console(Box::new(output(io::stdout().as_fd().try_clone_to_owned()?))),
                Some((input, filter)),
            )?;
            return Ok(Some(terminal));
        }
        ConsoleTarget::None => machine.add_serial(com1, console(Box::new(io::sink())), None)?,
        ConsoleTarget::File(path) => {
            let file = File::options()
                .create(true)
                .write(true)
                .append(again)
                .truncate(!again)
                .open(path)
                .with_context(|| format!("cannot write the console to {}", path.display()))?;
            machine.add_serial(com1, console(Box::new(output(file.into()))), None)?;
        }
    }
    Ok(None)
}
