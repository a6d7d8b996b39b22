//! The RTL8139 under Linux's own drivers, through everything a person does to a NIC.
//!
//! One guest has both chips: the C+ under 8139cp, and the C under 8139too in a network namespace of
//! its own, so that everything between the two passes both drivers, both NICs and the path. Each
//! is asked for its part in turn, while files go both ways.

use std::path::Path;

use tempfile::TempDir;
use tests::cable::Cable;
use tests::linux::with_kvm;
use tests::network::{self, Guest, Part};

/// Bytes of the file that goes both ways.
const FILE: usize = 1_500_000;

/// Names both NICs by their addresses, puts the second aside, and serves a file on both sides.
const PREPARE: &str = "\
set -e
named() { for i in /sys/class/net/*; do
  if grep -q $1 $i/address; then echo ${i##*/}; return; fi
done; }
ip link set $(named 52:54:00:00:01:02) name cplus
ip link set $(named 52:54:00:00:02:02) name cmode
ip netns add far
mkdir /run/www && cd /run/www && head -c $SIZE /dev/urandom >file
busybox httpd -p 80 && ip netns exec far busybox httpd -p 80";

/// Gives a side its address and its route, whatever it had.
const UP: &str = "\
cplus() {
  ip addr replace 10.0.1.2/24 dev cplus && ip link set cplus up
  ip route replace 10.0.2.0/24 via 10.0.1.1
}
cmode() {
  ip link set cmode netns far 2>/dev/null || true
  ip -n far addr replace 10.0.2.2/24 dev cmode && ip -n far link set cmode up
  ip -n far route replace 10.0.1.0/24 via 10.0.2.1
}
";

/// Waits until an interface's carrier is as wanted: `carrier 0 cat /sys/...`.
const CARRIER: &str = "\
carrier() {
  wanted=$1; shift; i=0
  until [ \"$(\"$@\" 2>/dev/null)\" = $wanted ]; do
    i=$((i+1)); [ $i -lt 200 ] || exit 1; sleep 0.1
  done
}
";

/// Fetches a file and prints its sum, or says how things stand.
const FETCH: &str = "\
fetch() {
  if timeout 90 $2 wget -nv -O /run/$1 $3; then sha256sum </run/$1; return; fi
  dmesg | tail -n 20
  for far in '' 'ip netns exec far'; do $far ip -s addr; $far ip route; $far ss -tin; done
  exit 1
}
";

struct Lab {
    directory: TempDir,
    path: Option<Part>,
    guest: Guest,
}

impl Lab {
    fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let here = directory.path();
        let path = Some(network::path(here, 1, 2, 1500));
        let nics = [("rtl8139", 1), ("rtl8139,chip=8139", 2)];
        let specs = nics.map(|(model, number)| network::nic(here, model, number));
        let arguments: Vec<String> =
            specs.into_iter().flat_map(|spec| ["--nic".to_owned(), spec]).collect();
        let guest = Guest::boot_with(here, "guest", &arguments);
        guest.must(&PREPARE.replace("$SIZE", &FILE.to_string()));
        let lab = Self { directory, path, guest };
        lab.up("cplus; cmode");
        lab
    }

    fn here(&self) -> &Path {
        self.directory.path()
    }

    fn up(&self, sides: &str) {
        self.guest.must(&format!("set -e\n{UP}{sides}"));
    }

    /// Runs `script` while a file goes each way, and compares what arrived.
    fn under_traffic(&self, script: &str) {
        let sum = self.guest.must("sha256sum </run/www/file");
        let (down, up) = (self.download(), self.upload());
        self.guest.must(script);
        assert_eq!(down(), sum, "{script}");
        assert_eq!(up(), sum, "{script}");
    }

    /// The file from the C chip's side to the C+ chip's; answers its sum.
    fn download(&self) -> impl FnOnce() -> String + use<> {
        self.guest.start(&format!("{FETCH}fetch down '' http://10.0.2.2/file"))
    }

    /// The file the other way.
    fn upload(&self) -> impl FnOnce() -> String + use<> {
        self.guest.start(&format!("{FETCH}fetch up 'ip netns exec far' http://10.0.1.2/file"))
    }

    fn exchange(&self) {
        self.under_traffic("true");
    }

    fn assert_no_warning(&self) {
        let log = self.guest.must("dmesg");
        assert_eq!(self.guest.must("cat /proc/sys/kernel/tainted"), "0", "{log}");
        assert!(!log.contains("NETDEV WATCHDOG"), "{log}");
        assert!(!log.contains("Call Trace"), "{log}");
    }
}

