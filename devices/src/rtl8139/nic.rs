//! The NIC between its rings and a backend.

use super::control::{CPCR_RECEIVE, CPCR_TRANSMIT, CR_RECEIVE, CR_TRANSMIT};
use super::filter::{Filter, Match};
use super::receive::{Delivery, LEAST_FRAME, Wanted};
use super::registers::Reg;
use super::transmit::Wire;
use super::{Overrun, Rtl8139, isr, phy, ring, slots};
use crate::net::{Backend, Loop, Metadata, Nic, Receipt, Transmit};

/// CPCR bit 5: look at checksums of incoming frames.
const CPCR_CHECK: u32 = 1 << 5;
/// CPCR bit 6: take tags out of incoming frames.
const CPCR_STRIP: u32 = 1 << 6;
/// TCR bits 18:17, both set: frames come back instead of going out.
const TCR_LOOPBACK: u32 = 3 << 17;
/// RCR bit 4, AR: runts, too.
const RCR_RUNTS: u32 = 1 << 4;
/// RCR bit 5, AER: frames with errors, too.
const RCR_ERRORS: u32 = 1 << 5;
/// The longest frame in C mode that is no error: 4096 bytes with its FCS.
const LONGEST: usize = 4092;
/// Nanoseconds after which a full C+ ring is looked at again: a driver that polls returns its
/// descriptors without writing a register.
const LOOK_AGAIN: u64 = 2_000_000;
/// With ROVW masked, QEMU's model waits for this much room in the C mode ring.
const ROOM: usize = 1514;
const ZEROS: [u8; LEAST_FRAME] = [0; LEAST_FRAME];

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The guest has it.
    Taken,
    /// Nobody gets it.
    Lost,
    /// There is no room for it now.
    NoRoom,
}

impl Rtl8139 {
    /// Whether frames come back instead of going out.
    pub(super) fn loopback(&self) -> bool {
        self.has(Reg::Tcr, TCR_LOOPBACK)
    }

    /// Takes a frame that never left the chip.
    pub(super) fn receive_looped(&mut self, frame: &[u8]) {
        let quirks = self.config.quirks;
        if quirks.loopback_by_wire {
            if phy::link(&self.registers) && !self.blocked && !self.waits() {
                let padding =
                    if quirks.loopback_pads { &ZEROS[frame.len().min(LEAST_FRAME)..] } else { &[] };
                let outcome = self.take(&[frame, padding].concat(), false);
                self.blocked = outcome == Outcome::NoRoom;
            }
        } else if self.take(frame, true) == Outcome::NoRoom {
            self.missed();
        }
    }

    /// Whether QEMU's model leaves frames on the wire for now.
    fn waits(&self) -> bool {
        let cplus = self.has(Reg::Cpcr, CPCR_RECEIVE) && self.receive_ring() != 0;
        self.config.quirks.waits_for_capr
            && self.receiving()
            && !cplus
            && !self.has(Reg::Imr, isr::NO_ROOM)
            && self.ring.free() < ROOM
    }

    fn receiving(&self) -> bool {
        self.has(Reg::Cr, CR_RECEIVE) && self.has(Reg::HltClk, 1)
    }

    fn receive_ring(&self) -> u64 {
        self.registers.get_pair(Reg::Rdsar0, Reg::Rdsar4)
    }

    /// A frame is lost for want of room.
    fn missed(&mut self) -> Outcome {
        self.count_missed();
        self.tally.count_missed();
        self.raise(isr::NO_ROOM);
        Outcome::Lost
    }

    fn count_missed(&mut self) {
        let mask = if self.config.quirks.wide_mpc { u32::MAX } else { 0x00ff_ffff };
        let missed = self.registers.get(Reg::Mpc).wrapping_add(1) & mask;
        self.registers.set(Reg::Mpc, missed);
    }

    /// A frame is lost since there is something wrong with it.
    fn refuse(&mut self) -> Outcome {
        self.tally.count_error();
        self.raise(isr::RECEIVE_ERROR);
        Outcome::Lost
    }

    fn no_room(&mut self) -> Outcome {
        if self.config.overrun == Overrun::Drop {
            return self.missed();
        }
        self.raise(isr::NO_ROOM);
        Outcome::NoRoom
    }

