//! Where BARs decode: how a bus follows what a guest writes into them.
//!
//! 1. A configuration space says where its BARs are to decode
//!    ([`Configuration::decoded`](super::config::Configuration::decoded)): anywhere, for all it cares.
//! 2. [`Decoder::follow`] compares that with where they do. First every BAR that moved or was switched
//!    off leaves, so that two may change places; then those enter that are nowhere, in order.
//! 3. One that would lie over RAM is refused here, one that would lie over anything else by the bus. It
//!    decodes nowhere then, and is tried again whenever BARs are followed.
//!
//! What entering and leaving takes is up to whoever has the buses: [`Windows`].

use std::ops::Range;

use super::config::{BARS, Bar, BarKind};
use crate::bus::RangeError;

/// Bytes of a page.
const PAGE: u64 = 4096;

/// A BAR, and the address that it is to decode or does.
pub type Place = (Bar, u64);

/// The buses on which BARs decode.
pub trait Windows {
    /// Has BAR `bar` of function number `function` decode at `place`, if that is free.
    fn enter(&mut self, function: usize, bar: usize, place: Place) -> Result<(), RangeError>;

    /// Takes it away from there.
    fn leave(&mut self, function: usize, bar: usize, place: Place);
}

/// Why a BAR decodes nowhere.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It would lie over RAM
    #[error("BAR {bar} is not decoded: {address:#x} lies over RAM")]
    OverRam {
        /// Which of the function's BARs.
        bar: usize,
        /// What it holds.
        address: u64,
    },
    /// It would lie over something else
    #[error("BAR {bar} is not decoded: {why}")]
    Taken {
        /// Which of the function's BARs.
        bar: usize,
        /// What the bus said.
        why: RangeError,
    },
}

/// The BARs of all functions, and where each of them decodes.
#[derive(Debug, Default)]
pub struct Decoder {
    ram: Vec<Range<u64>>,
    places: Vec<[Option<Place>; BARS]>,
}

impl Decoder {
    /// No functions, beside RAM at `ram`.
    pub fn new(ram: impl IntoIterator<Item = Range<u64>>) -> Self {
        Self { ram: ram.into_iter().collect(), places: Vec::new() }
    }

    /// Brings `windows` in line with where each function's BARs are to decode: `wanted` has those of
    /// all functions, in the same order each time. Answers the first refusal.
    pub fn follow(
        &mut self,
        wanted: &[[Option<Place>; BARS]],
        windows: &mut impl Windows,
    ) -> Option<Refusal> {
        self.places.resize(wanted.len(), [None; BARS]);
        for (function, (places, wanted)) in self.places.iter_mut().zip(wanted).enumerate() {
            for (bar, (place, wanted)) in places.iter_mut().zip(wanted).enumerate() {
                if place != wanted
                    && let Some(place) = place.take()
                {
                    windows.leave(function, bar, place);
                }
            }
        }
        let mut refused = None;
        for (function, (places, wanted)) in self.places.iter_mut().zip(wanted).enumerate() {
            for (bar, (place, wanted)) in places.iter_mut().zip(wanted).enumerate() {
                let Some(wanted) = wanted.filter(|_| place.is_none()) else { continue };
                let entered = if over_ram(&self.ram, wanted) {
                    Err(Refusal::OverRam { bar, address: wanted.1 })
                } else {
                    let entered = windows.enter(function, bar, wanted);
                    entered.map_err(|why| Refusal::Taken { bar, why })
                };
                match entered {
                    Ok(()) => *place = Some(wanted),
                    Err(refusal) => refused = refused.or(Some(refusal)),
                }
            }
        }
        refused
    }

    /// Every BAR that decodes.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.places.iter().flatten().flatten().copied()
    }

    /// The address of a memory BAR that starts a page and has it to itself, as one needs that is read
    /// through a page.
    pub fn page(&self, function: usize, bar: usize) -> Option<u64> {
        let (_, page) = self.places.get(function)?.get(bar).copied()?.filter(is_memory)?;
        let end = page.saturating_add(PAGE);
        let shares = |(bar, start): &Place| *start < end && page < start.saturating_add(bar.size);
        let sharing = self.places().filter(is_memory).filter(shares).count();
        (page.is_multiple_of(PAGE) && sharing == 1).then_some(page)
    }
}

fn is_memory(place: &Place) -> bool {
    place.0.kind != BarKind::Io
}

fn over_ram(ram: &[Range<u64>], place: Place) -> bool {
    let (bar, address) = place;
    let lies_over =
        |ram: &Range<u64>| address < ram.end && ram.start < address.saturating_add(bar.size);
    is_memory(&place) && ram.iter().any(lies_over)
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
