//! Notices when the nested machine hangs: an emulated machine can, and would hold a test forever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use guest_init::client::{Client, Process};

use super::error::{Error, Result};

/// How often it is asked to run `true`.
const INTERVAL: Duration = Duration::from_secs(20);
/// How long the answer may take; a machine busy with several guests answers within seconds.
const PATIENCE: Duration = Duration::from_secs(100);

/// The pulse of a nested machine.
pub struct Pulse {
    last: Instant,
    asked: Option<Process>,
    /// Output is being printed, and answers wait behind it.
    printing: Arc<AtomicBool>,
}

impl Pulse {
    /// Of a machine that is there now.
    pub fn new(printing: Arc<AtomicBool>) -> Self {
        Self { last: Instant::now(), asked: None, printing }
    }

    /// To be called often. An error means that the machine hangs.
    pub fn check(&mut self, client: &Client) -> Result<()> {
        if self.printing.load(Ordering::Relaxed) {
            // Not its fault: our reader is slow.
            self.last = Instant::now();
        }
        match &self.asked {
            Some(process) if process.has_ended()? => {
                self.asked = None;
                self.last = Instant::now();
            }
            Some(_) if self.last.elapsed() > INTERVAL + PATIENCE => {
                return Err(Error::Hangs { silent: self.last.elapsed() });
            }
            None if self.last.elapsed() > INTERVAL => self.asked = Some(client.start(["true"])?),
            _ => {}
        }
        Ok(())
    }
}
