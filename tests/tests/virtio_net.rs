//! A stock guest's drivers on every kind of NIC and wire, and what a person asks of virtio-net.

use std::fs::File;

use tempfile::TempDir;
use tests::linux::with_kvm;
use tests::pairing::{Pairing, Pairs, Wire};
use tests::program::skip;

/// What virtio-net and any wire carry.
const ANY: &[u16] = &[1500, 9000];
/// What everybody carries.
const ETHERNET: &[u16] = &[1500];

fn pairing(wire: Wire, near: &str, far: &str, mtus: &'static [u16]) -> Pairing {
    Pairing { wire, near: near.into(), far: far.into(), mtus }
}

/// A virtio-net with these settings, each of which may be either. Where buffers hold one frame each,
/// the driver has to know of the longest.
fn virtio(offload: bool, mergeable: bool, queues: u8) -> String {
    let switch = |on: bool| if on { "on" } else { "off" };
    let (offload, merge) = (switch(offload), switch(mergeable));
    let mtu = if mergeable { "" } else { ",mtu=9000" };
    format!("virtio-net,offload={offload},mergeable={merge},queues={queues}{mtu}")
}

/// The same with its frames carried by the kernel, where it can.
fn carried(nic: &str) -> Option<String> {
    if let Err(error) = File::open("/dev/vhost-net") {
        skip("virtio-net with vhost", &format!("/dev/vhost-net: {error}"));
        return None;
    }
    Some(format!("{nic},vhost=on"))
}

/// Every virtio-net beside the one that differs from it in everything, and the RTL8139 beside both.
fn matrix() -> Vec<Pairing> {
    let mut pairings = Vec::new();
    for wire in [Wire::Tap, Wire::Stream] {
        for (offload, mergeable) in [(true, true), (true, false), (false, true), (false, false)] {
            let near = virtio(offload, mergeable, 1);
            let far = virtio(!offload, !mergeable, 2);
            pairings.push(pairing(wire, &near, &far, ANY));
            if let (Wire::Tap, Some(near)) = (wire, carried(&near)) {
                pairings.push(pairing(wire, &near, &carried(&far).unwrap_or(far), ANY));
            }
        }
        pairings.push(pairing(wire, "rtl8139", &virtio(true, true, 2), ETHERNET));
    }
    pairings
}

#[test]
fn a_stock_guest_does_with_virtio_net_what_people_do() {
    with_kvm("a_stock_guest_does_with_virtio_net_what_people_do", || {
        let directory = TempDir::new().unwrap();
        let mut pairings = vec![
            pairing(Wire::Tap, &virtio(true, true, 2), &virtio(false, false, 1), ANY),
            pairing(Wire::Stream, &virtio(true, false, 2), &virtio(true, true, 2), ANY),
            pairing(Wire::Tap, "rtl8139", &virtio(true, true, 1), ETHERNET),
        ];
        if let Some(near) = carried(&virtio(true, true, 2)) {
            pairings.push(pairing(Wire::Tap, &near, &virtio(true, false, 1), ANY));
        }
        let pairs = Pairs::boot(directory.path(), pairings);
        pairs.exchange_all();
        shows_itself(&pairs);
        keeps_working_while_it_is_changed(&pairs);
        spreads_over_cpus(&pairs);
        carries_vlans(&pairs);
        pairs.assert_no_warning();
    });
}

#[test]
#[ignore = "several minutes: every setting on every wire"]
fn every_setting_carries_files_on_every_wire() {
    with_kvm("every_setting_carries_files_on_every_wire", || {
        let directory = TempDir::new().unwrap();
        let pairs = Pairs::boot(directory.path(), matrix());
        println!("Linux {}", pairs.guest.must("uname -r"));
        pairs.exchange_all();
        pairs.assert_no_warning();
    });
}

/// What ethtool and ip show.
fn shows_itself(pairs: &Pairs) {
    let guest = &pairs.guest;
    // As many as there can be, and as many as there are.
    let channels = guest.must("ethtool -l near0 | grep Combined: | cut -f 2");
    assert_eq!(channels, "2\n2");
    let features = guest.must("ethtool -k near0");
    for expected in
        ["rx-gro-hw: on\n", "rx-vlan-filter: on [fixed]", "tcp-segmentation-offload: on"]
    {
        assert!(features.contains(expected), "{expected} is not in\n{features}");
    }
    let far = guest.must("ip netns exec far ethtool -k far0");
    assert!(far.contains("tcp-segmentation-offload: off"), "{far}");
    assert!(guest.must("ip -d -n far link show far0").contains("maxmtu 9000"));
}

/// Queues, offloads and receive modes, while files are on their way.
fn keeps_working_while_it_is_changed(pairs: &Pairs) {
    for (number, scripts) in [
        (0, &["ethtool -L near0 combined 1", "ethtool -L near0 combined 2"][..]),
        (0, &["ethtool -K near0 rx-gro-hw off", "ethtool -K near0 rx-gro-hw on"]),
        (0, &["ethtool -K near0 tso off gso off", "ethtool -K near0 tso on gso on"]),
        (0, &["ip link set near0 promisc on", "ip link set near0 promisc off"]),
        (0, &["ip link set near0 allmulticast on", "ip link set near0 allmulticast off"]),
        (1, &["ethtool -L near1 combined 1", "ethtool -L near1 combined 2"]),
    ] {
        for script in scripts {
            pairs.exchange_during(&format!("10.0.{number}."), script, script);
        }
    }
    // Another address, and a driver that stops and starts.
    let script = "set -e
        ip link set near0 down && ip link set near0 address 52:54:00:00:77:01
        ip link set near0 up && ping -q -c 3 -W 5 10.0.0.2";
    pairs.guest.must(script);
    pairs.exchange("10.0.0.", script);
}

/// What a CPU sends goes through its own queue, and so does the answer: its interrupts are that CPU's.
fn spreads_over_cpus(pairs: &Pairs) {
    for (number, device) in [(0, "near0"), (1, "near1")] {
        let counts = pairs.guest.must(&format!(
            "ethtool -L {device} combined 2 2>/dev/null || true
             for cpu in 0 1; do
               taskset -c $cpu wget -q -O /dev/null http://10.0.{number}.2/file
             done
             virtio=$(basename $(readlink -f /sys/class/net/{device}/device))
             for queue in 0 1; do
               awk -v queue=$queue \"/$virtio-input.$queue/ {{ print \\$(2 + queue) }}\" /proc/interrupts
             done"
        ));
        let counts: Vec<u64> = counts.lines().map(|count| count.parse().unwrap()).collect();
        assert_eq!(counts.len(), 2, "{device}: {counts:?}");
        assert!(counts.iter().all(|count| *count > 0), "{device}: {counts:?}");
    }
}

/// VLANs pass because their driver named them.
fn carries_vlans(pairs: &Pairs) {
    pairs.guest.must(
        "set -e
         for side in '' '-n far'; do
           case $side in '') link=near1 own=1;; *) link=far1 own=2;; esac
           ip $side link set $link promisc off
           ip $side link add link $link name tagged type vlan id 5
           ip $side addr add 10.5.0.$own/24 dev tagged
           ip $side link set tagged up
         done",
    );
    pairs.exchange("10.5.0.", "VLAN 5");
}
