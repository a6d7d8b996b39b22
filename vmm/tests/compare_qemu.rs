//! The whole lab with real guests, under the installed QEMU and without KVM: its NICs honour the
//! path's MTU, so both are fast behind a smaller one.

use std::process::Command;

/// Slower than any machine that translates code can be, faster than what a NIC that ignores the
/// path's MTU can get through at this round trip (100 KB/s).
const FAST: f64 = 500_000.0;
/// An initial window of ten, and what its first acknowledgement still lets out.
const FEW: u64 = 20;

#[test]
fn qemus_own_nics_learn_the_mtu_of_the_path() {
    if Command::new("qemu-system-x86_64").arg("--version").output().is_err() {
        eprintln!("SKIPPED: qemu-system-x86_64 is missing (apt-get install qemu-system-x86)");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let json = directory.path().join("result.json");
    let output = Command::new(env!("CARGO_BIN_EXE_nicvmm"))
        .args(["compare", "--vmm", "qemu", "--tcg", "--seconds", "5", "--file-size", "16"])
        .args(["--variant", "rtl8139", "--variant", "virtio-net", "--json"])
        .arg(&json)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let result: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(result["complete"], true);
    for (variant, lspci) in [
        (&result["variants"][0], "RTL-8100/8101L/8139 PCI Fast Ethernet Adapter (rev 20)"),
        (&result["variants"][1], "Virtio network device"),
    ] {
        assert!(
            variant["goodput_bytes_per_second"]["median"].as_f64().unwrap() > FAST,
            "{variant}"
        );
        assert!(variant["path"]["frag_needed_sent"].as_u64().unwrap() <= FEW, "{variant}");
        assert_eq!(variant["path"]["over_mtu_last_third"], 0, "{variant}");
        assert!(variant["path"]["segment_sizes"]["1368"].as_u64().unwrap() > 100, "{variant}");
        assert_eq!(variant["verdict"]["finding"], "learned-path-mtu", "{variant}");
        assert!(variant["guest"]["lspci"].as_str().unwrap().ends_with(lspci), "{variant}");
        assert!(variant["vmm_process"]["cpu_seconds"].as_f64().unwrap() > 0.0, "{variant}");
    }
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(table.contains("learned the path's MTU of 1420"), "{table}");
}
