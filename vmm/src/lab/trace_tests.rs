use devices::net::capture::{CaptureFile, Direction};
use etherparse::{PacketBuilder, PacketBuilderStep, TcpHeader};

use super::*;

const FIRST: u32 = 0xffff_fff0; // soon wraps

fn write(
    step: PacketBuilderStep<etherparse::IpHeaders>,
    tcp: TcpHeader,
    payload: usize,
) -> Vec<u8> {
    let mut frame = Vec::new();
    step.tcp_header(tcp).write(&mut frame, &vec![0; payload]).unwrap();
    frame
}

fn from_server(sequence: u32, payload: usize) -> Vec<u8> {
    let step = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4([10, 0, 1, 2], [10, 0, 2, 2], 64);
    write(step, TcpHeader::new(80, 4000, FIRST.wrapping_add(sequence), 100), payload)
}

fn from_client(acknowledged: u32) -> Vec<u8> {
    let mut tcp = TcpHeader::new(4000, 80, 77, 100);
    (tcp.ack, tcp.acknowledgment_number) = (true, FIRST.wrapping_add(acknowledged));
    let step = PacketBuilder::ethernet2([2; 6], [1; 6]).ipv4([10, 0, 2, 2], [10, 0, 1, 2], 64);
    write(step, tcp, 0)
}

fn syns() -> [Vec<u8>; 2] {
    let mut tcp = TcpHeader::new(4000, 80, 76, 100);
    tcp.syn = true;
    let step = PacketBuilder::ethernet2([2; 6], [1; 6]).ipv4([10, 0, 2, 2], [10, 0, 1, 2], 64);
    let syn = write(step, tcp, 0);
    let mut tcp = TcpHeader::new(80, 4000, FIRST, 100);
    (tcp.syn, tcp.ack, tcp.acknowledgment_number) = (true, true, 77);
    let step = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4([10, 0, 1, 2], [10, 0, 2, 2], 64);
    [syn, write(step, tcp, 0)]
}

/// ICMP 3/4 about a frame.
fn too_big(frame: &[u8], mtu: u16) -> Vec<u8> {
    let mut error = Vec::new();
    let kind =
        Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::FragmentationNeeded {
            next_hop_mtu: mtu,
        });
    PacketBuilder::ethernet2([2; 6], [1; 6])
        .ipv4([10, 0, 1, 1], [10, 0, 1, 2], 64)
        .icmpv4(kind)
        .write(&mut error, &frame[14..][..28])
        .unwrap();
    error
}

/// What is read of these frames, recorded as the lab has it done.
fn trace(frames: &[(Vec<u8>, Option<&str>)]) -> Vec<Packet> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("server.pcapng");
    let mut file = CaptureFile::create(&path, "port a").unwrap().limited(RECORDED);
    for (frame, remark) in frames {
        file.record_commented(Direction::Inbound, frame, *remark);
    }
    drop(file);
    read(&path, 100)
}

#[test]
fn a_transfer_is_told_in_bytes_from_zero() {
    let [syn, answer] = syns();
    let big = from_server(1, 1448);
    let frames = [
        (syn, None),
        (answer, None),
        (from_client(1), None),
        (big.clone(), Some("dropped: 1500 > MTU 1420, ICMP 3/4 sent")),
        (too_big(&big, 1420), None),
        (from_server(1449, 1288), None),
        (from_server(1, 1368), None),
        (from_client(1369), None),
    ];
    let found: Vec<_> = trace(&frames)
        .into_iter()
        .map(|p| (p.kind, p.sequence, p.length, p.again, p.fate))
        .collect();
    let expected = [
        (Kind::Syn, 0, 0, false, Fate::Passed),
        (Kind::Syn, 0, 0, false, Fate::Passed),
        (Kind::Ack, 0, 0, false, Fate::Passed),
        (Kind::Data, 0, 1448, false, Fate::Dropped),
        (Kind::Icmp, 0, 1420, false, Fate::Passed),
        (Kind::Data, 1448, 1288, false, Fate::Passed),
        (Kind::Data, 0, 1368, true, Fate::Passed),
        (Kind::Ack, 1368, 0, false, Fate::Passed),
    ];
    assert_eq!(found, expected);
}

#[test]
fn times_count_from_the_first_packet_of_the_connection() {
    let [syn, answer] = syns();
    let packets = trace(&[(from_client(1), None), (syn, None), (answer, None)]);
    assert_eq!(packets.len(), 2);
    assert!(packets[0].at.abs() < 1e-9 && packets[1].at >= 0.0, "{packets:?}");
}

#[test]
fn what_is_cut_on_the_way_is_no_loss() {
    let [syn, answer] = syns();
    let remark = "fragmented: 1500 > MTU 1420, 2 pieces";
    let packets = trace(&[(syn, None), (answer, None), (from_server(1, 1448), Some(remark))]);
    assert_eq!((packets[2].fate, packets[2].remark.as_deref()), (Fate::Fragmented, Some(remark)));
}

#[test]
fn what_is_no_capture_is_an_empty_trace() {
    assert_eq!(read(Path::new("/nonexistent"), 1), []);
    assert_eq!(read(Path::new("/etc/hostname"), 1), []);
}
