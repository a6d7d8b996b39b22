use super::*;
use crate::net::{Gso, GsoKind, Metadata, Offloads, Receipt};
use crate::pci::Function;
use crate::virtio::net::{Config, VirtioNet};
use crate::virtio::testing::*;

const VERSION_1: u64 = 1 << 32;
const MTU: u64 = 1 << 3;
/// Index of the control queue.
const CONTROL: u16 = 2;
const STATUS: u64 = 1 << 16;
const SPEED_DUPLEX: u64 = 1 << 63;
const OWN: [u8; 6] = [2, 0, 0, 0, 0, 1];
const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 2];
const GROUP: [u8; 6] = [1, 0, 0x5e, 0, 0, 1];
/// The answer before there is one.
const NONE: u8 = 0x55;
const OK: u8 = 0;
const ERR: u8 = 1;

/// A driver and its three rings.
struct Bench {
    driver: Driver<VirtioNet>,
    receive: Ring,
    control: Ring,
}

impl Bench {
    /// A driver that accepted everything but for `without`.
    fn without(config: Config, without: u64) -> Self {
        let mut driver = Driver::new(VirtioNet::new(config));
        let features = driver.offered() & !without;
        assert_eq!(driver.negotiate(features) & FEATURES_OK, FEATURES_OK);
        let (receive, _) = (driver.enable(0, 64), driver.enable(1, 64));
        let control = driver.enable(CONTROL, 64);
        driver.driver_ok();
        Self { driver, receive, control }
    }

    fn new() -> Self {
        Self::without(config(), 0)
    }

    /// Gives a command as Linux does, in three buffers, and returns the answer.
    fn command(&mut self, class: u8, number: u8, data: &[u8]) -> u8 {
        let bytes = [&[class, number][..], data].concat();
        self.command_in(&bytes, &[2, data.len() as u32])
    }

    /// Gives `bytes` as a command, in buffers of these lengths, and returns the answer.
    fn command_in(&mut self, bytes: &[u8], lengths: &[u32]) -> u8 {
        let answer = BUFFERS + 0x8000;
        self.driver.put(BUFFERS, bytes);
        self.driver.put(answer, &[NONE]);
        let mut at = BUFFERS;
        let head = 4 * (self.control.used_index() % 8);
        let mut index = head;
        for length in lengths {
            self.control.descriptor(index, at, *length, NEXT, index + 1);
            at += u64::from(*length);
            index += 1;
        }
        self.control.descriptor(index, answer, 1, WRITE, 0);
        self.control.publish(head);
        self.driver.function.ring(CONTROL.into());
        assert_eq!(self.control.take_used(), [(head.into(), 1)]);
        self.driver.bytes(answer, 1)[0]
    }

    /// Whether a frame reaches the driver.
    fn receives(&mut self, frame: &[u8], metadata: Metadata) -> bool {
        self.receive.offer(&[(BUFFERS + 0x1_0000, 0x1_0000)], WRITE);
        let receipt = self.driver.nic().receive(frame, metadata);
        assert_eq!(receipt, Receipt::Done);
        !self.receive.take_used().is_empty()
    }

    fn receives_from(&mut self, to: [u8; 6], ethertype: &[u8]) -> bool {
        let frame = [&to[..], &OTHER, ethertype, &[0; 46]].concat();
        self.receives(&frame, Metadata::default())
    }
}

fn config() -> Config {
    let delivers = Offloads { checksum: true, tso4: true, tso6: true };
    Config { delivers, mtu: Some(9000), speed: Some(10_000), ..Config::new(OWN) }
}

const IP: [u8; 2] = [8, 0];

#[test]
fn promiscuous_mode_is_on_until_the_driver_switches_it_off() {
    let mut bench = Bench::new();
    assert!(bench.receives_from(OTHER, &IP));
    assert_eq!(bench.command(RX, 0, &[0]), OK);
    assert!(!bench.receives_from(OTHER, &IP));
    assert_eq!(bench.driver.function.device().counters().filtered, 1);
    assert_eq!(bench.command(RX, 0, &[1]), OK);
    assert!(bench.receives_from(OTHER, &IP));
}

#[test]
fn every_mode_is_switched_by_its_number() {
    let mut bench = Bench::new();
    assert_eq!(bench.command(RX, 0, &[0]), OK);
    assert_eq!(bench.command(RX, 1, &[1]), OK);
    assert!(bench.receives_from(GROUP, &IP));
    assert_eq!(bench.command(RX, 3, &[1]), OK);
    assert!(!bench.receives_from(GROUP, &IP));
    assert_eq!(bench.command(RX, 2, &[1]), OK);
    assert!(bench.receives_from(OTHER, &IP));
    assert_eq!(bench.command(RX, 4, &[1]), OK);
    assert!(!bench.receives_from(OWN, &IP));
    assert_eq!(bench.command(RX, 5, &[1]), OK);
    assert!(!bench.receives_from([0xff; 6], &IP));
    assert_eq!(bench.command(RX, 6, &[1]), ERR);
}