    /// Takes a frame off the wire, or, if it was `looped`, as it left the transmitter.
    fn take(&mut self, frame: &[u8], looped: bool) -> Outcome {
        if !self.receiving() {
            return Outcome::Lost;
        }
        // What a stump lacks is padding.
        let mut destination = [0; 6];
        destination.iter_mut().zip(frame).for_each(|(byte, value)| *byte = *value);
        let filter = Filter {
            rcr: self.registers.get(Reg::Rcr),
            mac: self.mac(),
            hash: self.registers.get_pair(Reg::Mar0, Reg::Mar4),
        };
        let quirks = self.config.quirks;
        let hidden = quirks.promiscuous_hides_match && filter.is_promiscuous();
        let to = if hidden { Match::Other } else { filter.classify(destination) };
        if !filter.takes(destination, to) {
            if quirks.partial_tally {
                self.tally.count_error();
            }
            return Outcome::Lost;
        }
        if quirks.partial_tally {
            self.tally.count_kind(to);
        }
        let cplus = self.has(Reg::Cpcr, CPCR_RECEIVE);
        let outcome =
            if cplus { self.take_cplus(frame, to) } else { self.take_c(frame, to, looped) };
        if outcome == Outcome::Taken {
            self.arrived += 1;
            if cplus || !quirks.partial_tally {
                self.tally.count_received();
            }
            if !quirks.partial_tally {
                self.tally.count_kind(to);
            }
        }
        outcome
    }

    /// Puts a frame into the C+ ring.
    fn take_cplus(&mut self, frame: &[u8], to: Match) -> Outcome {
        let (quirks, ring) = (self.config.quirks, self.receive_ring());
        // Linux enables the receiver before it tells where the ring is.
        if ring == 0 {
            return Outcome::Lost;
        }
        let wanted = Wanted {
            strip_tags: self.has(Reg::Cpcr, CPCR_STRIP),
            check: self.has(Reg::Cpcr, CPCR_CHECK) && !quirks.ignores_receive_checksums,
            quirks,
        };
        match self.receiver.deliver(&self.memory, ring, frame, wanted, to) {
            Ok(Delivery::Done) => Outcome::Taken,
            Ok(Delivery::NoDescriptor) if quirks.waits_for_capr => self.missed(),
            Ok(Delivery::NoDescriptor) => self.no_room(),
            Ok(Delivery::TooLong) if quirks.one_receive_descriptor => self.missed(),
            Ok(Delivery::TooLong) => self.refuse(),
            Err(_) => {
                self.fault("the receive ring or a buffer in it");
                Outcome::Lost
            }
        }
    }

    /// Puts a frame into the C mode ring.
    fn take_c(&mut self, frame: &[u8], to: Match, looped: bool) -> Outcome {
        let quirks = self.config.quirks;
        let padding = if looped { &[] } else { &ZEROS[frame.len().min(LEAST_FRAME)..] };
        let length = frame.len() + padding.len();
        let needed = ring::needed(length);
        let mut bits = ring::GOOD | ring::address_bit(to);
        if !quirks.takes_any_length {
            if length < LEAST_FRAME {
                bits |= ring::RUNT;
            }
            if length > LONGEST {
                bits |= ring::LONG;
            }
            let runt = bits & ring::RUNT != 0 && !self.has(Reg::Rcr, RCR_RUNTS);
            let long = bits & ring::LONG != 0 && !self.has(Reg::Rcr, RCR_ERRORS);
            if runt || long || needed >= self.ring.size() as usize {
                return self.refuse();
            }
        }
        let room = needed < self.ring.free() || quirks.takes_any_length && self.ring.is_empty();
        if !room && quirks.waits_for_capr {
            self.count_missed();
            self.raise(isr::NO_ROOM);
            return Outcome::NoRoom;
        }
        if !room {
            return self.no_room();
        }
        let forgiven = quirks.ignores_faults;
        let (memory, registers) = (&self.memory, &mut self.registers);
        if self.ring.deliver(memory, registers, frame, padding, bits, forgiven).is_err() {
            self.fault("the receive ring");
            return Outcome::Lost;
        }
        Outcome::Taken
    }

    /// Lets the rings have their turns: C mode, then high priority, then normal.
    fn rounds(&mut self, mut backend: Option<&mut dyn Backend>) -> Transmit {
        if !self.has(Reg::Cr, CR_TRANSMIT) {
            self.transmitter.pending = false;
            self.high.pending = false;
            return Transmit::Idle;
        }
        if self.cplus {
            self.slots.pending = 0;
        }
        if self.slots.pending > 0 {
            let backend = reborrow(&mut backend);
            let round =
                self.slots.round(&self.memory, &mut self.registers, backend, &self.config.quirks);
            self.settle_slots(round);
            if round.blocked {
                return Transmit::Blocked;
            }
        }
        if !self.has(Reg::Cpcr, CPCR_TRANSMIT) {
            self.transmitter.pending = false;
            self.high.pending = false;
            return Transmit::Idle;
        }
        if self.high.pending {
            let end = self.round(true, reborrow(&mut backend));
            if end != Transmit::Idle {
                return end;
            }
        }
        if self.transmitter.pending { self.round(false, backend) } else { Transmit::Idle }
    }

