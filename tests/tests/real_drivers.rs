//! The RTL8139 under Linux's own drivers, through everything a person does to a NIC.

use std::path::Path;

use tempfile::TempDir;
use tests::linux::with_kvm;
use tests::network::{self, Guest};

/// The file that is sent both ways.
const FILE: &str = "/run/www/file";

struct Lab {
    directory: TempDir,
    path: Option<network::Part>,
    server: Guest,
    client: Guest,
}

impl Lab {
    fn start(nic: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let path = Some(network::path(directory.path(), 1, 2, 1500));
        let server = Guest::boot(directory.path(), "server", &[(nic, 1)]);
        let client = Guest::boot(directory.path(), "client", &[("virtio-net", 2)]);
        for guest in [&server, &client] {
            guest.must(
                "mkdir /run/www && cd /run/www && head -c 3000000 /dev/urandom >file && \
                 busybox httpd -p 80",
            );
        }
        Self { directory, path, server, client }
    }

    fn here(&self) -> &Path {
        self.directory.path()
    }

    /// Fetches the file both ways and compares what arrived.
    fn exchange(&self) {
        let from_server = self.client.start("wget -nv -O - http://10.0.1.2/file | sha256sum");
        let from_client = self.server.start("wget -nv -O - http://10.0.2.2/file | sha256sum");
        assert_eq!(from_server(), self.server.must(&format!("sha256sum <{FILE}")));
        assert_eq!(from_client(), self.client.must(&format!("sha256sum <{FILE}")));
    }

    fn ping(&self) {
        self.server.must("ping -A -q -c 200 10.0.1.1");
    }

    /// Runs `script` in the server guest while files are on their way.
    fn under_traffic(&self, script: &str) {
        let down = self.client.start("wget -nv -O - http://10.0.1.2/file | sha256sum");
        let up = self.server.start("wget -nv -O - http://10.0.2.2/file | sha256sum");
        self.server.must(script);
        assert_eq!(down(), self.server.must(&format!("sha256sum <{FILE}")), "{script}");
        assert_eq!(up(), self.client.must(&format!("sha256sum <{FILE}")), "{script}");
    }

    fn address_again(&self) {
        self.server.must(
            "ip addr replace 10.0.1.2/24 dev eth0 && ip link set eth0 up && \
             ip route replace 10.0.2.0/24 via 10.0.1.1",
        );
    }

    /// Pulls the cable for a moment: the path goes away and comes back.
    fn flap(&mut self) {
        self.path = None;
        let carrier = "cat /sys/class/net/eth0/carrier";
        let until = |wanted: &str| {
            format!(
                "i=0; until [ \"$({carrier})\" = {wanted} ]; do \
                     i=$((i+1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done"
            )
        };
        self.server.must(&until("0"));
        let _ = std::fs::remove_file(network::socket(self.here(), 1));
        let _ = std::fs::remove_file(network::socket(self.here(), 2));
        self.path = Some(network::path(self.here(), 1, 2, 1500));
        self.server.must(&until("1"));
    }

    fn assert_no_warning(&self) {
        let log = self.server.must("dmesg");
        assert_eq!(self.server.must("cat /proc/sys/kernel/tainted"), "0", "{log}");
        assert!(!log.contains("NETDEV WATCHDOG"), "{log}");
        assert!(!log.contains("Call Trace"), "{log}");
    }
}

/// What both drivers go through.
fn everything(nic: &str, driver: &str) {
    let mut lab = Lab::start(nic);
    assert!(lab.server.must("ethtool -i eth0").contains(&format!("driver: {driver}")));
    lab.exchange();
    lab.ping();

    let server = &lab.server;
    server.must("ethtool eth0 && ethtool -S eth0 && ethtool -d eth0");
    lab.under_traffic(
        "for i in 1 2 3; do ip link set eth0 promisc on; ip link set eth0 promisc off; done",
    );
    server.must(
        "ip maddr add 01:00:5e:00:00:fb dev eth0 && ip maddr show dev eth0 | grep -q 5e:00:00:fb",
    );
    lab.exchange();

    for _ in 0..20 {
        server.must("ip link set eth0 down && ip link set eth0 up");
    }
    lab.address_again();
    lab.exchange();

    for _ in 0..10 {
        server.must(&format!("rmmod {driver} && modprobe {driver} && ip link set eth0 up"));
    }
    lab.address_again();
    lab.exchange();

    lab.flap();
    lab.exchange();
    lab.assert_no_warning();
}

#[test]
fn linuxs_8139cp_drives_the_c_plus_chip_through_everything() {
    with_kvm("linuxs_8139cp_drives_the_c_plus_chip_through_everything", || {
        everything("rtl8139", "8139cp");
    });
}

#[test]
fn linuxs_8139cp_toggles_its_offloads_under_traffic() {
    with_kvm("linuxs_8139cp_toggles_its_offloads_under_traffic", || {
        let lab = Lab::start("rtl8139");
        for feature in ["tso", "sg", "tx", "rx"] {
            lab.under_traffic(&format!(
                "ethtool -K eth0 {feature} off && ethtool -K eth0 {feature} on"
            ));
        }
        lab.server.must("ethtool -K eth0 tx on sg on tso on");
        for mtu in [576, 1492, 1500] {
            lab.server.must(&format!("ip link set eth0 mtu {mtu}"));
            lab.address_again();
            lab.exchange();
        }
        let eeprom = lab.server.must("ethtool -e eth0 | head -n 4");
        assert!(eeprom.contains("29 81 ec 10 39 81"), "{eeprom}");
        lab.assert_no_warning();
    });
}
