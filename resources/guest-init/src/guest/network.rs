//! Sets up network interfaces, by iproute2's `ip` that every image carries.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use crate::protocol::Configure;

/// Time in which an interface must appear: its driver may still be at work.
const APPEARANCE: Duration = Duration::from_secs(5);
const ACCEPT_DAD: &str = "/proc/sys/net/ipv6/conf/default/accept_dad";
const POLL: Duration = Duration::from_millis(20);

/// Has interfaces to come take IPv6 addresses without asking around for a second whether another
/// has them: nobody else is there.
pub fn skip_duplicate_detection() -> Result<(), String> {
    fs::write(ACCEPT_DAD, "0").map_err(|error| format!("{ACCEPT_DAD}: {error}"))
}

/// Brings the loopback interface up.
pub fn bring_up_loopback() -> Result<(), String> {
    // Busybox's is static: in a slow guest this halves the time.
    let output = Command::new("busybox").args(["ip", "link", "set", "lo", "up"]).output();
    check(output, "ip link set lo up")
}

/// Sets an interface up.
pub fn configure(network: &Configure) -> Result<(), String> {
    network.check()?;
    let name = find(&network.interface)?;
    let batch = commands(network, &name);
    let mut ip = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("starting ip: {error}"))?;
    if let Some(mut stdin) = ip.stdin.take() {
        stdin.write_all(batch.as_bytes()).map_err(|error| format!("ip -batch: {error}"))?;
    }
    check(ip.wait_with_output(), &batch)
}

/// Has programs ask these servers for the addresses of names. Otherwise they only look into files:
/// most guests have no one to ask.
pub fn ask_name_servers(servers: &[IpAddr]) -> Result<(), String> {
    if servers.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> =
        servers.iter().map(|server| format!("nameserver {server}\n")).collect();
    let lines = lines.concat();
    let files = [
        ("/etc/resolv.conf", &lines[..]),
        ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ];
    for (path, text) in files {
        fs::write(path, text).map_err(|error| format!("{path}: {error}"))?;
    }
    Ok(())
}

fn check(output: io::Result<std::process::Output>, what: &str) -> Result<(), String> {
    let output = output.map_err(|error| format!("running ip: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}", what.trim(), String::from_utf8_lossy(&output.stderr).trim()))
}

/// What `ip -batch` is given. It takes no options there; a gateway tells its family by itself.
fn commands(network: &Configure, name: &str) -> String {
    let mut batch = String::new();
    let mtu = network.mtu.map(|mtu| format!(" mtu {mtu}")).unwrap_or_default();
    let _ = writeln!(batch, "link set dev {name}{mtu} up");
    for address in &network.addresses {
        let _ = writeln!(batch, "addr replace {address} dev {name}");
    }
    for gateway in &network.gateways {
        let _ = writeln!(batch, "route replace default via {gateway} dev {name}");
    }
    batch
}

/// The name of an interface given by name or MAC address.
fn find(wanted: &str) -> Result<String, String> {
    let deadline = Instant::now() + APPEARANCE;
    loop {
        let interfaces = interfaces(Path::new("/sys/class/net"));
        if let Some((name, _)) =
            interfaces.iter().find(|(name, mac)| name == wanted || mac.eq_ignore_ascii_case(wanted))
        {
            return Ok(name.clone());
        }
        if Instant::now() >= deadline {
            let list: Vec<_> =
                interfaces.iter().map(|(name, mac)| format!("{name} ({mac})")).collect();
            return Err(format!("no interface {wanted}; there are: {}", list.join(", ")));
        }
        std::thread::sleep(POLL);
    }
}

/// Names and MAC addresses.
fn interfaces(directory: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| {
            let mac = fs::read_to_string(entry.path().join("address")).unwrap_or_default();
            (entry.file_name().to_string_lossy().into_owned(), mac.trim().to_owned())
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
