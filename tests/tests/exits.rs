//! What frames cost in exits to user space.

use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tests::linux::with_kvm;
use tests::network::{self, Guest};
use tests::wait::wait;
use vmm::lab::Exits;

/// Bytes sent before counting, and those of each of the files counted.
const WARM_UP: usize = 1_000_000;
const COUNTED: usize = 20_000_000;
/// How many of them. A super-frame of one file costs a fifth more or less than the mean, which is
/// what is judged.
const FILES: usize = 5;
/// Exits a super-frame that 8139cp may take on average.
const ALLOWED: f64 = 2.0;
/// A report is written every 100 ms.
const PATIENCE: Duration = Duration::from_secs(30);

/// All exits of the VMM that keeps `report`, as of now or a little later.
fn exits(report: &Path) -> u64 {
    let now = SystemTime::now();
    wait(&format!("{} to be written again", report.display()), PATIENCE, || {
        let (exits, written) = Exits::reported(report)?;
        (written > now).then(|| exits.total())
    })
}

fn super_frames(guest: &Guest) -> u64 {
    guest.must("cat /sys/class/net/eth0/statistics/tx_packets").parse().unwrap()
}

#[test]
fn a_super_frame_of_8139cp_costs_two_exits_at_most() {
    with_kvm("a_super_frame_of_8139cp_costs_two_exits_at_most", || {
        let directory = TempDir::new().unwrap();
        let here = directory.path();
        let _path = network::path(here, 1, 2, 1500);
        let report = here.join("report.json");
        let text = report.display().to_string();
        let nic = network::nic(here, "rtl8139", 1);
        let server = ["--nic", &nic, "--report", &text, "--report-interval", "100ms"];
        let server = Guest::boot_with(here, "server", &server.map(str::to_owned));
        let client = Guest::boot(here, "client", &[("virtio-net", 2)]);
        server.must(
            "ip addr add 10.0.1.2/24 dev eth0 && ip link set eth0 up && \
             ip route add default via 10.0.1.1 && mkdir /run/www && cd /run/www",
        );
        for (name, bytes) in [("warm-up", WARM_UP), ("counted", COUNTED)] {
            server.must(&format!("head -c {bytes} /dev/urandom >/run/www/{name}"));
        }
        server.must("cd /run/www && busybox httpd -p 80");

        let fetch = |name: &str| client.must(&format!("wget -nv -O /dev/null 10.0.1.2/{name}"));
        fetch("warm-up");
        let before = (exits(&report), super_frames(&server));
        for _ in 0..FILES {
            fetch("counted");
        }
        let after = (exits(&report), super_frames(&server));
        let (exits, frames) = (after.0 - before.0, after.1 - before.1);
        let bytes = (FILES * COUNTED) as u64 / frames;
        println!("{exits} exits for {frames} super-frames of {bytes} bytes");
        assert!((exits as f64) <= ALLOWED * frames as f64, "{exits} exits, {frames} super-frames");
    });
}
