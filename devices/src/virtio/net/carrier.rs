//! Somebody who moves a pair's frames in our place: the host's kernel, by vhost.
//!
//! The device keeps everything but the frames: registers, features, the control queue. It hands the
//! rings to its [`Carrier`]s when the driver is ready and may be reached, and takes them back before the
//! driver may do with its memory what it likes: a stopped carrier touches no ring.

use std::io;

use crate::net::Offloads;

/// A ring that a driver has set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Descriptors.
    pub size: u16,
    /// Guest address of the descriptor table.
    pub descriptors: u64,
    /// Guest address of the available ring.
    pub available: u64,
    /// Guest address of the used ring.
    pub used: u64,
    /// The available index up to which chains were taken.
    pub base: u16,
    /// The MSI-X vector to send; without one the queue's doorbell shall be rung, for the device to assert
    /// its line.
    pub vector: Option<u16>,
}

/// The way a pair's frames go.
pub trait Carrier: Send {
    /// Goes to work on a receive and a transmit ring, as `features` were negotiated.
    fn start(&mut self, features: u64, rings: [Ring; 2]) -> io::Result<()>;

    /// Stops, and answers up to where each ring was worked on. Nothing is touched any more.
    fn stop(&mut self) -> [u16; 2];

    /// The driver takes this unfinished now.
    fn deliver(&mut self, offloads: Offloads);

    /// Frames may come to this pair, or no longer.
    fn activate(&mut self, on: bool);
}

/// A carrier, and whether it is at work.
pub(super) struct Carried {
    carrier: Box<dyn Carrier>,
    started: bool,
    bases: [u16; 2],
    takes: Option<Offloads>,
    active: bool,
}

impl Carried {
    pub fn new(carrier: Box<dyn Carrier>) -> Self {
        Self { carrier, started: false, bases: [0; 2], takes: None, active: true }
    }

    /// Has it work on `rings`, from where it stopped.
    pub fn start(&mut self, features: u64, mut rings: [Ring; 2]) {
        self.halt();
        for (ring, base) in rings.iter_mut().zip(self.bases) {
            ring.base = base;
        }
        let started = self.carrier.start(features, rings);
        if let Err(error) = &started {
            tracing::error!("the kernel does not carry the frames of a NIC: {error}");
        }
        self.started = started.is_ok();
    }

    /// Has it stop for now.
    pub fn halt(&mut self) {
        if std::mem::take(&mut self.started) {
            self.bases = self.carrier.stop();
        }
    }

    /// Has it stop for good: the driver's rings are gone.
    pub fn forget(&mut self) {
        self.halt();
        self.bases = [0; 2];
    }

    /// Tells it what changed.
    pub fn tell(&mut self, takes: Offloads, active: bool) {
        if self.takes.replace(takes) != Some(takes) {
            self.carrier.deliver(takes);
        }
        if std::mem::replace(&mut self.active, active) != active {
            self.carrier.activate(active);
        }
    }
}

#[cfg(test)]
#[path = "carrier_tests.rs"]
mod tests;
