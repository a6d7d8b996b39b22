use proptest::prelude::*;
use vm_memory::VolatileSlice;

use super::*;

fn words(bytes: &[u8]) -> u16 {
    let total: u64 = bytes
        .chunks(2)
        .map(|word| u64::from(word[0]) << 8 | u64::from(word.get(1).copied().unwrap_or(0)))
        .sum();
    !fold(total)
}

#[test]
fn the_example_of_rfc_1071_comes_out() {
    let mut sum = Sum::default();
    sum.add(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
    assert_eq!(sum.finish(), !0xddf2);
}

#[test]
fn nothing_sums_to_all_ones() {
    assert_eq!(Sum::default().finish(), 0xffff);
}

proptest! {
    #[test]
    fn pieces_of_any_length_sum_like_the_whole(
        bytes in proptest::collection::vec(any::<u8>(), 0..5000),
        cuts in proptest::collection::vec(0usize..5000, 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut added = Sum::default();
        let mut appended = Sum::default();
        for cut in cuts.windows(2) {
            let mut piece = bytes[cut[0]..cut[1]].to_vec();
            let mut sum = Sum::default();
            sum.add_volatile(&VolatileSlice::from(&mut piece[..]));
            appended.append(sum);
            added.add(&piece);
        }
        prop_assert_eq!(added.finish(), words(&bytes));
        prop_assert_eq!(appended.finish(), words(&bytes));
    }
}
