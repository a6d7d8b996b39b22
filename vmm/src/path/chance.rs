//! What chance does to packets: it loses them, holds them up, lets others overtake them.
//!
//! Each kind has a stream of random numbers of its own in each direction, so the same seed does the
//! same to the n-th packet of a direction, whatever the other direction carries and whatever else
//! is set.

use std::str::FromStr;
use std::time::Duration;

use super::PathConfig;
use super::units::{Ratio, UnitError};

/// How much later an overtaken packet comes, where that is not said: at 50 Mbit/s four full packets
/// pass it, enough for TCP to take it for lost.
const OVERTAKEN_BY: Duration = Duration::from_millis(1);

/// Packets that come later than their turn, while others pass them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reorder {
    /// Part of all packets.
    pub part: Ratio,
    /// How much later.
    pub by: Duration,
}

impl FromStr for Reorder {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::new(text, "a part of packets and a time", "1% or 0.5%,3ms");
        let (part, by) = match text.split_once(',') {
            Some((part, by)) => (part, humantime::parse_duration(by).map_err(|_| wrong())?),
            None => (text, OVERTAKEN_BY),
        };
        Ok(Self { part: part.parse().map_err(|_| wrong())?, by })
    }
}

/// What becomes of a packet that is let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detour {
    /// How much longer it is on its way.
    pub extra: Duration,
    /// Whether others may pass it meanwhile.
    pub overtaken: bool,
}

/// The chances of one direction.
#[derive(Debug)]
pub(super) struct Chance {
    loss: fastrand::Rng,
    jitter: fastrand::Rng,
    reorder: fastrand::Rng,
}

impl Chance {
    /// A new stream of each kind, all out of `seeds`.
    pub(super) fn new(seeds: &mut fastrand::Rng) -> Self {
        Self { loss: seeds.fork(), jitter: seeds.fork(), reorder: seeds.fork() }
    }

    /// What becomes of the next packet; `None` if it gets lost.
    pub(super) fn next(&mut self, config: &PathConfig) -> Option<Detour> {
        if happens(&mut self.loss, config.loss) {
            return None;
        }
        let mut detour = Detour::default();
        if !config.jitter.is_zero() {
            detour.extra = config.jitter.mul_f64(self.jitter.f64());
        }
        if let Some(Reorder { part, by }) = config.reorder
            && happens(&mut self.reorder, part.0)
        {
            detour = Detour { extra: detour.extra + by, overtaken: true };
        }
        Some(detour)
    }
}

fn happens(random: &mut fastrand::Rng, part: f64) -> bool {
    part > 0.0 && random.f64() < part
}

#[cfg(test)]
#[path = "chance_tests.rs"]
mod tests;
