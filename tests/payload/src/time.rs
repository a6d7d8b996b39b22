//! Time by the CPU's counter, for deadlines.

/// Ticks after which nothing more is expected to happen: some seconds.
const PATIENCE: u64 = 20_000_000_000;

/// The counter.
pub fn now() -> u64 {
    // SAFETY: every 64-bit CPU has the counter.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Waits until `condition` holds; answers whether it did in time.
pub fn wait_for(mut condition: impl FnMut() -> bool) -> bool {
    let start = now();
    while now().wrapping_sub(start) < PATIENCE {
        if condition() {
            return true;
        }
        core::hint::spin_loop();
    }
    condition()
}
