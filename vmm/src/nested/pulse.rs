//! Notices when the nested machine hangs: an emulated machine can, and would hold a test forever.

use std::time::{Duration, Instant};

use guest_init::client::{Client, Process};

use super::error::{Error, Result};
use crate::streams::is_printing;

/// How often it is asked to run `true`.
const INTERVAL: Duration = Duration::from_secs(20);
/// How long the answer may take; a machine busy with several guests answers within seconds.
const PATIENCE: Duration = Duration::from_secs(50);

/// The pulse of a nested machine.
pub struct Pulse {
    last: Instant,
    asked: Option<Process>,
}

impl Pulse {
    /// Of a machine that is there now.
    pub fn new() -> Self {
        Self { last: Instant::now(), asked: None }
    }

    /// To be called often. An error means that the machine hangs.
    pub fn check(&mut self, client: &Client) -> Result<()> {
        if is_printing() {
            // Not its fault: our reader is slow, and answers wait behind the output.
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
