//! Our standard input, for a command elsewhere.

use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use guest_init::client::Process;
use rustix::io::{Errno, read};
use rustix::stdio::stdin;

/// Changes what is typed on its way.
pub type Filter = Box<dyn FnMut(&[u8]) -> Vec<u8> + Send>;

/// A command may leave its input unread for as long as it likes.
const PATIENCE: Duration = Duration::from_secs(365 * 24 * 3600);
/// Bytes taken at a time.
const CHUNK: usize = 64 * 1024;

/// Starts a thread that hands over what comes. It ends with its input, or with this program: a
/// read cannot be taken back.
pub fn forward(process: Arc<Process>, mut filter: Filter) -> io::Result<()> {
    let forward = move || {
        let mut buffer = vec![0; CHUNK];
        loop {
            let length = match read(stdin(), &mut buffer[..]) {
                Ok(0) => break,
                Ok(length) => length,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {
                    super::output::wait(stdin(), rustix::event::PollFlags::IN);
                    continue;
                }
                Err(_) => break,
            };
            let data = filter(buffer.get(..length).unwrap_or_default());
            if process.write_stdin(&data, PATIENCE).is_err() {
                return; // the waiting thread knows why
            }
        }
        let _ = process.close_stdin(); // the same
    };
    thread::Builder::new().name("input".into()).spawn(forward).map(drop)
}
