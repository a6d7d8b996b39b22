//! The line behind a port: queue, rate, delay.
//!
//! A packet starts on the line when the one before is off it (no credit is saved while the line
//! idles), takes its size over the rate to get onto it, and comes out after the delay. What waits
//! is exactly what the line has still to send, so the queue needs no list of its own. Packets keep
//! their order, unless a [`Detour`] lets others overtake one.

use std::collections::VecDeque;
use std::time::Duration;

use super::chance::Detour;
use super::units::{Queue, Rate};

/// Bytes that one direction holds at most, on the line and before a peer that does not read. It
/// bounds the memory of the path; beyond it packets are dropped.
pub const HELD_MAX: usize = 64 * 1024 * 1024;
/// Shortest queue that a rate gets by default.
const QUEUE_TIME_MIN: Duration = Duration::from_millis(100);

/// What a line is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkConfig {
    /// Bits per second; without, packets take no time to send and never queue.
    pub rate: Option<Rate>,
    /// One way.
    pub delay: Duration,
    /// Room for packets that wait; by default one bandwidth-delay product of the round trip, and
    /// at least 100 ms.
    pub queue: Option<Queue>,
    /// Bytes that each IP packet costs on the line beyond itself.
    pub overhead: u64,
}

impl LinkConfig {
    /// Bytes that may wait for the line. `round_trip` sizes the default queue.
    pub fn room(&self, round_trip: Duration) -> u64 {
        let time = |time| self.rate.map_or(u64::MAX, |rate| rate.bytes_in(time));
        match self.queue {
            Some(Queue::Bytes(bytes)) => bytes,
            Some(Queue::Time(limit)) => time(limit),
            None => time(round_trip.max(QUEUE_TIME_MIN)),
        }
    }
}

/// There was no room for a packet
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// In the queue.
    Queue,
    /// In the memory of the path ([`HELD_MAX`]).
    Memory,
}

#[derive(Debug)]
struct Departure {
    at: Duration,
    frame: Vec<u8>,
}

/// A line and the frames on it.
#[derive(Debug)]
pub struct Link {
    config: LinkConfig,
    /// Bytes that may wait for the line.
    room: u64,
    /// When the line has sent all it was given.
    free_at: Duration,
    /// When the last packet comes out that the line took.
    last_at: Duration,
    departures: VecDeque<Departure>,
    held: usize,
}

impl Link {
    /// An empty line. `round_trip` sizes the default queue.
    pub fn new(config: LinkConfig, round_trip: Duration) -> Self {
        let room = config.room(round_trip);
        let zero = Duration::ZERO;
        Self { config, room, free_at: zero, last_at: zero, departures: VecDeque::new(), held: 0 }
    }

    /// Makes it another line for the packets to come. What is on its way keeps its time, and what
    /// comes does not overtake it.
    pub fn reconfigure(&mut self, config: LinkConfig, round_trip: Duration) {
        self.room = config.room(round_trip);
        self.config = config;
    }

    /// The delay of the way.
    pub fn delay(&self) -> Duration {
        self.config.delay
    }

    /// Bytes that wait for the line or are on their way onto it.
    pub fn queued(&self, now: Duration) -> u64 {
        self.config.rate.map_or(0, |rate| rate.bytes_in(self.free_at.saturating_sub(now)))
    }

    /// Gives the line a frame that carries `packet` bytes of IP. Hands it back if there is no room.
    pub fn push(
        &mut self,
        frame: Vec<u8>,
        packet: usize,
        now: Duration,
        detour: Detour,
    ) -> Result<(), (Full, Vec<u8>)> {
        let Some(rate) = self.config.rate else { return self.send(frame, now, detour) };
        let size = packet as u64 + self.config.overhead;
        let queued = self.queued(now);
        // An idle line takes any packet, however small the queue.
        if queued > 0 && queued + size > self.room {
            return Err((Full::Queue, frame));
        }
        let free_at = self.free_at.max(now) + rate.time_for(size);
        self.send(frame, free_at, detour)?;
        self.free_at = free_at;
        Ok(())
    }

    /// Sends a frame, on the line as a whole at `sent_at`, on its way.
    fn send(
        &mut self,
        frame: Vec<u8>,
        sent_at: Duration,
        detour: Detour,
    ) -> Result<(), (Full, Vec<u8>)> {
        let at = sent_at + self.config.delay + detour.extra;
        if detour.overtaken {
            return self.push_at(frame, at);
        }
        let at = self.last_at.max(at);
        self.push_at(frame, at)?;
        self.last_at = at;
        Ok(())
    }

    /// Lets a frame of the router's own come out at `at`, whatever waits for the line.
    pub fn push_at(&mut self, frame: Vec<u8>, at: Duration) -> Result<(), (Full, Vec<u8>)> {
        if self.held + frame.len() > HELD_MAX {
            return Err((Full::Memory, frame));
        }
        self.held += frame.len();
        let departure = Departure { at, frame };
        if self.departures.back().is_none_or(|last| last.at <= at) {
            self.departures.push_back(departure);
        } else {
            let place = self.departures.partition_point(|other| other.at <= at);
            self.departures.insert(place, departure);
        }
        Ok(())
    }

    /// When the next frame comes out.
    pub fn next(&self) -> Option<Duration> {
        self.departures.front().map(|departure| departure.at)
    }

    /// The next frame that is out by `now`.
    pub fn pop(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.next().filter(|at| *at <= now)?;
        let departure = self.departures.pop_front()?;
        self.held -= departure.frame.len();
        Some(departure.frame)
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
