//! Promises of `docs/specification.md` that are a number, but no time, and need no Linux guest.

use tests::bare_metal::require_kvm;
use tests::startup::startup;

const MEMORY_BYTES: u64 = 4 << 20;

#[test]
fn a_guest_costs_little_beside_its_own_memory() {
    if !require_kvm() {
        return;
    }
    let memory = startup("on").own_memory;
    println!("{memory} bytes");
    assert!(memory <= MEMORY_BYTES, "{memory} bytes");
}