#[test]
fn linuxs_8139cp_and_8139too_drive_both_chips_through_everything() {
    with_kvm("linuxs_8139cp_and_8139too_drive_both_chips_through_everything", || {
        let mut lab = Lab::start();
        shows_itself(&lab);
        keeps_working_while_it_is_changed(&lab);
        comes_and_goes(&lab);
        follows_its_cable(&lab);
        carries_tags(&mut lab);
        lab.assert_no_warning();
    });
}

/// What ethtool asks: the driver, its counters, registers, EEPROM.
fn shows_itself(lab: &Lab) {
    let guest = &lab.guest;
    assert!(guest.must("ethtool -i cplus").contains("driver: 8139cp"));
    assert!(guest.must("ip netns exec far ethtool -i cmode").contains("driver: 8139too"));
    lab.exchange();
    guest.must("ping -A -q -c 100 10.0.2.2");
    for command in ["ethtool", "ethtool -S", "ethtool -d"] {
        guest.must(&format!("{command} cplus && ip netns exec far {command} cmode"));
    }
    let eeprom = guest.must("ethtool -e cplus | head -n 4");
    assert!(eeprom.contains("29 81 ec 10 39 81"), "{eeprom}");
}

/// Filters, offloads and MTU, while files are on their way.
fn keeps_working_while_it_is_changed(lab: &Lab) {
    lab.under_traffic(
        "for i in 1 2 3; do
           ip link set cplus promisc on; ip -n far link set cmode promisc on
           ip link set cplus promisc off; ip -n far link set cmode promisc off
         done
         ip maddr add 01:00:5e:00:00:fb dev cplus && ip maddr show dev cplus | grep -q 00:00:fb
         ip -n far maddr add 01:00:5e:00:00:fb dev cmode",
    );
    lab.under_traffic(
        "for f in tso sg tx rx; do ethtool -K cplus $f off && ethtool -K cplus $f on; done
         ethtool -K cplus tx on sg on tso on",
    );
    for mtu in [576, 1492, 1500] {
        lab.guest.must(&format!("ip link set cplus mtu {mtu}; ip -n far link set cmode mtu {mtu}"));
        lab.up("cplus; cmode");
        lab.exchange();
    }
}

/// Interfaces go down and up twenty times, and drivers ten times.
fn comes_and_goes(lab: &Lab) {
    let again = "for i in $(seq 20); do
           ip link set cplus down && ip link set cplus up
           ip -n far link set cmode down && ip -n far link set cmode up
         done";
    lab.guest.must(again);
    lab.up("cplus; cmode");
    lab.exchange();
    // A driver that is loaded again finds its NIC outside of the namespace, under a name of Linux's.
    let reload = |driver: &str, name: &str| {
        format!(
            "set -e
             for i in $(seq 10); do
               rmmod {driver} && modprobe {driver} && ip link set eth0 name {name}
               ip link set {name} up
             done"
        )
    };
    lab.guest.must(&reload("8139cp", "cplus"));
    lab.guest.must(&reload("8139too", "cmode"));
    lab.up("cplus; cmode");
    lab.exchange();
}

/// The path pulls the cables while files are on their way, and plugs them in again.
fn follows_its_cable(lab: &Lab) {
    let sum = lab.guest.must("sha256sum </run/www/file");
    let (down, up) = (lab.download(), lab.upload());
    let carriers = |wanted: u8| {
        lab.guest.must(&format!(
            "{CARRIER}carrier {wanted} cat /sys/class/net/cplus/carrier
             carrier {wanted} ip netns exec far cat /sys/class/net/cmode/carrier"
        ));
    };
    for _ in 0..2 {
        network::set(lab.here(), 1, "link=down");
        carriers(0);
        network::set(lab.here(), 1, "link=up");
        carriers(1);
    }
    assert_eq!((down(), up()), (sum.clone(), sum));
}

/// A cable in place of the path, and VLANs over it, which the path has not.
fn carries_tags(lab: &mut Lab) {
    lab.path = None;
    let sockets = [1, 2].map(|network| network::socket(lab.here(), network));
    let _cable = Cable::between(&sockets);
    lab.guest.must(&format!(
        "set -e
         {CARRIER}carrier 1 cat /sys/class/net/cplus/carrier
         ip link add link cplus name tagged type vlan id 5
         ip -n far link add link cmode name tagged type vlan id 5
         ip addr add 10.5.0.1/24 dev tagged && ip link set tagged up
         ip -n far addr add 10.5.0.2/24 dev tagged && ip -n far link set tagged up
         carrier 1 cat /sys/class/net/tagged/carrier
         ping -q -c 3 -W 5 10.5.0.2
         ethtool -K cplus rx off && ethtool -K cplus rx on
         ping -q -c 3 -W 5 10.5.0.2
         [ $(wget -nv -O - http://10.5.0.2/file | sha256sum | cut -c-64) = \
           $(sha256sum </run/www/file | cut -c-64) ]"
    ));
}
