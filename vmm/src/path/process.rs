//! Real sockets and real time around the [`Router`].
//!
//! One thread: it takes what arrived, lets the router work, writes what has come out as one batch
//! for each port, and sleeps until something arrives or the next frame is due. A peer that goes
//! may come back; while a port has no peer, frames to it are lost like on a pulled cable.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use devices::net::Sent;
use devices::net::capture::{CaptureLimit, Direction};
use devices::net::framing::Lost;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::prctl::set_timerslack;
use nix::sys::time::TimeSpec;

use super::control::{Answer, Control, Request, State};
use super::end::{End, record_arrival};
use super::settings::Settings;
use super::{PathConfig, Report, Router, Side};

/// Frames taken from one port before the other has its turn.
const ROUND: usize = 256;
/// Nanoseconds that the kernel may let the path oversleep.
const TIMER_SLACK: u64 = 1;
/// Bytes handed to a socket at once.
const WRITE_MAX: usize = 256 * 1024;

/// A path that listens.
#[derive(Debug)]
pub struct Process {
    router: Router,
    ends: [End; 2],
    control: Option<Control>,
    started: Instant,
}

/// What a sleep ended with.
#[derive(Clone, Copy, Debug, Default)]
struct Ready {
    stop: bool,
    control: bool,
    connecting: [bool; 2],
    readable: [bool; 2],
}

impl Process {
    /// Listens on both sockets and opens the captures. Peers may connect from now on.
    pub fn start(config: &PathConfig, captures: [Option<PathBuf>; 2]) -> anyhow::Result<Self> {
        let [a, b] = captures;
        let ends = [End::new(config, Side::A, a)?, End::new(config, Side::B, b)?];
        Ok(Self { router: Router::new(config), ends, control: None, started: Instant::now() })
    }

    /// Records no more than `limit` at each port that records.
    #[must_use]
    pub fn recording_at_most(mut self, limit: CaptureLimit) -> Self {
        for end in &mut self.ends {
            end.capture = end.capture.take().map(|capture| capture.limited(limit));
        }
        self
    }

    /// Listens at `socket` for those who ask about the path or change it.
    pub fn controlled_at(self, socket: &Path) -> anyhow::Result<Self> {
        Ok(Self { control: Some(Control::bind(socket)?), ..self })
    }

    /// Passes frames until `stop` is readable. `report` gets the counters at once, every
    /// `interval` if there is one, and at the end.
    pub fn run(
        mut self,
        stop: BorrowedFd<'_>,
        interval: Option<Duration>,
        mut report: impl FnMut(&Report) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        // By default a sleep may take 50 us longer than asked. Frames a little late are no reason
        // to stop.
        let _ = set_timerslack(TIMER_SLACK);
        let mut report_at = interval.map(|_| Duration::ZERO);
        loop {
            let now = self.started.elapsed();
            if let (Some(at), Some(interval)) = (report_at, interval)
                && at <= now
            {
                report(&self.report(now, false))?;
                report_at = Some(at.max(now.saturating_sub(interval)) + interval);
            }
            self.router.tick(now);
            for side in Side::BOTH {
                self.deliver(side, now);
            }
            let wake = self.router.next(self.open()).into_iter().chain(report_at).min();
            let wake = if self.ends.iter().any(|end| end.unread) { Some(now) } else { wake };
            let ready = self.wait(stop, wake)?;
            if ready.stop {
                break;
            }
            let now = self.started.elapsed();
            if ready.control {
                self.obey(now);
            }
            for side in Side::BOTH {
                if ready.connecting[side.index()] {
                    self.accept(side);
                }
                if ready.readable[side.index()] || self.ends[side.index()].unread {
                    self.receive(side, now);
                }
            }
        }
        report(&self.report(self.started.elapsed(), true))
    }

    /// Answers those who ask and does what they want.
    fn obey(&mut self, now: Duration) {
        let Self { router, ends, control: Some(control), .. } = self else { return };
        control.serve(|line| {
            let changes = match line.parse() {
                Ok(Request::Show) => Vec::new(),
                Ok(Request::Set(changes)) => changes,
                Err(why) => return Answer::Error(why),
            };
            let mut config = router.config().clone();
            if let Err(why) = changes.iter().try_for_each(|change| change.apply(&mut config)) {
                return Answer::Error(why.to_string());
            }
            let settings = Settings::from(&config);
            if let Err(why) = plug(ends, &config) {
                return Answer::Error(format!("the cable stays as it is: {why}"));
            }
            for side in Side::BOTH.into_iter().filter(|side| config.unplugged[side.index()]) {
                router.unplugged(side);
            }
            router.reconfigure(config);
            let connected = ends.each_ref().map(|end| end.peer.is_some());
            let counters = router.report(now, connected, false);
            Answer::State(Box::new(State { settings, counters }))
        });
    }