#[test]
fn tables_of_addresses_let_in_what_they_name_and_replace_each_other() {
    let mut bench = Bench::new();
    bench.command(RX, 0, &[0]);
    let both = [&1u32.to_le_bytes()[..], &OTHER, &1u32.to_le_bytes(), &GROUP].concat();
    assert_eq!(bench.command(MAC, 0, &both), OK);
    assert!(bench.receives_from(OTHER, &IP));
    assert!(bench.receives_from(GROUP, &IP));
    assert_eq!(bench.command(MAC, 0, &[0; 8]), OK);
    assert!(!bench.receives_from(OTHER, &IP));
    assert!(!bench.receives_from(GROUP, &IP));
    let many = [&0u32.to_le_bytes()[..], &1000u32.to_le_bytes(), &[1; 6000]].concat();
    assert_eq!(bench.command(MAC, 0, &many), OK);
    assert!(bench.receives_from(GROUP, &IP));
}

#[test]
fn tables_that_lie_about_their_length_are_refused() {
    let mut bench = Bench::new();
    let long = [&u32::MAX.to_le_bytes()[..], &[0; 20]].concat();
    for bad in [&long[..], &[0; 7], &[0; 9], &[1, 0, 0, 0, 2, 0, 0, 0, 0, 0], &[]] {
        assert_eq!(bench.command(MAC, 0, bad), ERR, "{bad:?}");
    }
}

#[test]
fn a_new_address_is_the_one_that_passes_and_the_one_that_is_read() {
    let mut bench = Bench::new();
    bench.command(RX, 0, &[0]);
    assert_eq!(bench.command(MAC, 1, &OTHER), OK);
    assert!(bench.receives_from(OTHER, &IP));
    assert!(!bench.receives_from(OWN, &IP));
    assert_eq!(bench.driver.read(register::DEVICE, 6).to_le_bytes()[..6], OTHER);
    assert_eq!(bench.command(MAC, 1, &GROUP), ERR);
    assert_eq!(bench.command(MAC, 1, &OTHER[..5]), ERR);
    // A reset brings the first one back.
    bench.driver.write(register::STATUS, 1, 0);
    assert_eq!(bench.driver.read(register::DEVICE, 6).to_le_bytes()[..6], OWN);
}

#[test]
fn vlans_pass_once_they_are_added_and_until_they_are_deleted() {
    let mut bench = Bench::new();
    bench.command(RX, 0, &[0]);
    let tagged = [0x81, 0, 0, 5, 8, 0];
    assert!(!bench.receives_from(OWN, &tagged));
    assert_eq!(bench.command(VLAN, VLAN_ADD, &5u16.to_le_bytes()), OK);
    assert!(bench.receives_from(OWN, &tagged));
    assert_eq!(bench.command(VLAN, VLAN_DEL, &5u16.to_le_bytes()), OK);
    assert!(!bench.receives_from(OWN, &tagged));
    assert_eq!(bench.command(VLAN, VLAN_ADD, &4096u16.to_le_bytes()), ERR);
    assert_eq!(bench.command(VLAN, 2, &5u16.to_le_bytes()), ERR);
}

#[test]
fn what_is_taken_unfinished_can_be_switched_off_and_on_again() {
    let mut bench = Bench::new();
    let all = Offloads { checksum: true, tso4: true, tso6: true };
    let gso = Gso { kind: GsoKind::Tcp4, size: 1000, header_length: 54 };
    let metadata =
        Metadata { partial_checksum: Some((34, 16)), gso: Some(gso), ..Metadata::default() };
    let super_frame = |bench: &mut Bench| {
        let frame = [&OWN[..], &OTHER, &IP, &[0; 3000]].concat();
        bench.receives(&frame, metadata)
    };
    assert_eq!(bench.driver.nic().takes(), all);
    assert!(super_frame(&mut bench));
    assert_eq!(bench.command(OFFLOADS, 0, &0u64.to_le_bytes()), OK);
    assert_eq!(bench.driver.nic().takes(), Offloads::default());
    assert!(!super_frame(&mut bench));
    assert_eq!(bench.command(OFFLOADS, 0, &GUEST_OFFLOADS.to_le_bytes()), OK);
    assert_eq!(bench.driver.nic().takes(), all);
    assert!(super_frame(&mut bench));
}

#[test]
fn offloads_that_were_not_negotiated_or_lack_their_checksum_are_refused() {
    let mut bench = Bench::without(config(), 1 << 8);
    for bad in [1u64 << 8, 1 << 63, 1 << 7] {
        assert_eq!(bench.command(OFFLOADS, 0, &bad.to_le_bytes()), ERR, "{bad:#x}");
    }
    assert_eq!(bench.command(OFFLOADS, 0, &[0; 4]), ERR);
    assert_eq!(bench.command(OFFLOADS, 1, &[0; 8]), ERR);
}

