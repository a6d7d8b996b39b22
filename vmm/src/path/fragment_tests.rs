use etherparse::{IpFragOffset, IpNumber, Ipv4Header, Ipv4HeaderSlice};
use proptest::prelude::*;

use super::*;

fn packet(options: &[u8], payload: &[u8], offset: u16, more: bool) -> Vec<u8> {
    let mut header = Ipv4Header::new(0, 64, IpNumber::UDP, [10, 0, 1, 2], [10, 0, 2, 2]).unwrap();
    header.options = options.try_into().unwrap();
    header.set_payload_len(payload.len()).unwrap();
    header.identification = 0x1234;
    header.dont_fragment = false;
    header.more_fragments = more;
    header.fragment_offset = IpFragOffset::try_new(offset).unwrap();
    header.header_checksum = header.calc_header_checksum();
    [&header.to_bytes()[..], payload].concat()
}

fn pieces(packet: &[u8], mtu: usize) -> Vec<(Ipv4Header, Vec<u8>)> {
    let mut pieces = Vec::new();
    split(packet, mtu, |header, payload| {
        let parsed = Ipv4HeaderSlice::from_slice(header).unwrap().to_header();
        assert_eq!(parsed.header_checksum, parsed.calc_header_checksum());
        assert_eq!(usize::from(parsed.total_len), header.len() + payload.len());
        assert!(header.len() + payload.len() <= mtu);
        pieces.push((parsed, payload.to_vec()));
    });
    pieces
}

proptest! {
    #[test]
    fn pieces_fit_and_make_up_the_payload(
        payload in proptest::collection::vec(any::<u8>(), 1..4000),
        mtu in 68..2000usize,
        words in 0..11usize,
        offset in 0..100u16,
        more: bool,
    ) {
        let options = vec![OPTION_NOP; 4 * words];
        // Only the last fragment of a packet may have a length that is no multiple of eight.
        let payload = if more { [payload, vec![0; 8]].concat() } else { payload };
        let length = if more { payload.len() / 8 * 8 } else { payload.len() };
        let whole = packet(&options, &payload[..length], offset, more);
        let pieces = pieces(&whole, mtu);
        let mut at = usize::from(offset);
        let mut together = Vec::new();
        for (index, (header, piece)) in pieces.iter().enumerate() {
            let last = index + 1 == pieces.len();
            prop_assert_eq!(usize::from(header.fragment_offset.value()), at);
            prop_assert_eq!(header.more_fragments, more || !last);
            prop_assert_eq!(header.identification, 0x1234);
            prop_assert!(last || piece.len() % 8 == 0);
            at += piece.len() / 8;
            together.extend_from_slice(piece);
        }
        prop_assert_eq!(together, &payload[..length]);
    }
}

#[test]
fn a_full_tcp_segment_becomes_two() {
    let pieces = pieces(&packet(&[], &[7; 1480], 0, false), 1420);
    let sizes: Vec<_> = pieces.iter().map(|(header, _)| header.total_len).collect();
    assert_eq!(sizes, [1420, 100]);
}

#[test]
fn only_copied_options_are_in_later_pieces() {
    // Record route (7) stays in the first; stream id (0x88) goes everywhere.
    let options = [7, 3, 4, 0x88, 4, 0xab, 0xcd, 0];
    let pieces = pieces(&packet(&options, &[7; 1480], 0, false), 1420);
    assert_eq!(pieces[0].0.options[..], options);
    assert_eq!(pieces[1].0.options[..], [0x88, 4, 0xab, 0xcd]);
}
