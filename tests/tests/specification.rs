//! Promises of `docs/specification.md` that are a number and need no Linux guest.

use std::fs;
use std::process::Stdio;

use tempfile::TempDir;
use tests::bare_metal::require_kvm;
use tests::elf;
use tests::program::nicvmm;

/// `mov dx, 0x604; mov ax, 0x3400; out dx, ax`: S5 by the ACPI control register.
const POWERS_OFF: &[u8] = &[0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x34, 0x66, 0xef, 0xf4];
/// Runs of each kind, in turns, of which the best counts: others on this host are not to be judged.
const RUNS: usize = 20;
const MEMORY_BYTES: u64 = 4 << 20;
const WALLS_SECONDS: f64 = 0.010;

/// Seconds until the vCPUs of a run started, and bytes beside the guest's.
fn timing(sandbox: &str, directory: &TempDir) -> (f64, u64) {
    let status = nicvmm(&["run", "--host", "kvm", "--kernel", "kernel", "--report", "report"])
        .args(["--nic", "rtl8139", "--nic", "virtio-net", "--sandbox", sandbox])
        .current_dir(directory.path())
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    let report = fs::read_to_string(directory.path().join("report")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let timing = &report["timing"];
    (timing["vcpus_started"].as_f64().unwrap(), timing["own_memory_bytes"].as_u64().unwrap())
}

#[test]
fn a_guest_costs_little_beside_its_own_memory_and_walls_are_up_at_once() {
    if !require_kvm() {
        return;
    }
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("kernel"), elf::kernel(POWERS_OFF)).unwrap();
    let pairs = (0..RUNS).map(|_| (timing("off", &directory), timing("on", &directory)));
    let (open, within): (Vec<_>, Vec<_>) = pairs.unzip();
    let best = |runs: Vec<(f64, u64)>| runs.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
    let ((open, _), (walled, memory)) = (best(open), best(within));
    println!("vCPUs after {open:.4} s, within walls {walled:.4} s, {memory} bytes");
    assert!(memory <= MEMORY_BYTES, "{memory} bytes");
    assert!(walled - open <= WALLS_SECONDS, "{walled} s instead of {open} s");
}
