//! The path's counters over time, as it tells them on its standard output.
//!
//! A thread takes one JSON line after the other, notes when it came, and keeps all of them; the
//! download looks up what had been counted at a moment.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use devices::sync::lock;

use super::outcome::{self, PathFigures};
use crate::path::Report;

/// What the path has counted since it started, on the way from the server to the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes of frames that left towards the client.
    pub bytes_to_client: u64,
    /// ICMP "fragmentation needed" and "packet too big" sent to the server.
    pub frag_needed_sent: u64,
    /// Packets dropped as larger than the MTU.
    pub over_mtu_dropped: u64,
    /// Fragments made.
    pub fragments_sent: u64,
    /// TCP payload sizes as the server sent them.
    pub segment_sizes: BTreeMap<u16, u64>,
    /// Everything else that did not get through, by its name among the path's counters.
    pub other_drops: BTreeMap<&'static str, u64>,
}

/// Counters at a moment.
#[derive(Clone, Debug)]
pub struct Reading {
    /// When they came.
    pub at: Instant,
    /// What they were.
    pub counters: Counters,
}

#[derive(Debug, Default)]
struct Log {
    readings: Vec<Reading>,
    unreadable: Option<String>,
}

/// All readings of one path so far.
#[derive(Debug)]
pub struct Readings {
    log: Arc<Mutex<Log>>,
    thread: Option<JoinHandle<()>>,
}

impl Readings {
    /// Reads lines from `output` until it ends; writes them to `copy` as well, if asked to.
    pub fn follow(output: impl Read + Send + 'static, copy: Option<&Path>) -> Self {
        let log = Arc::new(Mutex::new(Log::default()));
        let shared = Arc::clone(&log);
        let copy: Option<PathBuf> = copy.map(Path::to_owned);
        let thread = std::thread::spawn(move || {
            let mut copy = copy.and_then(|path| std::fs::File::create(path).ok());
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(copy) = &mut copy {
                    let _ = std::io::Write::write_all(copy, format!("{line}\n").as_bytes());
                }
                let mut log = lock(&shared);
                match parse(&line) {
                    Some(counters) => log.readings.push(Reading { at: Instant::now(), counters }),
                    None => log.unreadable = Some(line),
                }
            }
        });
        Self { log, thread: Some(thread) }
    }

    /// The last reading.
    pub fn latest(&self) -> Option<Reading> {
        lock(&self.log).readings.last().cloned()
    }

    /// The first reading at or after `moment`.
    pub fn since(&self, moment: Instant) -> Option<Reading> {
        lock(&self.log).readings.iter().find(|reading| reading.at >= moment).cloned()
    }

    /// A line that was not understood, if there was one.
    pub fn unreadable(&self) -> Option<String> {
        lock(&self.log).unreadable.clone()
    }

    /// Bytes a second towards the client over the last `span`.
    pub fn rate(&self, span: Duration) -> Option<f64> {
        let log = lock(&self.log);
        let last = log.readings.last()?;
        let first = log.readings.iter().rev().find(|reading| last.at - reading.at >= span)?;
        let bytes = last.counters.bytes_to_client.saturating_sub(first.counters.bytes_to_client);
        Some(bytes as f64 / (last.at - first.at).as_secs_f64())
    }

    /// What was counted between `start` and `end`. The last third is what came after the first
    /// reading in it, so a late reading can hide something but never shift it there.
    pub fn between(&self, start: Instant, end: Instant) -> PathFigures {
        let log = lock(&self.log);
        let before = |moment| log.readings.iter().rev().find(move |reading| reading.at <= moment);
        let from = |moment| log.readings.iter().find(move |reading| reading.at >= moment);
        let none = Counters::default();
        let first = before(start).map_or(&none, |reading| &reading.counters);
        let last = from(end).or(log.readings.last()).map_or(first, |reading| &reading.counters);
        let third = from(start + (end - start) * 2 / 3).map_or(last, |reading| &reading.counters);
        let sizes = last.segment_sizes.iter().filter_map(|(size, count)| {
            let earlier = first.segment_sizes.get(size).copied().unwrap_or(0);
            Some((*size, count.checked_sub(earlier)?)).filter(|(_, count)| *count > 0)
        });
        let drops = last.other_drops.iter().filter_map(|(cause, count)| {
            let earlier = first.other_drops.get(cause).copied().unwrap_or(0);
            Some(((*cause).to_owned(), count.saturating_sub(earlier))).filter(|(_, n)| *n > 0)
        });
        PathFigures {
            frag_needed_sent: last.frag_needed_sent.saturating_sub(first.frag_needed_sent),
            frag_needed_last_third: last.frag_needed_sent.saturating_sub(third.frag_needed_sent),
            over_mtu_dropped: last.over_mtu_dropped.saturating_sub(first.over_mtu_dropped),
            over_mtu_last_third: last.over_mtu_dropped.saturating_sub(third.over_mtu_dropped),
            fragments_sent: last.fragments_sent.saturating_sub(first.fragments_sent),
            segment_sizes: sizes.collect(),
            other_drops: drops.collect(),
        }
    }

    /// Every reading between `start` and `end` and the first one after it, counted from the start.
    pub fn timeline(&self, start: Instant, end: Instant) -> Vec<outcome::Instant> {
        let log = lock(&self.log);
        let none = Counters::default();
        let base = log.readings.iter().rev().find(|reading| reading.at <= start);
        let base = base.map_or(&none, |reading| &reading.counters);
        let mut points = Vec::new();
        for reading in log.readings.iter().filter(|reading| reading.at > start) {
            let now = &reading.counters;
            points.push(outcome::Instant {
                at: (reading.at - start).as_secs_f64(),
                bytes_to_client: now.bytes_to_client.saturating_sub(base.bytes_to_client),
                frag_needed_sent: now.frag_needed_sent.saturating_sub(base.frag_needed_sent),
                over_mtu_dropped: now.over_mtu_dropped.saturating_sub(base.over_mtu_dropped),
            });
            if reading.at >= end {
                break;
            }
        }
        points
    }

    /// Waits for the end of the output; to be called once its writer has ended.
    pub fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Understands one line of `nicvmm path --json`, of which the direction to the client matters.
fn parse(line: &str) -> Option<Counters> {
    let report = serde_json::from_str::<Report>(line).ok()?;
    let direction = report.a_to_b;
    Some(Counters {
        bytes_to_client: direction.forwarded_bytes,
        frag_needed_sent: direction.frag_needed_sent + direction.packet_too_big_sent,
        over_mtu_dropped: direction.over_mtu_dropped,
        fragments_sent: direction.fragments_sent,
        segment_sizes: direction.segment_sizes,
        other_drops: BTreeMap::from([
            ("backlog_dropped", direction.backlog_dropped),
            ("hops_exceeded", direction.hops_exceeded),
            ("icmp_filtered", report.b_to_a.icmp_filtered),
            ("icmp_suppressed", direction.icmp_suppressed),
            ("loss_dropped", direction.loss_dropped),
            ("malformed", direction.malformed),
            ("queue_dropped", direction.queue_dropped),
            ("unplugged_dropped", direction.unplugged_dropped),
            ("unresolved_dropped", direction.unresolved_dropped),
            ("unroutable", direction.unroutable),
        ]),
    })
}

#[cfg(test)]
#[path = "readings_tests.rs"]
mod tests;