    fn report(&self, now: Duration, last: bool) -> Report {
        self.router.report(now, self.ends.each_ref().map(|end| end.peer.is_some()), last)
    }

    /// Ports that take frames now.
    fn open(&self) -> [bool; 2] {
        self.ends.each_ref().map(|end| !end.blocked)
    }

    /// Sleeps until `wake` or until a descriptor is ready.
    fn wait(&self, stop: BorrowedFd<'_>, wake: Option<Duration>) -> anyhow::Result<Ready> {
        let input = PollFlags::POLLIN;
        let [a, b] = &self.ends;
        let mut descriptors = vec![
            PollFd::new(stop, input),
            PollFd::new(a.listener.as_fd(), input),
            PollFd::new(b.listener.as_fd(), input),
            PollFd::new(a.watched(), a.interest()),
            PollFd::new(b.watched(), b.interest()),
        ];
        let control = self.control.iter().flat_map(Control::descriptors);
        descriptors.extend(control.map(|descriptor| PollFd::new(descriptor, input)));
        let timeout = wake.map(|at| TimeSpec::from(at.saturating_sub(self.started.elapsed())));
        match ppoll(&mut descriptors, timeout, None) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Ready::default()),
            Err(error) => return Err(error).context("the path cannot wait for its sockets"),
        }
        let mut ready = descriptors.iter().map(|fd| fd.any().unwrap_or(true));
        let mut next = || ready.next().unwrap_or_default();
        Ok(Ready {
            stop: next(),
            connecting: [next(), next()],
            readable: [next(), next()],
            control: ready.any(|ready| ready),
        })
    }

    fn accept(&mut self, side: Side) {
        while let Some(peer) = self.ends[side.index()].listener.accept() {
            if self.ends[side.index()].hung_up() {
                self.lose(side, Lost::Closed);
            }
            let end = &mut self.ends[side.index()];
            let path = end.listener.path().display();
            if !end.listener.is_open() {
                // It connected just before the cable was pulled.
            } else if end.peer.is_some() {
                tracing::warn!("port {side} has a peer already; another one at {path} is refused");
            } else {
                tracing::info!("port {side}: a NIC connected to {path}");
                end.peer = Some(peer);
            }
        }
    }

    /// Takes what arrived at a port.
    fn receive(&mut self, side: Side, now: Duration) {
        let end = &mut self.ends[side.index()];
        let Some(peer) = &end.peer else { return };
        end.unread = true;
        for _ in 0..ROUND {
            match end.reader.peek(peer.as_fd()) {
                Ok(Some(frame)) => {
                    let remark = self.router.ingress(side, frame, now);
                    if let Some(capture) = &mut end.capture {
                        record_arrival(capture, frame, remark);
                    }
                    end.reader.consume();
                }
                Ok(None) => {
                    end.unread = false;
                    return;
                }
                Err(why) => return self.lose(side, why),
            }
        }
    }

    /// Writes what has come out at a port.
    fn deliver(&mut self, side: Side, now: Duration) {
        let end = &mut self.ends[side.index()];
        loop {
            while end.writer.pending() < WRITE_MAX
                && let Some(frame) = self.router.pop(side, now)
            {
                if end.peer.is_none() {
                    self.router.discard(side, frame);
                    continue;
                }
                if let Some(capture) = &mut end.capture {
                    capture.record(Direction::Outbound, &frame);
                }
                end.writer.push(&frame);
                self.router.recycle(frame);
            }
            let Some(peer) = &end.peer else { return };
            if end.writer.pending() == 0 {
                return;
            }
            match end.writer.flush(peer.as_fd()) {
                Ok(Sent::All) => end.blocked = false,
                Ok(Sent::Blocked) => {
                    end.blocked = true;
                    return;
                }
                Err(why) => return self.lose(side, why),
            }
        }
    }

    fn lose(&mut self, side: Side, why: Lost) {
        tracing::warn!("port {side}: {why}");
        self.ends[side.index()].unplug();
        self.router.unplugged(side);
    }
}

/// Pulls the cables that `config` has pulled, and plugs the others in. A NIC whose cable is out
/// loses its peer and finds no other.
fn plug(ends: &mut [End; 2], config: &PathConfig) -> std::io::Result<()> {
    for (end, unplugged) in ends.iter_mut().zip(config.unplugged) {
        end.listener.set_open(!unplugged)?;
        if unplugged {
            end.unplug();
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
