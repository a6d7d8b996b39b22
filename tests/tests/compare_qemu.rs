//! The whole lab with real guests, under the installed QEMU and without KVM: its NICs honour the
//! path's MTU, so both are fast behind a smaller one.

use std::path::Path;
use std::process::Command;

use tests::program::{complaint, nicvmm, skip};

/// Slower than any machine that translates code can be, faster than what a NIC that ignores the
/// path's MTU can get through at this round trip (100 KB/s).
const FAST: f64 = 500_000.0;
/// An initial window of ten, and what its first acknowledgement still lets out.
const FEW: u64 = 20;

#[test]
fn qemus_own_nics_learn_the_mtu_of_the_path() {
    if Command::new("qemu-system-x86_64").arg("--version").output().is_err() {
        skip("QEMU's own NICs", "qemu-system-x86_64 is missing (apt-get install qemu-system-x86)");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let json = directory.path().join("result.json");
    let output = nicvmm(&["compare", "--vmm", "qemu", "--tcg"])
        .args(["--seconds", "5", "--file-size", "16"])
        .args(["--variant", "rtl8139", "--variant", "virtio-net", "--variant", "e1000", "--json"])
        .arg(&json)
        .args(["--pcap", "--keep"])
        .arg(directory.path())
        .output()
        .unwrap();
    let said = complaint(&output);
    assert!(output.status.success(), "{said}");
    let result: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(result["complete"], true);
    for (variant, lspci) in [
        (&result["variants"][0], "RTL-8100/8101L/8139 PCI Fast Ethernet Adapter (rev 20)"),
        (&result["variants"][1], "Virtio network device"),
        (&result["variants"][2], "82540EM Gigabit Ethernet Controller (rev 03)"),
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
    tshark_reads_the_captures(directory.path(), &result);
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(table.contains("learned the path's MTU of 1420"), "{table}");
}

/// Each packet that the path dropped carries its comment in the capture of the server's side.
fn tshark_reads_the_captures(kept: &Path, result: &serde_json::Value) {
    for (run, variant) in [("qemu-rtl8139-run-1", 0), ("qemu-virtio-net-run-1", 1)] {
        let tshark = Command::new("tshark")
            .args([
                "-Y",
                "frame.comment contains \"dropped: 1500 > MTU 1420, ICMP 3/4 sent\"",
                "-r",
            ])
            .arg(kept.join(run).join("server.pcapng"))
            .output();
        let Ok(output) = tshark else {
            skip("the captures in tshark", "tshark is missing (apt-get install tshark)");
            return;
        };
        let shown = String::from_utf8_lossy(&output.stdout).lines().count() as u64;
        let dropped = &result["variants"][variant]["path"]["over_mtu_dropped"];
        assert_eq!(dropped.as_u64(), Some(shown), "{}", complaint(&output));
    }
}
