//! Stock guests, real drivers, real TCP: the incident and what belongs to it.
//!
//! Where this host's KVM cannot run Linux, everything runs in the nested machine.

use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tests::linux::with_kvm;
use tests::network::{self, Guest};
use tests::program::{nicvmm, output_of, status_of};

const KB: f64 = 1e3;

/// Runs `nicvmm compare` and answers its JSON.
fn compare(arguments: &[&str]) -> Value {
    let directory = TempDir::new().unwrap();
    let json = directory.path().join("result.json");
    let mut command = nicvmm(&["compare", "--json", json.to_str().unwrap()]);
    let status = status_of(command.args(arguments).stdin(Stdio::null()));
    assert!(status.success(), "{status}");
    serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap()
}

struct Variant<'j>(&'j Value);

impl Variant<'_> {
    fn goodput(&self) -> f64 {
        self.0["goodput_bytes_per_second"]["median"].as_f64().unwrap()
    }

    fn frag_needed(&self) -> u64 {
        self.0["path"]["frag_needed_sent"].as_u64().unwrap()
    }

    /// Segments seen with this much payload.
    fn segments(&self, payload: &str) -> u64 {
        self.0["path"]["segment_sizes"][payload].as_u64().unwrap_or(0)
    }

    fn finding(&self) -> &str {
        self.0["verdict"]["finding"].as_str().unwrap()
    }

    fn lspci(&self) -> &str {
        self.0["guest"]["lspci"].as_str().unwrap()
    }
}

#[test]
fn the_incident_happens_with_the_historical_nic_and_with_no_other() {
    let nics = ["rtl8139,tso=mtu1500", "rtl8139,tso=mss", "virtio-net", "qemu:rtl8139"];
    let result = compare(&nics.map(|nic| ["--variant", nic]).concat());
    let variants: Vec<Variant> =
        result["variants"].as_array().unwrap().iter().map(Variant).collect();
    let [faulty, corrected, virtio, qemu] = &variants[..] else { panic!("{result}") };

    assert!(faulty.goodput() < 160.0 * KB, "{}", faulty.goodput());
    assert!(faulty.frag_needed() > 20, "{}", faulty.frag_needed());
    assert!(faulty.segments("1448") > 20 && faulty.segments("1368") > 20, "{}", faulty.0["path"]);
    assert_eq!(faulty.finding(), "ignores-path-mtu");
    for obeys in [corrected, virtio, qemu] {
        assert!(obeys.frag_needed() <= 10, "{}", obeys.0);
        assert_eq!(obeys.finding(), "learned-path-mtu", "{}", obeys.0);
        // Ten times as much and more on an idle host; a busy one has no time for the fast ones.
        assert!(obeys.goodput() >= 2.0 * faulty.goodput(), "{}", obeys.goodput());
    }

    let realtek = "00:03.0 Ethernet controller: Realtek Semiconductor Co., Ltd. \
                   RTL-8100/8101L/8139 PCI Fast Ethernet Adapter (rev 20)";
    assert_eq!(faulty.lspci(), realtek);
    assert_eq!(corrected.lspci(), realtek);
    assert_eq!(qemu.lspci(), realtek);
    // Newer lists of PCI names write "Red Hat, Inc." where the report has "Red Hat, Inc".
    let red_hat = virtio.lspci().replace("Inc.", "Inc");
    assert_eq!(red_hat, "00:03.0 Ethernet controller: Red Hat, Inc Virtio network device");
}

#[test]
fn one_guest_serves_the_same_file_over_both_nics_at_once() {
    with_kvm("one_guest_serves_the_same_file_over_both_nics_at_once", || {
        let directory = TempDir::new().unwrap();
        let here = directory.path();
        let _paths = [network::path(here, 1, 2, 1420), network::path(here, 3, 4, 1420)];
        let server = Guest::boot(here, "server", &[("rtl8139,tso=mss", 1), ("virtio-net", 3)]);
        let client = Guest::boot(here, "client", &[("virtio-net", 2), ("virtio-net", 4)]);

        let sum = server.must(
            "mkdir /run/www && cd /run/www && head -c 4000000 /dev/urandom >file && \
             busybox httpd -p 80 && sha256sum <file",
        );
        let fetch = |address| format!("wget -nv -O - http://{address}/file | sha256sum");
        let over_rtl8139 = client.start(&fetch("10.0.1.2"));
        let over_virtio = client.start(&fetch("10.0.3.2"));
        assert_eq!(over_rtl8139(), sum);
        assert_eq!(over_virtio(), sum);

        let lspci = server.must("lspci");
        assert!(lspci.contains("00:03.0 Ethernet controller: Realtek"), "{lspci}");
        assert!(lspci.contains("00:04.0 Ethernet controller: Red Hat"), "{lspci}");
        assert_eq!(server.must("cat /proc/sys/kernel/tainted"), "0", "{}", server.must("dmesg"));
    });
}

#[test]
fn a_commands_output_and_status_come_out_of_the_guest() {
    let mut command = nicvmm(&["run", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    let output = output_of(command.stdin(Stdio::null()), 7);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "out\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "err\n");
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn a_panic_of_the_guests_kernel_has_an_exit_status_of_its_own() {
    let mut command = nicvmm(&["run", "--timeout", "300"]);
    command.args(["--append", "init=/nonexistent rdinit=/nonexistent", "--", "true"]);
    let output = output_of(command.stdin(Stdio::null()), 121);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(121), "{said}");
    assert!(said.contains("Kernel panic - not syncing"), "{said}");
}
