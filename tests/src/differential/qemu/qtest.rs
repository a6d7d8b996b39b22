//! qtest: QEMU told by text what a CPU would do, a line a command, a line an answer.

use std::fmt::{Display, Write as _};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use anyhow::{Context, bail};

/// One end of a qtest conversation. Commands gather until answers are wanted, so that a step
/// costs one turn of the conversation.
pub struct Qtest {
    to: UnixStream,
    from: BufReader<UnixStream>,
    queued: String,
    /// The queued commands whose answers are wanted, in order.
    commands: usize,
}

impl Qtest {
    /// Talks through `socket`.
    pub fn new(socket: UnixStream) -> anyhow::Result<Self> {
        let from = BufReader::new(socket.try_clone()?);
        Ok(Self { to: socket, from, queued: String::new(), commands: 0 })
    }

    /// Queues a command.
    pub fn queue(&mut self, command: impl Display) {
        self.commands += 1;
        // Writing to a string cannot fail.
        let _ = writeln!(self.queued, "{command}");
    }

    /// Carries out what is queued; answers what each command said after `OK`.
    pub fn answers(&mut self) -> anyhow::Result<Vec<String>> {
        let queued = std::mem::take(&mut self.queued);
        self.to.write_all(queued.as_bytes()).context("QEMU takes no more commands")?;
        let count = std::mem::take(&mut self.commands);
        let mut answers = Vec::with_capacity(count);
        let mut line = String::new();
        while answers.len() < count {
            line.clear();
            let command = || queued.lines().nth(answers.len()).unwrap_or_default();
            let read = self.from.read_line(&mut line);
            let read = read.with_context(|| format!("QEMU hangs on `{}`", command()))?;
            match line.trim_end().split_once(' ').unwrap_or((line.trim_end(), "")) {
                ("OK", value) => answers.push(value.to_owned()),
                // A change of an intercepted line, in between.
                ("IRQ", _) => {}
                _ if read == 0 => bail!("QEMU died of `{}`", command()),
                _ => bail!("QEMU answers `{}` to `{}`", line.trim_end(), command()),
            }
        }
        Ok(answers)
    }
}

/// Reads a number as qtest writes it.
pub fn number(text: &str) -> anyhow::Result<u32> {
    let digits = text.trim_start_matches("0x");
    let value = u64::from_str_radix(digits, 16).with_context(|| format!("{text} is no number"))?;
    Ok(value as u32)
}

/// Reads bytes as qtest writes them.
pub fn bytes(text: &str) -> anyhow::Result<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let pairs = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2));
    pairs.map(|pair| Ok(u8::from_str_radix(pair.context("half a byte")?, 16)?)).collect()
}
