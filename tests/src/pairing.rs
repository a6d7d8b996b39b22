//! Pairs of NICs of one guest, joined outside of it, so that everything between them passes both.
//!
//! The near NIC of each pair is the guest's own, the far one is in a network namespace of the guest. Two
//! taps are joined by a bridge, two sockets by a [`Cable`]. So one boot compares any number of
//! configurations, and what arrives is compared with what was sent.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cable::Cable;
use crate::network::Guest;

/// What joins the NICs of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Two taps on a bridge.
    Tap,
    /// Two sockets.
    Stream,
}

/// Two NICs, as `nicvmm run --nic` takes them, without the wire.
#[derive(Clone, Debug)]
pub struct Pairing {
    /// What joins them.
    pub wire: Wire,
    /// The near NIC.
    pub near: String,
    /// The far one.
    pub far: String,
    /// MTUs to try.
    pub mtus: &'static [u16],
}

/// A guest with pairs of NICs.
pub struct Pairs {
    /// The guest.
    pub guest: Guest,
    pairings: Vec<Pairing>,
    _cables: Vec<Cable>,
}

/// Bytes of the file that goes both ways.
const FILE: usize = 1_000_000;

/// Serves a file on both sides. Interfaces of pair N are called nearN and farN; both sides have address
/// 10.0.N.x and fd00:N::x, the near one as 1 and the far one as 2.
const PREPARE: &str = "\
set -e
ip netns add far
ip -n far link set lo up
for i in /sys/class/net/*; do
  read -r mac <$i/address; name=${i##*/}
  case $mac in 52:54:00:00:*) ;; *) continue;; esac
  number=$((0x$(echo $mac | cut -d: -f5)))
  case $mac in
  *:01) new=near$number; ip link set $name name $new; side= where='' own=1;;
  *) new=far$number; ip link set $name name $new; ip link set $new netns far; where='-n far' own=2;;
  esac
  ip $where addr add 10.0.$number.$own/24 dev $new
  ip $where -6 addr add fd00:$number::$own/64 dev $new nodad
  ip $where link set $new up
done
mkdir /run/www && cd /run/www && head -c $SIZE /dev/urandom >file
busybox httpd -p '[::]:80' && ip netns exec far busybox httpd -p '[::]:80'";

impl Wire {
    /// `net=` of a side of pair `number`.
    fn net(self, directory: &Path, side: &str, number: usize) -> String {
        match self {
            Self::Tap => format!("tap:{side}{number}"),
            Self::Stream => format!("stream:{}", socket(directory, side, number).display()),
        }
    }
}

fn socket(directory: &Path, side: &str, number: usize) -> PathBuf {
    directory.join(format!("{side}{number}.net"))
}

fn host(line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    let status = Command::new("ip").args(&words).status().expect("`ip` starts");
    assert!(status.success(), "ip {line}: {status}");
}

impl Pairs {
    /// Boots a guest of two vCPUs with `pairings`, which serves a file on both sides of each.
    pub fn boot(directory: &Path, pairings: Vec<Pairing>) -> Self {
        let mut arguments: Vec<String> = ["--cpus", "2", "--memory", "512"].map(Into::into).into();
        let mut cables = Vec::new();
        for (number, pairing) in pairings.iter().enumerate() {
            let sides = [("near", &pairing.near, 1), ("far", &pairing.far, 2)];
            if pairing.wire == Wire::Stream {
                let sockets = ["near", "far"].map(|side| socket(directory, side, number));
                cables.push(Cable::between(&sockets));
            }
            for (side, nic, own) in sides {
                let net = pairing.wire.net(directory, side, number);
                let mac = format!("52:54:00:00:{number:02x}:{own:02x}");
                arguments.extend(["--nic".to_owned(), format!("{nic},mac={mac},net={net}")]);
            }
        }
        let guest = Guest::boot_with(directory, "guest", &arguments);
        for (number, _) in taps(&pairings) {
            host(&format!("link add join{number} mtu 9000 type bridge"));
            host(&format!("link set join{number} up"));
            for side in ["near", "far"] {
                host(&format!("link set {side}{number} mtu 9000 master join{number} up"));
            }
        }
        guest.must(&PREPARE.replace("$SIZE", &FILE.to_string()));
        Self { guest, pairings, _cables: cables }
    }

    /// Has a file go both ways between the NICs of every pair, over IPv4 and IPv6, at every MTU.
    pub fn exchange_all(&self) {
        for (number, pairing) in self.pairings.iter().enumerate() {
            for mtu in pairing.mtus {
                self.guest.must(&format!(
                    "ip link set near{number} mtu {mtu} && ip -n far link set far{number} mtu {mtu}"
                ));
                for prefix in [format!("10.0.{number}."), format!("fd00:{number}::")] {
                    self.exchange(&prefix, &format!("{pairing:?} at MTU {mtu}"));
                }
            }
        }
    }

    /// Has a file go both ways between addresses that begin with `prefix`.
    pub fn exchange(&self, prefix: &str, what: &str) {
        self.exchange_during(prefix, what, "true");
    }

    /// The same while `script` runs.
    pub fn exchange_during(&self, prefix: &str, what: &str, script: &str) {
        let sum = self.guest.must("sha256sum </run/www/file");
        let fetch = |name: &str, within: &str, own: u8| {
            let host = format!("{prefix}{own}");
            let host = if prefix.contains(':') { format!("[{host}]") } else { host };
            self.guest.start(&format!(
                "{within} timeout 100 wget -nv -T 50 -O /run/{name} http://{host}/file && \
                 sha256sum </run/{name}"
            ))
        };
        let (down, up) = (fetch("down", "", 2), fetch("up", "ip netns exec far", 1));
        self.guest.must(script);
        assert_eq!((down(), up()), (sum.clone(), sum), "{what} over {prefix}");
    }

    /// Has nobody in the guest complain.
    pub fn assert_no_warning(&self) {
        let log = self.guest.must("dmesg");
        assert_eq!(self.guest.must("cat /proc/sys/kernel/tainted"), "0", "{log}");
        for bad in ["NETDEV WATCHDOG", "Call Trace", "WARNING: CPU", "virtio_net: Failed"] {
            assert!(!log.contains(bad), "{log}");
        }
    }
}

impl Drop for Pairs {
    fn drop(&mut self) {
        // The taps go with the guest, the bridges would stay.
        for (number, _) in taps(&self.pairings) {
            let _ = Command::new("ip").args(["link", "del", &format!("join{number}")]).status();
        }
    }
}

fn taps(pairings: &[Pairing]) -> impl Iterator<Item = (usize, &Pairing)> {
    pairings.iter().enumerate().filter(|(_, pairing)| pairing.wire == Wire::Tap)
}
