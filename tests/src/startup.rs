//! What the start of a machine takes, of a guest that does nothing but switch itself off.

use std::fs;
use std::process::Stdio;

use tempfile::TempDir;

use crate::elf;
use crate::program::nicvmm;

/// `mov dx, 0x604; mov ax, 0x3400; out dx, ax`: S5 by the ACPI control register.
const POWERS_OFF: &[u8] = &[0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x34, 0x66, 0xef, 0xf4];

/// What a start took.
#[derive(Clone, Copy, Debug)]
pub struct Startup {
    /// Seconds until the vCPUs started.
    pub seconds: f64,
    /// Bytes of the program beside the guest's memory.
    pub own_memory: u64,
}

/// Starts a machine with both NICs on this host's own KVM.
///
/// # Panics
/// If it does not run to its end.
pub fn startup(sandbox: &str) -> Startup {
    let directory = TempDir::new().expect("a temporary directory");
    let at = |name| directory.path().join(name);
    fs::write(at("kernel"), elf::kernel(POWERS_OFF)).expect("a kernel");
    let status = nicvmm(&["run", "--host", "kvm", "--kernel", "kernel", "--report", "report"])
        .args(["--nic", "rtl8139", "--nic", "virtio-net", "--sandbox", sandbox])
        .current_dir(directory.path())
        .stdout(Stdio::null())
        .status();
    assert!(status.expect("nicvmm starts").success());
    let report = fs::read_to_string(at("report")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("a report in JSON");
    let timing = &report["timing"];
    Startup {
        seconds: timing["vcpus_started"].as_f64().expect("a time"),
        own_memory: timing["own_memory_bytes"].as_u64().expect("a size"),
    }
}
