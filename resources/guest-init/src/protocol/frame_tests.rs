use std::io::Cursor;

use proptest::prelude::*;

use super::*;

fn receive_all(wire: Vec<u8>) -> Vec<Received> {
    let mut reader = FrameReader::new(Cursor::new(wire));
    let mut all = Vec::new();
    loop {
        all.push(reader.receive().unwrap());
        if all.last() == Some(&Received::End) {
            return all;
        }
    }
}

fn frame(kind: Kind, id: u32, payload: &[u8]) -> Received {
    Received::Frame(Frame { kind, id, payload: payload.to_vec() })
}

#[test]
fn frames_come_out_as_they_went_in() {
    let mut wire = encode(Kind::Hello, 7, b"", true);
    wire.extend(encode(Kind::Stdin, 8, &[0, 0, 1, 255, 0], true));
    let expected =
        [frame(Kind::Hello, 7, b""), frame(Kind::Stdin, 8, &[0, 0, 1, 255, 0]), Received::End];
    assert_eq!(receive_all(wire), expected);
}

#[test]
fn a_hello_is_found_behind_an_unfinished_frame() {
    let mut wire = encode(Kind::Stdin, 1, &[5; 100], true);
    wire.truncate(50);
    wire.extend(encode(Kind::Hello, 9, b"", true));
    assert_eq!(receive_all(wire), [Received::Garbage, frame(Kind::Hello, 9, b""), Received::End]);
}

#[test]
fn a_lost_byte_costs_one_frame() {
    let mut wire = encode(Kind::Stdout, 1, b"some output of a command", true);
    wire.remove(12);
    wire.extend(encode(Kind::Stdout, 2, b"more", true));
    assert_eq!(
        receive_all(wire),
        [Received::Garbage, frame(Kind::Stdout, 2, b"more"), Received::End]
    );
}

#[test]
fn endless_noise_takes_bounded_memory() {
    let mut wire = vec![b'x'; 10 * MAX_ENCODED];
    wire.push(0);
    wire.extend(encode(Kind::Done, 3, b"", true));
    assert_eq!(receive_all(wire), [Received::Garbage, frame(Kind::Done, 3, b""), Received::End]);
}

#[test]
fn the_longest_payload_fits() {
    let payload = vec![0xab; MAX_PAYLOAD];
    let wire = encode(Kind::Stdout, u32::MAX, &payload, true);
    assert_eq!(receive_all(wire), [frame(Kind::Stdout, u32::MAX, &payload), Received::End]);
}

#[test]
fn text_takes_less_room_on_the_wire() {
    let text = "tcp-segmentation-offload: on\ngeneric-receive-offload: on\n".repeat(40);
    let wire = encode(Kind::Stdout, 1, text.as_bytes(), true);
    assert!(wire.len() * 5 < text.len(), "{} bytes became {}", text.len(), wire.len());
    assert_eq!(receive_all(wire), [frame(Kind::Stdout, 1, text.as_bytes()), Received::End]);
}

#[test]
fn a_bomb_is_no_frame() {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&vec![0; MAX_PAYLOAD + 1]).unwrap();
    let mut plain = vec![Kind::Stdout as u8 | COMPRESSED, 1, 0, 0, 0];
    plain.extend(encoder.finish().unwrap());
    plain.extend(crc32fast::hash(&plain).to_le_bytes());
    let mut wire = cobs::encode_vec(&plain);
    wire.push(0);
    assert_eq!(receive_all(wire), [Received::Garbage, Received::End]);
}

proptest! {
    #[test]
    fn any_text_survives(id: u32, text in "[a-c]{0,2000}") {
        let wire = encode(Kind::Stderr, id, text.as_bytes(), true);
        prop_assert_eq!(receive_all(wire), vec![frame(Kind::Stderr, id, text.as_bytes()), Received::End]);
    }

    #[test]
    fn any_payload_survives(id: u32, payload in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let wire = encode(Kind::Stderr, id, &payload, true);
        prop_assert!(!wire[..wire.len() - 1].contains(&0));
        prop_assert_eq!(receive_all(wire), vec![frame(Kind::Stderr, id, &payload), Received::End]);
    }

    #[test]
    fn no_bytes_make_the_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let received = receive_all(bytes);
        prop_assert_eq!(received.last(), Some(&Received::End));
    }
}
