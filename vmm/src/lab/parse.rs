//! Understands what the tools in a guest print.

use std::collections::BTreeMap;

/// Features and whether they are on, from `ethtool -k`: lines `name: on` or `name: off [fixed]`,
/// parts of a feature indented below it.
pub fn offloads(ethtool: &str) -> BTreeMap<String, bool> {
    let feature = |line: &str| {
        let (name, state) = line.trim().split_once(':')?;
        match state.split_ascii_whitespace().next()? {
            "on" => Some((name.to_owned(), true)),
            "off" => Some((name.to_owned(), false)),
            _ => None,
        }
    };
    ethtool.lines().filter_map(feature).collect()
}

/// The first network controller that `lspci` lists.
pub fn network_controller(lspci: &str) -> Option<String> {
    let controller = |line: &&str| {
        line.contains(" Ethernet controller: ") || line.contains(" Network controller: ")
    };
    lspci.lines().map(str::trim_end).find(controller).map(str::to_owned)
}

/// The shortest round trip of a `ping`, milliseconds: the line ends in
/// `min/avg/max = 24.1/24.3/24.6 ms`, with or without a fourth figure.
pub fn shortest_round_trip(ping: &str) -> Option<f64> {
    let figures = ping.lines().find(|line| line.contains("min/avg/max"))?.split_once('=')?.1;
    // Not even that of a guest whose clock stood still: on a very busy host one can.
    figures.trim().split('/').next()?.parse().ok().filter(|time| *time > 0.0)
}

/// How a download went, as its script in the client tells it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Download {
    /// Seconds it took by the guest's clock.
    pub seconds: f64,
    /// Exit status of `timeout`, which is wget's unless the time was over.
    pub status: i32,
    /// Size of the file.
    pub bytes: u64,
}

/// Reads the line `START END STATUS SIZE`, times in seconds of the guest's uptime.
pub fn download(line: &str) -> Option<Download> {
    let mut fields = line.split_ascii_whitespace();
    let start: f64 = fields.next()?.parse().ok()?;
    let end: f64 = fields.next()?.parse().ok()?;
    let status = fields.next()?.parse().ok()?;
    let bytes = fields.next()?.parse().ok()?;
    Some(Download { seconds: end - start, status, bytes })
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
