use super::*;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 2];
const GROUP: [u8; 6] = [1, 0, 0x5e, 0, 0, 1];
const ALL: [u8; 6] = [0xff; 6];

fn closed() -> Filter {
    let mut filter = Filter::open(MAC);
    filter.set(Mode::Promiscuous, false);
    filter
}

fn frame(to: [u8; 6], rest: &[u8]) -> Vec<u8> {
    [&to[..], &OTHER, rest].concat()
}

/// Whether frames to us, to another station, to a group and to all pass.
fn passing(filter: &Filter) -> [bool; 4] {
    [MAC, OTHER, GROUP, ALL].map(|to| filter.takes(&frame(to, &[8, 0, 0x45])))
}

#[test]
fn until_a_driver_says_what_it_wants_everything_passes() {
    assert_eq!(passing(&Filter::open(MAC)), [true; 4]);
}

#[test]
fn a_driver_that_wants_nothing_special_gets_its_own_and_broadcasts() {
    assert_eq!(passing(&closed()), [true, false, false, true]);
}

#[test]
fn each_mode_opens_or_closes_its_own_kind() {
    let cases = [
        (Mode::Promiscuous, [true; 4]),
        (Mode::AllMulticast, [true, false, true, true]),
        (Mode::AllUnicast, [true, true, false, true]),
        (Mode::NoMulticast, [true, false, false, true]),
        (Mode::NoUnicast, [false, false, false, true]),
        (Mode::NoBroadcast, [true, false, false, false]),
    ];
    for (mode, expected) in cases {
        let mut filter = closed();
        filter.set(mode, true);
        assert_eq!(passing(&filter), expected, "{mode:?}");
        filter.set(mode, false);
        assert_eq!(passing(&filter), passing(&closed()), "{mode:?} off");
    }
}

#[test]
fn addresses_of_the_tables_pass() {
    let mut filter = closed();
    filter.unicast = Table::new(1, &OTHER);
    assert_eq!(passing(&filter), [true, true, false, true]);
    filter.multicast = Table::new(1, &GROUP);
    assert_eq!(passing(&filter), [true; 4]);
}

#[test]
fn a_table_with_more_addresses_than_it_holds_lets_its_kind_in() {
    let mut filter = closed();
    filter.multicast = Table::new(MAX_ADDRESSES + 1, &[]);
    assert_eq!(passing(&filter), [true, false, true, true]);
}

#[test]
fn of_tagged_frames_those_of_named_vlans_pass() {
    let tagged = |tag: u16| {
        let [high, low] = tag.to_be_bytes();
        frame(MAC, &[0x81, 0, high, low, 8, 0])
    };
    let mut filter = closed();
    assert!(filter.takes(&tagged(5)), "no filter");
    assert!(!filter.set_vlan(5, true));
    filter.close_vlans();
    assert!(filter.set_vlan(5, true));
    // The priority beside the VLAN does not matter, and one without a VLAN has none.
    let passing = [5, 0xe005, 0xe000, 6, 4095].map(|tag| filter.takes(&tagged(tag)));
    assert_eq!(passing, [true, true, true, false, false]);
    assert!(filter.takes(&frame(MAC, &[8, 0])), "no tag");
    assert!(filter.takes(&frame(MAC, &[0x81, 0, 0])), "half a tag");
    assert!(filter.set_vlan(5, false));
    assert!(!filter.takes(&tagged(5)));
    assert!(!filter.set_vlan(4096, true));
    filter.set(Mode::Promiscuous, true);
    assert!(filter.takes(&tagged(6)));
}
