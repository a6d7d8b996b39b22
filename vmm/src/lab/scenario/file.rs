//! The form of a scenario file (TOML), and the way from its text to a [`Scenario`].
//!
//! ```toml
//! title = "Behind a tunnel the download crawls"
//! because = "The NIC cuts at 1500 bytes, whatever the path takes."
//! [path]
//! mtu = 1420
//! [[variant]]
//! nic = "rtl8139,tso=mtu1500"
//! expect = { speed = "slow", icmp-late = "1.." }
//! ```

use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::profile::PathOptions;
use super::written::Written;
use super::{Error, Expectations, Scenario};
use crate::lab::during::Moment;
use crate::lab::plan::{Arm, Download, IpVersion, PathPlan};
use crate::lab::variant::Variant;
use crate::path::config::MTU_MIN_IPV6;

/// The longest a download takes where nothing else is said.
pub const SECONDS: f64 = 10.0;
/// Size of the file where nothing else is said, MiB.
pub const FILE_MIB: u32 = 64;
/// Both guests hold the file in memory.
pub const FILE_MIB_MAX: u32 = 128;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    title: String,
    because: String,
    runs: Option<u32>,
    #[serde(default)]
    path: PathOptions,
    #[serde(default)]
    download: DownloadOptions,
    variant: Vec<Spanned<VariantFile>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct VariantFile {
    name: Option<String>,
    nic: Written<Variant>,
    #[serde(default)]
    path: PathOptions,
    #[serde(default)]
    server: Vec<String>,
    #[serde(default)]
    during: Vec<Written<Moment>>,
    #[serde(default)]
    download: DownloadOptions,
    #[serde(default)]
    expect: Expectations,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DownloadOptions {
    seconds: Option<Written<Seconds>>,
    file_mib: Option<Written<FileSize>>,
    ip: Option<Written<Ip>>,
}

impl DownloadOptions {
    fn over(&self, base: Download) -> Download {
        let time = self.seconds.as_ref().map(|seconds| seconds.value.0);
        Download {
            time: time.map_or(base.time, Duration::from_secs_f64),
            file_mib: self.file_mib.as_ref().map_or(base.file_mib, |size| size.value.0),
            ip: self.ip.as_ref().map_or(base.ip, |ip| ip.value.0),
        }
    }
}

/// How long a download may take
#[derive(Clone, Copy, Debug)]
pub struct Seconds(pub f64);

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<f64>() {
            Ok(seconds) if (0.5..=3600.0).contains(&seconds) => Ok(Self(seconds)),
            _ => Err("not a number of seconds between 0.5 and 3600"),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct FileSize(u32);

impl FromStr for FileSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(size @ 1..=FILE_MIB_MAX) => Ok(Self(size)),
            _ => Err(format!("the file can have 1 to {FILE_MIB_MAX} MiB, not `{text}`")),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Ip(IpVersion);

impl FromStr for Ip {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "4" => Ok(Self(IpVersion::V4)),
            "6" => Ok(Self(IpVersion::V6)),
            _ => Err("the version of IP is 4 or 6"),
        }
    }
}

/// Reads a scenario. `origin` is its file, for messages.
pub fn parse(name: &str, origin: &str, text: &str) -> Result<Scenario, Error> {
    let wrong = |message: String| Error::Content { origin: origin.to_owned(), message };
    let file: File =
        toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
    if file.variant.is_empty() {
        return Err(wrong("it has no [[variant]], so there is nothing to measure".to_owned()));
    }
    let path = file.path.over(PathPlan::default());
    let download = file.download.over(Download {
        time: Duration::from_secs_f64(SECONDS),
        file_mib: FILE_MIB,
        ip: IpVersion::default(),
    });
    let mut variants: Vec<(Arm, Expectations)> = Vec::new();
    for variant in file.variant {
        let line = line(text, variant.span().start);
        let variant = variant.into_inner();
        let arm = Arm {
            name: variant.name.unwrap_or(variant.nic.text),
            nic: variant.nic.value,
            path: variant.path.over(path.clone()),
            server: variant.server,
            during: variant.during.into_iter().map(|moment| moment.value).collect(),
            download: variant.download.over(download),
        };
        if variants.iter().any(|(other, _)| other.name == arm.name) {
            return Err(wrong(format!(
                "line {line}: another [[variant]] is called `{}` too; give it a `name` of its own",
                arm.name
            )));
        }
        if arm.download.ip == IpVersion::V6 && arm.path.mtu < MTU_MIN_IPV6 {
            return Err(wrong(format!(
                "line {line}: `mtu = {}` carries no IPv6, which needs {MTU_MIN_IPV6}",
                arm.path.mtu
            )));
        }
        variants.push((arm, variant.expect));
    }
    Ok(Scenario {
        name: name.to_owned(),
        title: file.title,
        because: file.because,
        runs: file.runs,
        variants,
    })
}

/// Number of the line in which the byte at `offset` is.
fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
