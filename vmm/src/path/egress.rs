//! The way out of the router: to whom, past which chances, onto the line.

use std::net::IpAddr;
use std::time::Duration;

use super::link::Full;
use super::neighbour::Resolution;
use super::router::Router;
use super::wire::{self, ETHERNET, Mac};
use super::{Remark, Side};

impl Router {
    /// Sends a packet on to `ip` behind port `to`, once that neighbour's address is known.
    pub(super) fn forward(&mut self, to: Side, ip: IpAddr, frame: Vec<u8>, now: Duration) {
        match self.port_mut(to).neighbours.resolve(ip, frame, now) {
            Resolution::Known(mac, frame) => self.transmit(to, mac, frame, now),
            Resolution::Ask => {
                self.note(Remark::Waiting);
                self.ask(to, ip, now);
            }
            Resolution::Waiting => self.note(Remark::Waiting),
            Resolution::NoRoom(frame) => {
                self.count(to.other()).unresolved_dropped += 1;
                self.note(Remark::Unresolved);
                self.recycle(frame);
            }
        }
    }

    /// Notes a neighbour and sends what waited for it.
    pub(super) fn learn(&mut self, side: Side, ip: IpAddr, mac: Mac, now: Duration) {
        if wire::is_group(mac) || !self.port(side).covers(ip) || self.own(ip).is_some() {
            return;
        }
        for frame in self.port_mut(side).neighbours.learn(ip, mac) {
            self.transmit(side, mac, frame, now);
        }
    }

    pub(super) fn ask(&mut self, side: Side, ip: IpAddr, now: Duration) {
        match ip {
            IpAddr::V4(ip) => self.ask4(side, ip, now),
            IpAddr::V6(ip) => self.ask6(side, ip, now),
        }
    }

    /// Puts a forwarded packet onto the line.
    fn transmit(&mut self, to: Side, mac: Mac, mut frame: Vec<u8>, now: Duration) {
        let from = to.other();
        let Some(detour) = self.chances[to.index()].next(&self.config) else {
            self.count(from).loss_dropped += 1;
            self.note(Remark::Lost);
            self.recycle(frame);
            return;
        };
        let own = self.port(to).mac;
        wire::address(&mut frame, mac, own);
        let length = frame.len();
        match self.port_mut(to).link.push(frame, length - ETHERNET, now, detour) {
            Ok(()) => {
                let counters = self.count(from);
                counters.forwarded_frames += 1;
                counters.forwarded_bytes += length as u64;
            }
            Err((full, frame)) => {
                let counters = self.count(from);
                let (counter, remark) = match full {
                    Full::Queue => (&mut counters.queue_dropped, Remark::QueueFull),
                    Full::Memory => (&mut counters.backlog_dropped, Remark::BacklogFull),
                };
                *counter += 1;
                self.note(remark);
                self.recycle(frame);
            }
        }
    }

    /// Lets a frame of the router's own come out at `at`, past the queue.
    pub(super) fn answer(&mut self, to: Side, frame: Vec<u8>, at: Duration) {
        if let Err((_, frame)) = self.port_mut(to).link.push_at(frame, at) {
            self.count(to.other()).backlog_dropped += 1;
            self.recycle(frame);
        }
    }
}
