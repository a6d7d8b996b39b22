use super::*;
use crate::bus::{Action, Bus, Device};
use std::sync::{Arc, Mutex};

/// Answers with its number.
struct Number(u8);

impl Device for Number {
    fn read(&mut self, _offset: u64, data: &mut [u8]) {
        data.fill(self.0);
    }

    fn write(&mut self, _offset: u64, _data: &[u8]) -> Action {
        Action::None
    }
}

/// One bus for all; each BAR answers with the number of its function.
#[derive(Default)]
struct Memory(Bus);

impl Windows for Memory {
    fn enter(&mut self, function: usize, _bar: usize, place: Place) -> Result<(), RangeError> {
        self.0.insert(place.1, place.0.size, Arc::new(Mutex::new(Number(function as u8))))
    }

    fn leave(&mut self, _function: usize, _bar: usize, place: Place) {
        assert!(self.0.remove(place.1), "nothing decodes at {:#x}", place.1);
    }
}

impl Memory {
    fn at(&self, address: u64) -> u8 {
        let mut data = [0];
        self.0.read(address, &mut data);
        data[0]
    }
}

const NOBODY: u8 = 0xff;
const BAR: Bar = Bar { kind: BarKind::Memory32, size: 0x1000 };
const RAM: Range<u64> = 0..0x10_0000;

/// A function with its first BAR there.
fn at(address: u64) -> [Option<Place>; BARS] {
    let mut places = [None; BARS];
    places[0] = Some((BAR, address));
    places
}

fn decoder() -> (Decoder, Memory) {
    (Decoder::new(std::iter::once(RAM)), Memory::default())
}

#[test]
fn two_bars_may_change_places() {
    let (mut decoder, mut memory) = decoder();
    assert_eq!(decoder.follow(&[at(0xc000_0000), at(0xc000_1000)], &mut memory), None);
    assert_eq!(decoder.follow(&[at(0xc000_1000), at(0xc000_0000)], &mut memory), None);
    assert_eq!([memory.at(0xc000_0000), memory.at(0xc000_1000)], [1, 0]);
}

#[test]
fn a_bar_that_is_switched_off_leaves() {
    let (mut decoder, mut memory) = decoder();
    assert_eq!(decoder.follow(&[at(0xc000_0000)], &mut memory), None);
    assert_eq!(decoder.follow(&[[None; BARS]], &mut memory), None);
    assert_eq!((memory.at(0xc000_0000), decoder.places().count()), (NOBODY, 0));
}

#[test]
fn a_bar_over_another_waits_until_that_has_left() {
    let (mut decoder, mut memory) = decoder();
    let refused = decoder.follow(&[at(0xc000_0000), at(0xc000_0000)], &mut memory);
    let why = RangeError { base: 0xc000_0000, length: BAR.size };
    assert_eq!(refused, Some(Refusal::Taken { bar: 0, why }));
    assert_eq!(memory.at(0xc000_0000), 0);
    assert_eq!(decoder.follow(&[at(0xd000_0000), at(0xc000_0000)], &mut memory), None);
    assert_eq!(memory.at(0xc000_0000), 1);
}

#[test]
fn a_bar_never_lies_over_ram_but_ports_have_no_ram() {
    let (mut decoder, mut memory) = decoder();
    let address = RAM.end - BAR.size;
    let refused = decoder.follow(&[at(address)], &mut memory);
    assert_eq!(refused, Some(Refusal::OverRam { bar: 0, address }));
    assert_eq!(memory.at(address), NOBODY);
    let ports = Bar { kind: BarKind::Io, size: 16 };
    let mut places = [None; BARS];
    places[3] = Some((ports, 0x400));
    assert_eq!(decoder.follow(&[places], &mut memory), None);
    assert_eq!(memory.at(0x400), 0);
}

#[test]
fn a_bar_at_the_end_of_all_addresses_is_refused_and_none_wraps() {
    let bar = Bar { kind: BarKind::Memory64, size: 0x1000 };
    let (mut decoder, mut memory) = decoder();
    let mut places = [None; BARS];
    places[2] = Some((bar, u64::MAX - 0xfff));
    assert!(decoder.follow(&[places], &mut memory).is_some());
    places[2] = Some((Bar { size: 16, ..bar }, u64::MAX - 0xfff));
    assert_eq!(decoder.follow(&[places], &mut memory), None);
    assert_eq!(decoder.page(0, 2), Some(u64::MAX - 0xfff));
}

#[test]
fn a_page_belongs_to_a_bar_that_starts_it_and_is_alone_in_it() {
    let small = Bar { kind: BarKind::Memory32, size: 0x100 };
    let small_at = |address| [Some((small, address)), None, None, None, None, None];
    let (mut decoder, mut memory) = decoder();
    assert_eq!(decoder.follow(&[small_at(0xc000_0000), small_at(0xc000_1000)], &mut memory), None);
    assert_eq!([decoder.page(0, 0), decoder.page(1, 0)], [Some(0xc000_0000), Some(0xc000_1000)]);
    assert_eq!([decoder.page(0, 1), decoder.page(2, 0), decoder.page(0, BARS)], [None; 3]);
    assert_eq!(decoder.follow(&[small_at(0xc000_1100), small_at(0xc000_1000)], &mut memory), None);
    assert_eq!([decoder.page(0, 0), decoder.page(1, 0)], [None, None]);
}
