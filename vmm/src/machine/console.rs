//! The console as the machine's owner sees it: passed on, its last lines kept, a panic noticed.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use devices::sync::lock;

/// Lines kept to show when a guest ends badly.
const KEPT_LINES: usize = 40;
/// Longest line kept, in bytes.
const KEPT_LINE: usize = 512;
/// How the kernel announces a panic.
const PANIC: &[u8] = b"Kernel panic - not syncing";

/// What was seen on a console.
#[derive(Debug, Default)]
struct Seen {
    lines: VecDeque<Vec<u8>>,
    current: Vec<u8>,
    panicked: bool,
}

/// A share in what was seen on a console.
#[derive(Clone, Debug, Default)]
pub struct Transcript(Arc<Mutex<Seen>>);

impl Transcript {
    /// Whether a kernel panic was announced.
    pub fn panicked(&self) -> bool {
        lock(&self.0).panicked
    }

    /// The last lines, as text: a terminal shows it and does nothing else by it.
    pub fn last_lines(&self) -> Vec<String> {
        let seen = lock(&self.0);
        let harmless =
            |c: char| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c };
        let text = |line: &Vec<u8>| {
            String::from_utf8_lossy(line).trim_end().chars().map(harmless).collect::<String>()
        };
        let current = Some(&seen.current).filter(|line| !line.is_empty());
        seen.lines.iter().chain(current).map(text).collect()
    }

    fn add(&self, bytes: &[u8]) {
        let mut seen = lock(&self.0);
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut seen.current);
                seen.panicked |= line.windows(PANIC.len()).any(|window| window == PANIC);
                seen.lines.push_back(line);
                if seen.lines.len() > KEPT_LINES {
                    seen.lines.pop_front();
                }
            } else if seen.current.len() < KEPT_LINE {
                seen.current.push(*byte);
            }
        }
    }
}

/// A writer that keeps a [`Transcript`] of what passes through.
pub struct Console<W> {
    inner: W,
    transcript: Transcript,
}

impl<W: Write> Console<W> {
    /// Passes everything on to `inner`.
    pub fn new(inner: W, transcript: Transcript) -> Self {
        Self { inner, transcript }
    }
}

impl<W: Write> Write for Console<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.transcript.add(bytes);
        self.inner.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
#[path = "console_tests.rs"]
mod tests;