#[test]
fn a_link_that_comes_back_asks_for_an_announcement_until_the_driver_says_that_it_made_it() {
    let mut bench = Bench::new();
    let status = |bench: &mut Bench| bench.driver.read(register::DEVICE + 6, 2);
    assert_eq!(status(&mut bench), 1);
    bench.driver.nic().set_link(false);
    assert_eq!(status(&mut bench), 0);
    bench.driver.nic().set_link(true);
    assert_eq!(status(&mut bench), 3);
    assert_eq!(bench.command(ANNOUNCE, 0, &[]), OK);
    assert_eq!(status(&mut bench), 1);
    let mut bench = Bench::without(config(), GUEST_ANNOUNCE);
    bench.driver.nic().set_link(false);
    bench.driver.nic().set_link(true);
    assert_eq!(status(&mut bench), 1);
    assert_eq!(bench.command(ANNOUNCE, 0, &[]), ERR);
}

#[test]
fn commands_whose_feature_was_not_negotiated_are_refused() {
    let all = CTRL_RX | CTRL_RX_EXTRA | CTRL_VLAN | CTRL_MAC_ADDR | CTRL_GUEST_OFFLOADS;
    let mut bench = Bench::without(config(), all);
    for number in 0..6 {
        assert_eq!(bench.command(RX, number, &[0]), ERR);
    }
    assert_eq!(bench.command(MAC, 0, &[0; 8]), ERR);
    assert_eq!(bench.command(MAC, 1, &OTHER), ERR);
    assert_eq!(bench.command(VLAN, 0, &[5, 0]), ERR);
    assert_eq!(bench.command(OFFLOADS, 0, &[0; 8]), ERR);
    // So nothing is filtered, not even VLANs.
    assert!(bench.receives_from(OTHER, &[0x81, 0, 0, 5, 8, 0]));
}

#[test]
fn commands_that_do_not_exist_or_are_cut_short_are_refused() {
    let mut bench = Bench::new();
    assert_eq!(bench.command(99, 0, &[]), ERR);
    assert_eq!(bench.command(RX, 0, &[]), ERR);
    assert_eq!(bench.command(RX, 0, &[0, 0]), ERR);
    assert_eq!(bench.command_in(&[RX], &[1]), ERR);
    assert_eq!(bench.command_in(&[], &[]), ERR);
    // However it is cut into buffers, it is the same command.
    assert_eq!(bench.command_in(&[RX, 0, 0], &[1, 1, 1]), OK);
    assert_eq!(bench.command_in(&[RX, 0, 0], &[3]), OK);
}

#[test]
fn a_command_without_room_for_the_answer_asks_for_a_reset() {
    let mut bench = Bench::new();
    bench.control.descriptor(0, BUFFERS, 3, 0, 0);
    bench.control.publish(0);
    bench.driver.function.ring(CONTROL.into());
    assert_eq!(bench.driver.status() & NEEDS_RESET, NEEDS_RESET);
}

#[test]
fn features_of_the_control_queue_ask_for_it() {
    let mut driver = Driver::new(VirtioNet::new(config()));
    for feature in [CTRL_RX, CTRL_VLAN, CTRL_MAC_ADDR, GUEST_ANNOUNCE, CTRL_GUEST_OFFLOADS] {
        assert_eq!(driver.negotiate(VERSION_1 | feature) & FEATURES_OK, 0, "{feature:#x}");
        let with = VERSION_1 | feature | super::super::features::CTRL_VQ;
        assert_eq!(driver.negotiate(with) & FEATURES_OK, FEATURES_OK, "{feature:#x}");
    }
}

#[test]
fn the_mtu_is_told_and_nothing_longer_than_it_gets_through_but_super_frames() {
    let mut bench = Bench::new();
    assert_eq!(bench.driver.read(register::DEVICE + 10, 2), 9000);
    let frame = |length: usize, tag: &[u8]| {
        let mut frame = [&OWN[..], &OTHER, tag, &IP].concat();
        frame.resize(length, 0);
        frame
    };
    let tag = [0x81, 0, 0, 5];
    assert!(bench.receives(&frame(9014, &[]), Metadata::default()));
    assert!(!bench.receives(&frame(9015, &[]), Metadata::default()));
    assert!(bench.receives(&frame(9018, &tag), Metadata::default()));
    assert!(!bench.receives(&frame(9019, &tag), Metadata::default()));
    let gso = Some(Gso { kind: GsoKind::Tcp4, size: 1000, header_length: 54 });
    assert!(bench.receives(&frame(20_000, &[]), Metadata { gso, ..Metadata::default() }));
    // A driver that did not want to know is not protected.
    let mut bench = Bench::without(config(), MTU);
    assert!(bench.receives(&frame(9015, &[]), Metadata::default()));
}

#[test]
fn speed_and_duplex_are_told_if_they_are_known() {
    let mut driver = Driver::new(VirtioNet::new(config()));
    assert_eq!(driver.offered() & (SPEED_DUPLEX | MTU | STATUS), SPEED_DUPLEX | MTU | STATUS);
    assert_eq!(driver.read(register::DEVICE + 12, 4), 10_000);
    assert_eq!(driver.read(register::DEVICE + 16, 1), 1);
    let mut driver = Driver::new(VirtioNet::new(Config::new(OWN)));
    assert_eq!(driver.offered() & (SPEED_DUPLEX | MTU), 0);
    assert_eq!(driver.read(register::DEVICE + 12, 4), 0xffff_ffff);
    assert_eq!(driver.read(register::DEVICE + 16, 1), 0xff);
}
