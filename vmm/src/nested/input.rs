//! Our standard input, for the program in the nested machine.

use std::io::Read;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use guest_init::client::Process;

/// A program may leave its input unread for as long as it likes.
const PATIENCE: Duration = Duration::from_secs(365 * 24 * 3600);
const CHUNK: usize = 4096;

/// Starts a thread that hands over what comes. It ends with its input, or with this program: a
/// read cannot be taken back.
pub fn forward(process: &Arc<Process>) {
    let process = Arc::clone(process);
    thread::spawn(move || {
        let mut buffer = [0; CHUNK];
        while let Ok(length @ 1..) = std::io::stdin().read(&mut buffer) {
            let data = buffer.get(..length).unwrap_or_default();
            if process.write_stdin(data, PATIENCE).is_err() {
                return; // the waiting thread knows why
            }
        }
        let _ = process.close_stdin(); // the same
    });
}
