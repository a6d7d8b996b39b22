//! What this program itself has to say. A reader that went away, as `head` does, has had what it
//! wanted: that is no failure, and no reason to stop before the work is done.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Prints results on standard output, all at once.
pub fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Says one line to people, on standard error. If that cannot be written to, there is no one to
/// tell.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
