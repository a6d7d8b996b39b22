use pcap_file::pcapng::{Block, PcapNgReader};
use vm_memory::{GuestAddress, GuestMemoryMmap};

use super::*;
use crate::net::Loop;

fn memory() -> DmaMemory {
    DmaMemory::new(GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 4096)]).unwrap())
}

/// Direction flag, time since 1970 and bytes of every packet in the file.
fn packets(path: &Path) -> Vec<(EnhancedPacketOption<'static>, Duration, Vec<u8>)> {
    let mut reader = PcapNgReader::new(File::open(path).unwrap()).unwrap();
    let mut packets = Vec::new();
    while let Some(block) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = block.unwrap().into_owned() {
            packets.push((packet.options[0].clone(), packet.timestamp, packet.data.to_vec()));
        }
    }
    packets
}

#[test]
fn both_directions_are_recorded_with_their_flag() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wire.pcapng");
    let mut wire = Loop::default();
    wire.incoming.push_back(vec![9; 60]);
    let file = CaptureFile::create(&path, "net0").unwrap();
    let mut capture = Capture::new(Box::new(wire), file);
    let mut batch = Batch::default();
    batch.push_bytes(&[1; 61], Metadata::default());
    assert_eq!(capture.send(&memory(), &batch), Sent::All);
    assert_eq!(capture.peek().unwrap().0, [9; 60]);
    assert_eq!(capture.peek().unwrap().0, [9; 60]);
    capture.consume();
    drop(capture);
    let packets = packets(&path);
    assert_eq!(packets.len(), 2);
    assert_eq!((&packets[0].0, &packets[0].2), (&EnhancedPacketOption::Flags(2), &vec![1; 61]));
    assert_eq!((&packets[1].0, &packets[1].2), (&EnhancedPacketOption::Flags(1), &vec![9; 60]));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert!(now.abs_diff(packets[0].1) < Duration::from_secs(60));
}

#[test]
fn a_comment_lies_beside_the_frame() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wire.pcapng");
    let mut file = CaptureFile::create(&path, "net0").unwrap();
    file.record_commented(Direction::Inbound, &[9; 60], Some("dropped: 1500 > MTU 1420"));
    drop(file);
    let packets = packets(&path);
    assert_eq!(packets[0].0, EnhancedPacketOption::Comment("dropped: 1500 > MTU 1420".into()));
    assert_eq!(packets[0].2, [9; 60]);
}

#[test]
fn a_limit_keeps_the_start_of_the_first_frames() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wire.pcapng");
    let file = CaptureFile::create(&path, "net0").unwrap();
    let mut file = file.limited(CaptureLimit { bytes: 20, frames: 2 });
    for number in 1..=3 {
        file.record(Direction::Inbound, &[number; 60]);
    }
    // The last of them is in the file at once.
    let kept: Vec<_> = packets(&path).into_iter().map(|packet| packet.2).collect();
    assert_eq!(kept, [[1; 20], [2; 20]]);
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    let error = CaptureFile::create(Path::new("/nowhere/x.pcapng"), "a").unwrap_err().to_string();
    assert!(error.contains("/nowhere/x.pcapng"), "{error}");
}

#[test]
fn a_full_disk_ends_the_record_and_not_the_traffic() {
    let file = CaptureFile::create(Path::new("/dev/full"), "a");
    assert!(file.is_err());
    let mut wire = Capture::new(
        Box::new(Loop::default()),
        CaptureFile {
            path: "gone".into(),
            writer: None,
            flushed: Instant::now(),
            limit: CaptureLimit::default(),
        },
    );
    let mut batch = Batch::default();
    batch.push_bytes(&[1; 60], Metadata::default());
    assert_eq!(wire.send(&memory(), &batch), Sent::All);
}