    fn round(&mut self, high: bool, backend: Option<&mut dyn Backend>) -> Transmit {
        let (transmitter, low_half, high_half) = if high {
            (&mut self.high, Reg::Tsad2, Reg::Tsad3)
        } else {
            (&mut self.transmitter, Reg::Tsad0, Reg::Tsad1)
        };
        let ring = self.registers.get_pair(low_half, high_half);
        let wire = Wire { backend, rules: self.config.rules() };
        let round = transmitter.round(&self.memory, ring, wire);
        self.tally.count_sent(round.frames);
        if round.dry && !self.config.quirks.never_tells_dry {
            self.dry = true;
        }
        if round.completed {
            self.completed(u32::try_from(round.frames).unwrap_or(u32::MAX).max(1));
        }
        self.tell_dry();
        if round.fault {
            self.fault("the transmit ring or a buffer in it");
        }
        round.end
    }

    fn settle_slots(&mut self, round: slots::Round) {
        if round.sent > 0 {
            self.tally.count_sent(u64::from(round.sent));
            self.completed(round.sent);
        }
        if round.aborted > 0 {
            self.tally.count_aborted(round.aborted);
            self.raise(isr::TRANSMIT_ERROR);
        }
        if round.fault {
            self.fault("a C mode transmit buffer");
        }
    }
}

/// The backend for one call more.
fn reborrow<'a>(backend: &'a mut Option<&mut dyn Backend>) -> Option<&'a mut dyn Backend> {
    match backend {
        Some(backend) => Some(&mut **backend),
        None => None,
    }
}

impl Nic for Rtl8139 {
    fn transmit(&mut self, backend: &mut dyn Backend) -> Transmit {
        if self.is_asleep() {
            return Transmit::Idle;
        }
        let link = phy::link(&self.registers);
        if self.config.quirks.staged_transmit {
            return self.transmit_staged(link.then_some(backend));
        }
        if !self.loopback() {
            return self.rounds(link.then_some(backend));
        }
        // A wire that is blocked ends the round with each batch, so what comes back never piles up.
        let mut wire = Loop { blocked: true, ..Loop::default() };
        let end = self.rounds(Some(&mut wire));
        for (frame, _) in wire.sent {
            self.receive_looped(&frame);
        }
        if end == Transmit::Blocked { Transmit::More } else { end }
    }

    fn look(&mut self) -> bool {
        let sends = self.has(Reg::Cr, CR_TRANSMIT) && self.has(Reg::Cpcr, CPCR_TRANSMIT);
        let sends = sends && !self.is_asleep() && !self.config.quirks.staged_transmit;
        let ring = self.registers.get_pair(Reg::Tsad0, Reg::Tsad1);
        let more = sends && self.transmitter.has_more(&self.memory, ring);
        self.transmitter.pending |= more;
        more
    }

    fn receive(&mut self, frame: &[u8], metadata: Metadata) -> Receipt {
        let finished = metadata.gso.is_none() && metadata.partial_checksum.is_none();
        if self.is_asleep() || !finished {
            self.starved = false;
            self.look_for_wake_up(frame);
            return Receipt::Done;
        }
        let pushed = std::mem::take(&mut self.pushed);
        self.held |= !pushed && self.waits();
        self.starved = self.held || self.blocked;
        self.look_again = None;
        if !self.starved && phy::link(&self.registers) && self.take(frame, false) == Outcome::NoRoom
        {
            self.starved = true;
            self.blocked = self.config.quirks.waits_for_capr;
            let cplus = self.has(Reg::Cpcr, CPCR_RECEIVE);
            self.look_again = cplus.then(|| self.timer.now().saturating_add(LOOK_AGAIN));
        }
        if self.starved { Receipt::NoRoom } else { Receipt::Done }
    }

    fn flush(&mut self) {
        let frames = std::mem::take(&mut self.arrived);
        if frames > 0 {
            self.received(frames);
        }
    }

    fn set_link(&mut self, up: bool) {
        if self.phy.plug(&mut self.registers, up) {
            self.raise(isr::LINK_CHANGED);
        }
    }
}
