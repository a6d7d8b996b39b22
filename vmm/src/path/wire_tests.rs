use devices::ethernet::checksum::Sum;
use proptest::prelude::*;

use super::*;

fn checksum(words: &[u16]) -> u16 {
    let mut sum = Sum::default();
    for word in words {
        sum.add_u16(*word);
    }
    sum.finish()
}

proptest! {
    #[test]
    fn an_adjusted_checksum_verifies(words: [u16; 8], index in 0..8usize, new: u16) {
        let before = checksum(&words);
        let mut after = words;
        after[index] = new;
        let adjusted = adjust(before, words[index], new);
        let mut sum = Sum::default();
        for word in &after {
            sum.add_u16(*word);
        }
        sum.add_u16(adjusted);
        // Both forms of zero verify.
        prop_assert!(sum.finish() == 0 || sum.finish() == 0xffff);
    }
}

#[test]
fn a_mac_is_six_bytes_of_one_station() {
    assert_eq!(parse_mac("02:00:00:00:00:0a"), Ok([2, 0, 0, 0, 0, 10]));
    assert!(parse_mac("02:00:00:00:00").is_err());
    assert!(parse_mac("02:00:00:00:00:01:02").is_err());
    assert!(parse_mac("ff:ff:ff:ff:ff:ff").is_err());
}
