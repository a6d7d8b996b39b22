//! Who has which MAC address behind a port, for IPv4 (ARP) and IPv6 (neighbour discovery) alike.
//!
//! A packet to someone unknown waits while the router asks, three times a second apart, and is
//! dropped if no one answers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::wire::Mac;

/// Neighbours that a port remembers; more are not learnt.
const NEIGHBOURS_MAX: usize = 1024;
/// Packets that wait for one neighbour; more are dropped.
const WAITING_MAX: usize = 64;
/// How often the router asks.
const TRIES: u8 = 3;
/// Time between two questions.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What is to be done with a packet for a neighbour.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// Send it to this address.
    Known(Mac, Vec<u8>),
    /// It waits, and someone has to ask.
    Ask,
    /// It waits.
    Waiting,
    /// There is no room for it to wait.
    NoRoom(Vec<u8>),
}

#[derive(Debug)]
enum Entry {
    Known(Mac),
    Waiting { frames: Vec<Vec<u8>>, tries: u8, ask_at: Duration },
}

/// The neighbours of one port.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    entries: HashMap<IpAddr, Entry>,
    waiting: usize,
}

impl Neighbours {
    /// Finds the way to `ip` for `frame`.
    pub(super) fn resolve(&mut self, ip: IpAddr, frame: Vec<u8>, now: Duration) -> Resolution {
        let room = self.entries.len() < NEIGHBOURS_MAX;
        match self.entries.get_mut(&ip) {
            Some(Entry::Known(mac)) => Resolution::Known(*mac, frame),
            Some(Entry::Waiting { frames, .. }) if frames.len() < WAITING_MAX => {
                frames.push(frame);
                Resolution::Waiting
            }
            None if room => {
                let (frames, ask_at) = (vec![frame], now + ASK_EVERY);
                self.entries.insert(ip, Entry::Waiting { frames, tries: 1, ask_at });
                self.waiting += 1;
                Resolution::Ask
            }
            Some(Entry::Waiting { .. }) | None => Resolution::NoRoom(frame),
        }
    }

    /// Notes an address; answers the packets that waited for it.
    pub(super) fn learn(&mut self, ip: IpAddr, mac: Mac) -> Vec<Vec<u8>> {
        if self.entries.len() >= NEIGHBOURS_MAX && !self.entries.contains_key(&ip) {
            return Vec::new();
        }
        match self.entries.insert(ip, Entry::Known(mac)) {
            Some(Entry::Waiting { frames, .. }) => {
                self.waiting -= 1;
                frames
            }
            Some(Entry::Known(_)) | None => Vec::new(),
        }
    }

    /// Packets that wait.
    pub(super) fn frames(&self) -> u64 {
        let waiting = self.entries.values().map(|entry| match entry {
            Entry::Known(_) => 0,
            Entry::Waiting { frames, .. } => frames.len() as u64,
        });
        waiting.sum()
    }

    /// When the next question or the end of patience is due.
    pub(super) fn next(&self) -> Option<Duration> {
        if self.waiting == 0 {
            return None;
        }
        let times = self.entries.values().filter_map(|entry| match entry {
            Entry::Known(_) => None,
            Entry::Waiting { ask_at, .. } => Some(*ask_at),
        });
        times.min()
    }

    /// Whom to ask again by `now`. Gives up on the others whose time has come; answers how many
    /// packets that cost.
    pub(super) fn due(&mut self, now: Duration) -> (Vec<IpAddr>, u64) {
        let (mut ask, mut dropped) = (Vec::new(), 0);
        if self.next().is_none_or(|next| next > now) {
            return (ask, dropped);
        }
        let waiting = &mut self.waiting;
        self.entries.retain(|ip, entry| match entry {
            Entry::Waiting { tries, ask_at, .. } if *ask_at <= now && *tries < TRIES => {
                *tries += 1;
                *ask_at = now + ASK_EVERY;
                ask.push(*ip);
                true
            }
            Entry::Waiting { frames, ask_at, .. } if *ask_at <= now => {
                dropped += frames.len() as u64;
                *waiting -= 1;
                false
            }
            Entry::Waiting { .. } | Entry::Known(_) => true,
        });
        (ask, dropped)
    }
}

#[cfg(test)]
#[path = "neighbour_tests.rs"]
mod tests;
