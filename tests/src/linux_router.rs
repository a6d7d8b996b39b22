//! A router that is Linux itself, between a tap and a host in another namespace.
//!
//! tap `eth0`, 10.0.3.2 -- forwarding -- veth `client`, 10.0.2.1, with the MTU in question -- veth
//! `eth0` of the client. Towards the tap it answers ARP for the client, so whoever is there need
//! not know that there is one more router.

use std::fs;

use anyhow::Context;
use devices::net::{Offloads, Tap};

use crate::namespace::{Missing, Namespace};

const NOTHING: Offloads = Offloads { checksum: false, tso4: false, tso6: false };
/// Who is asked for 10.0.1.0/24: what is behind the tap.
const GATEWAY: &str = "10.0.3.1";

/// A namespace that forwards.
pub struct LinuxRouter {
    namespace: Namespace,
}

/// What a Linux router counted.
#[derive(Clone, Copy, Debug)]
pub struct RouterCounters {
    /// ICMP destination unreachable sent.
    pub unreachable_sent: u64,
    /// Packets that were too long and must not be fragmented.
    pub over_mtu_dropped: u64,
}

impl LinuxRouter {
    /// A router in front of `client`, which gets a veth `eth0` without an address. The tap is what
    /// the router has on its other side.
    pub fn new(client: &Namespace, mtu: u16) -> anyhow::Result<Result<(Self, Tap), Missing>> {
        let namespace = match Namespace::new() {
            Ok(namespace) => namespace,
            Err(missing) => return Ok(Err(missing)),
        };
        let tap = match namespace.tap(NOTHING)? {
            Ok(tap) => tap,
            Err(missing) => return Ok(Err(missing)),
        };
        let peer = client.thread()?;
        namespace
            .ip(&format!("link add client mtu {mtu} type veth peer name eth0 netns {peer}"))?;
        for arguments in [
            "link set eth0 up",
            "addr add 10.0.3.2/24 dev eth0",
            &format!("route add 10.0.1.0/24 via {GATEWAY}"),
            "link set client up",
            "addr add 10.0.2.1/24 dev client",
        ] {
            namespace.ip(arguments)?;
        }
        for (name, value) in [
            ("ip_forward", "1"),
            ("conf/eth0/proxy_arp", "1"),
            // By default an answer for another host waits up to 0.8 s.
            ("neigh/eth0/proxy_delay", "0"),
        ] {
            set(&namespace, name, value)?;
        }
        Ok(Ok((Self { namespace }, tap)))
    }

    /// What it counted so far.
    pub fn counters(&self) -> anyhow::Result<RouterCounters> {
        let text = self.namespace.run(|| fs::read_to_string("/proc/thread-self/net/snmp"))??;
        let counter = |protocol, name| {
            counter(&text, protocol, name).with_context(|| format!("no {protocol} {name}: {text}"))
        };
        Ok(RouterCounters {
            unreachable_sent: counter("Icmp", "OutDestUnreachs")?,
            over_mtu_dropped: counter("Ip", "FragFails")?,
        })
    }
}

fn set(namespace: &Namespace, name: &str, value: &'static str) -> anyhow::Result<()> {
    let path = format!("/proc/sys/net/ipv4/{name}");
    let file = path.clone();
    let written = namespace.run(move || fs::write(file, value))?;
    written.with_context(|| format!("cannot set {path}"))
}

/// A counter of /proc/net/snmp: for each protocol a line of names, then a line of values.
fn counter(text: &str, protocol: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(protocol)?.strip_prefix(": "));
    let (names, values) = (lines.next()?, lines.next()?);
    let (_, value) = names.split(' ').zip(values.split(' ')).find(|(n, _)| *n == name)?;
    value.parse().ok()
}
