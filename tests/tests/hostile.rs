//! A guest that means harm on this host's own KVM: the program lives, its memory is bounded, and
//! other guests do not notice. `make hostile` does it for long.

use std::time::Duration;

use tests::hostile::torment;

const TIME: Duration = Duration::from_secs(8);
const NOTHING: [String; 0] = [];

#[test]
fn a_hostile_guest_harms_neither_the_vmm_nor_its_neighbours() {
    for seed in [1, 2] {
        let Some(report) = torment(seed, TIME) else { return };
        println!("seed {seed}: {report}");
        assert_eq!(report.complaints(), NOTHING);
        assert!(report.exits > 1000, "the guest did little: {report}");
    }
}
