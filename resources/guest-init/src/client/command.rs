//! What to run in a guest, and what came of it.

use std::borrow::Cow;
use std::fmt;
use std::io;

use super::Status;
use crate::protocol::{Run, Size};

/// Bytes kept of each output stream of a command; what is beyond is counted, not kept.
pub const OUTPUT_LIMIT: usize = 16 << 20;

/// Which of a command's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

pub(super) type OnOutput = Box<dyn FnMut(Stream, &[u8]) -> io::Result<()> + Send>;

/// A command to run in a guest.
pub struct Command {
    pub(super) run: Run,
    pub(super) on_output: Option<OnOutput>,
}

impl Command {
    /// Program and arguments. A program without a slash is searched in the guest's PATH.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        let argv = argv.into_iter().map(Into::into).collect();
        Self { run: Run { argv, ..Run::default() }, on_output: None }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.run.env.insert(name.into(), value.into());
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn current_dir(mut self, directory: impl Into<String>) -> Self {
        self.run.cwd = Some(directory.into());
        self
    }

    /// Gives the command a standard input, to be filled by
    /// [`Process::write_stdin`](super::Process::write_stdin).
    #[must_use]
    pub fn stdin(mut self) -> Self {
        self.run.stdin = true;
        self
    }

    /// Gives the command a terminal of this size for all its standard streams: what it prints is
    /// standard output, and [`Process::write_stdin`](super::Process::write_stdin) types.
    #[must_use]
    pub fn terminal(mut self, size: Size) -> Self {
        self.run.terminal = Some(size);
        self
    }

    /// Hands over output as it comes, instead of keeping it. The function is called by the thread
    /// that reads the channel: it must not wait for the guest. After an error that output is closed
    /// in the guest, where whoever goes on writing to it gets a broken pipe.
    #[must_use]
    pub fn on_output(
        mut self,
        function: impl FnMut(Stream, &[u8]) -> io::Result<()> + Send + 'static,
    ) -> Self {
        self.on_output = Some(Box::new(function));
        self
    }
}

impl From<Run> for Command {
    fn from(run: Run) -> Self {
        Self { run, on_output: None }
    }
}

impl<S: Into<String>, const N: usize> From<[S; N]> for Command {
    fn from(argv: [S; N]) -> Self {
        Self::new(argv)
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("run", &self.run).finish_non_exhaustive()
    }
}

/// How a command ended and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: Status,
    /// Standard output, unless it was handed over as it came.
    pub stdout: Vec<u8>,
    /// Standard error, unless it was handed over as it came.
    pub stderr: Vec<u8>,
    /// Bytes that were not kept because of [`OUTPUT_LIMIT`].
    pub lost: u64,
}

impl Output {
    /// Standard output as text.
    pub fn stdout_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// Standard error as text.
    pub fn stderr_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }
}
