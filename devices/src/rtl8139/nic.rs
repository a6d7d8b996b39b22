//! The NIC between its rings and a backend.

use super::control::{CR_RECEIVE, CR_TRANSMIT};
use super::receive::{Delivery, Wanted};
use super::registers::Reg;
use super::transmit::Wire;
use super::{Overrun, Rtl8139, filter, isr, phy};
use crate::net::{Backend, Loop, Metadata, Nic, Receipt, Transmit};

/// CPCR bit 0: the transmit ring is in C+ mode.
const CPCR_TRANSMIT: u32 = 1 << 0;
/// CPCR bit 1: the receive ring is in C+ mode.
const CPCR_RECEIVE: u32 = 1 << 1;
/// CPCR bit 5: look at checksums of incoming frames.
const CPCR_CHECK: u32 = 1 << 5;
/// CPCR bit 6: take tags out of incoming frames.
const CPCR_STRIP: u32 = 1 << 6;
/// TCR bits 18:17, both set: frames come back instead of going out.
const TCR_LOOPBACK: u32 = 3 << 17;

impl Rtl8139 {
    fn loopback(&self) -> bool {
        self.has(Reg::Tcr, TCR_LOOPBACK)
    }

    fn missed(&mut self) -> Receipt {
        let missed = self.registers.get(Reg::Mpc).wrapping_add(1);
        self.registers.set(Reg::Mpc, missed);
        self.tally.count_missed();
        self.raise(isr::NO_DESCRIPTOR);
        Receipt::Done
    }

    fn no_descriptor(&mut self) -> Receipt {
        if self.config.overrun == Overrun::Drop {
            return self.missed();
        }
        self.starved = true;
        self.raise(isr::NO_DESCRIPTOR);
        Receipt::NoRoom
    }

    fn transmit_round(&mut self, backend: Option<&mut dyn Backend>) -> Transmit {
        let ring = self.registers.get_pair(Reg::Tsad0, Reg::Tsad1);
        let wire = Wire { backend, tso: self.config.tso };
        let round = self.transmitter.round(&self.memory, ring, wire);
        self.tally.sent = self.tally.sent.wrapping_add(round.frames);
        if round.completed {
            self.raise(isr::SENT);
        }
        if round.fault {
            self.fault("the transmit ring or a buffer in it");
        }
        round.end
    }
}

impl Nic for Rtl8139 {
    fn transmit(&mut self, backend: &mut dyn Backend) -> Transmit {
        let enabled = self.has(Reg::Cr, CR_TRANSMIT) && self.has(Reg::Cpcr, CPCR_TRANSMIT);
        if !enabled || !self.transmitter.pending {
            self.transmitter.pending = false;
            return Transmit::Idle;
        }
        if !self.loopback() {
            let link = self.link;
            return self.transmit_round(link.then_some(backend));
        }
        let mut wire = Loop::default();
        let end = self.transmit_round(Some(&mut wire));
        for (frame, metadata) in wire.sent {
            if self.receive(&frame, metadata) == Receipt::NoRoom {
                let _ = self.missed();
            }
        }
        end
    }

    fn receive(&mut self, frame: &[u8], metadata: Metadata) -> Receipt {
        self.starved = false;
        let running = self.has(Reg::Cr, CR_RECEIVE) && self.has(Reg::HltClk, 1);
        let finished = metadata.gso.is_none() && metadata.partial_checksum.is_none();
        let (true, true, Some(destination)) = (running, finished, frame.first_chunk()) else {
            return Receipt::Done;
        };
        let hash = self.registers.get_pair(Reg::Mar0, Reg::Mar4);
        let rcr = self.registers.get(Reg::Rcr);
        let Some(reason) = filter::classify(*destination, rcr, self.mac(), hash) else {
            self.tally.count_refused();
            return Receipt::Done;
        };
        let ring = self.registers.get_pair(Reg::Rdsar0, Reg::Rdsar4);
        // Linux enables the receiver before it tells where the ring is.
        if !self.has(Reg::Cpcr, CPCR_RECEIVE) || ring == 0 {
            return Receipt::Done;
        }
        let wanted = Wanted {
            strip_tags: self.has(Reg::Cpcr, CPCR_STRIP),
            check: self.has(Reg::Cpcr, CPCR_CHECK),
        };
        match self.receiver.deliver(&self.memory, ring, frame, wanted, reason) {
            Ok(Delivery::Done) => {
                self.tally.count_received(reason);
                self.arrived = true;
                Receipt::Done
            }
            Ok(Delivery::NoDescriptor) => self.no_descriptor(),
            Ok(Delivery::TooLong) => self.missed(),
            Err(_) => {
                self.fault("the receive ring or a buffer in it");
                Receipt::Done
            }
        }
    }

    fn flush(&mut self) {
        if std::mem::take(&mut self.arrived) {
            self.raise(isr::RECEIVED);
        }
    }

    fn set_link(&mut self, up: bool) {
        if up != self.link {
            self.link = up;
            phy::show_link(&mut self.registers, up);
            self.raise(isr::LINK_CHANGED);
        }
    }
}
