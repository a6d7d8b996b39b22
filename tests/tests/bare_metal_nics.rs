//! The NICs as a driver without a kernel meets them, on this host's own KVM: a 64 KiB super-frame
//! goes out in segments that are right in every byte, and interrupts come.

use devices::rtl8139::{self, Rtl8139, Tso};
use devices::virtio::net::{Config, VirtioNet};
use tests::bare_metal::contract::headers;
use tests::bare_metal::segments::{Flags, segments};
use tests::bare_metal::{Guest, Outcome, Wire};

/// TCP payload of a frame of 64 KiB: the most that the NIC and an IP packet hold.
const PAYLOAD: usize = 65536 - headers::LENGTH;
/// Payload per segment that the driver asks for: MTU 1420 less 52 bytes of headers.
const MSS: usize = 1368;
/// What QEMU before 7.2 cut to, whatever the driver asked for: MTU 1500 less 52 bytes of headers.
const LEGACY_CUT: usize = 1448;

fn rtl8139(guest: Guest, tso: Tso, wire: Wire) -> Guest {
    let config = rtl8139::Config { tso, ..rtl8139::Config::new(headers::SOURCE) };
    let make = |machine: &vmm::machine::Machine| -> Box<dyn devices::pci::Function> {
        Box::new(Rtl8139::new(config, machine.dma_memory()))
    };
    guest.with_nic(make, wire, Some(rtl8139::MEMORY_BAR))
}

fn virtio_net(guest: Guest, wire: Wire, pairs: u16) -> Guest {
    let make = |machine: &vmm::machine::Machine| -> Box<dyn devices::pci::Function> {
        let config = Config { pairs, ..Config::new(headers::SOURCE) };
        let messages = machine.messages(config.vectors()).expect("KVM has vectors");
        let nic = VirtioNet::function(config, machine.dma_memory(), messages);
        Box::new(nic.expect("the configuration makes sense"))
    };
    guest.with_nic(make, wire, None)
}

fn command_line(program: &str, count: usize) -> String {
    // Pieces of an odd size, so that segments and pieces never line up.
    format!("{program} payload={PAYLOAD} piece=4093 mss={MSS} count={count}")
}

/// Both frames of `wire` are `expected`, and the guest saw each done and announced.
fn assert_sent(outcome: &Outcome, wire: &Wire, expected: &[Vec<u8>]) {
    assert_eq!(outcome.all("interrupted"), ["true", "true"]);
    assert_eq!(outcome.all("done"), ["true", "true"]);
    let sent = wire.sent();
    assert_eq!(sent.len(), 2 * expected.len(), "frames on the wire");
    for (index, (sent, expected)) in sent.iter().zip(expected.iter().cycle()).enumerate() {
        assert!(
            sent == expected,
            "frame {index}\nis        {sent:02x?}\nshould be {expected:02x?}"
        );
    }
}

#[test]
fn the_rtl8139_cuts_a_64_kib_super_frame_as_its_driver_asks() {
    let Some(guest) = Guest::new() else { return };
    let wire = Wire::default();
    let outcome = rtl8139(guest, Tso::Mss, wire.clone()).run(&command_line("rtl8139", 2));
    assert_sent(&outcome, &wire, &segments(PAYLOAD, MSS, Flags::OnceEach));
}

#[test]
fn the_rtl8139_of_2022_cuts_a_64_kib_super_frame_for_an_mtu_of_1500() {
    let Some(guest) = Guest::new() else { return };
    let wire = Wire::default();
    let outcome = rtl8139(guest, Tso::Mtu1500, wire.clone()).run(&command_line("rtl8139", 2));
    assert_sent(&outcome, &wire, &segments(PAYLOAD, LEGACY_CUT, Flags::AsQemu));
}

#[test]
fn the_rtl8139_receives_what_the_wire_brings() {
    let Some(guest) = Guest::new() else { return };
    let wire = Wire::echo();
    let outcome = rtl8139(guest, Tso::Mss, wire.clone())
        .run(&format!("rtl8139 payload=5000 piece=5000 mss={MSS} echoed=4"));
    let lengths: Vec<String> = wire.sent().iter().map(|frame| frame.len().to_string()).collect();
    assert_eq!(outcome.all("received"), lengths);
    assert_eq!(lengths.len(), 4);
}

#[test]
fn a_driver_of_the_rtl8139_that_only_polls_receives_more_than_its_ring_holds() {
    let Some(guest) = Guest::new() else { return };
    let wire = Wire::echo();
    // 150 frames for 64 descriptors, which go back without a register being written.
    let outcome = rtl8139(guest, Tso::Mss, wire.clone())
        .run("rtl8139 payload=60000 piece=5000 mss=400 echoed=150");
    let lengths: Vec<String> = wire.sent().iter().map(|frame| frame.len().to_string()).collect();
    assert_eq!(outcome.all("received"), lengths);
    assert_eq!(lengths.len(), 150);
}

#[test]
fn virtio_net_cuts_a_64_kib_super_frame_where_the_wire_does_not() {
    let Some(guest) = Guest::new() else { return };
    let wire = Wire::default();
    let outcome = virtio_net(guest, wire.clone(), 1).run(&command_line("virtio-net", 2));
    assert_sent(&outcome, &wire, &segments(PAYLOAD, MSS, Flags::OnceEach));
}

#[test]
fn a_driver_of_one_pair_is_served_by_a_thread_of_its_own_where_there_are_two() {
    let Some(guest) = Guest::new() else { return };
    let wire = Wire::default();
    let outcome = virtio_net(guest, wire.clone(), 2).run(&command_line("virtio-net", 2));
    assert_sent(&outcome, &wire, &segments(PAYLOAD, MSS, Flags::OnceEach));
}

#[test]
fn a_super_frame_takes_no_exit_once_the_nic_is_up() {
    let (Some(few), Some(many)) = (Guest::new(), Guest::new()) else { return };
    let few = virtio_net(few, Wire::default(), 1).run(&command_line("virtio-net", 1)).exits;
    let many = virtio_net(many, Wire::default(), 1).run(&command_line("virtio-net", 21)).exits;
    assert_eq!(many, few);
}

#[test]
fn a_super_frame_of_the_rtl8139_takes_one_exit_to_acknowledge_its_interrupt() {
    let (Some(few), Some(many)) = (Guest::new(), Guest::new()) else { return };
    let run = |guest, count| {
        rtl8139(guest, Tso::Mss, Wire::default()).run(&command_line("rtl8139", count)).exits
    };
    let (few, many) = (run(few, 1), run(many, 21));
    assert_eq!(many.memory_writes - few.memory_writes, 20);
    assert_eq!(many.memory_reads, few.memory_reads);
    assert_eq!(many.port_writes, few.port_writes);
}
