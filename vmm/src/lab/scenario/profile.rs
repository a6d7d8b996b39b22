//! Paths as people know them by name: a DSL line, a tunnel, a network that answers nothing.
//!
//! The figures are in `resources/profiles.toml`; the names serve scenarios and `--profile`.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;

use super::written::Written;
use crate::lab::plan::PathPlan;
use crate::path::units::{Queue, Rate, Ratio};
use crate::path::{IcmpMtu, IcmpPolicy, MssClamp, Reorder};

/// Smallest MTU that is worth measuring: IPv4 hosts must take 576 bytes (RFC 791).
pub const MTU_MIN: u16 = 576;
/// Largest: Ethernet's, which the server's side has.
pub const MTU_MAX: u16 = 1500;

/// Largest MTU of the ends: that of usual jumbo frames.
pub const ENDS_MAX: u16 = 9000;

static TEXT: &str = include_str!("../../../../resources/profiles.toml");

static PROFILES: LazyLock<BTreeMap<String, Entry>> = LazyLock::new(|| {
    // A test reads it; a program with an unreadable one has no profiles.
    toml::from_str(TEXT).unwrap_or_default()
});

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    about: String,
    path: PathOptions,
}

/// A path with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The name.
    pub name: String,
    /// Where one meets it.
    pub about: String,
    /// What it is like.
    pub path: PathPlan,
}

/// All of them, by name.
pub fn profiles() -> impl Iterator<Item = Profile> {
    PROFILES.iter().map(|(name, entry)| Profile {
        name: name.clone(),
        about: entry.about.clone(),
        path: entry.path.over(PathPlan::default()),
    })
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        profiles().find(|profile| profile.name == name).ok_or_else(|| {
            let names: Vec<&str> = PROFILES.keys().map(String::as_str).collect();
            format!("there is no path profile `{name}`; there are {}", names.join(", "))
        })
    }
}

/// An MTU towards the client
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mtu(pub u16);

impl FromStr for Mtu {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(mtu) if (MTU_MIN..=MTU_MAX).contains(&mtu) => Ok(Self(mtu)),
            _ => Err(format!("the MTU must lie between {MTU_MIN} and {MTU_MAX}, not `{text}`")),
        }
    }
}

/// MTU of the links at both ends: jumbo frames, or Ethernet's
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends(pub u16);

impl FromStr for Ends {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(mtu) if (MTU_MAX..=ENDS_MAX).contains(&mtu) => Ok(Self(mtu)),
            _ => Err(format!(
                "the ends' MTU must lie between {MTU_MAX} and {ENDS_MAX}, not `{text}`"
            )),
        }
    }
}

/// One-way delay
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay(pub Duration);

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text)
            .map(Self)
            .map_err(|error| format!("`{text}` is not a time, {error}; write for example 12ms"))
    }
}

/// What a file may say about a path; what it does not say stays as it was.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PathOptions {
    profile: Option<Written<Profile>>,
    mtu: Option<Written<Mtu>>,
    delay: Option<Written<Delay>>,
    rate: Option<Written<Rate>>,
    rate_up: Option<Written<Rate>>,
    queue: Option<Written<Queue>>,
    overhead: Option<u64>,
    mss_clamp: Option<Written<MssClamp>>,
    icmp: Option<Written<IcmpPolicy>>,
    icmp_filter: Option<bool>,
    loss: Option<Written<Ratio>>,
    chain: Option<Vec<Written<Mtu>>>,
    ends: Option<Written<Ends>>,
    jitter: Option<Written<Delay>>,
    reorder: Option<Written<Reorder>>,
    icmp_mtu: Option<Written<IcmpMtu>>,
}

impl PathOptions {
    /// A path that is like `base` but for what is said here.
    pub fn over(&self, base: PathPlan) -> PathPlan {
        fn text<T>(option: Option<&Written<T>>, base: Option<String>) -> Option<String> {
            option.map(|written| written.text.clone()).or(base)
        }
        let base = self.profile.as_ref().map_or(base, |profile| profile.value.path.clone());
        PathPlan {
            mtu: self.mtu.as_ref().map_or(base.mtu, |mtu| mtu.value.0),
            delay: self.delay.as_ref().map_or(base.delay, |delay| delay.value.0),
            rate: text(self.rate.as_ref(), base.rate),
            rate_up: text(self.rate_up.as_ref(), base.rate_up),
            queue: text(self.queue.as_ref(), base.queue),
            overhead: self.overhead.or(base.overhead),
            mss_clamp: text(self.mss_clamp.as_ref(), base.mss_clamp),
            icmp: self.icmp.as_ref().map_or(base.icmp, |icmp| icmp.text.clone()),
            icmp_filter: self.icmp_filter.unwrap_or(base.icmp_filter),
            loss: text(self.loss.as_ref(), base.loss),
            chain: match &self.chain {
                Some(links) => links.iter().map(|link| link.value.0).collect(),
                None => base.chain,
            },
            ends: self.ends.as_ref().map(|ends| ends.value.0).or(base.ends),
            jitter: text(self.jitter.as_ref(), base.jitter),
            reorder: text(self.reorder.as_ref(), base.reorder),
            icmp_mtu: text(self.icmp_mtu.as_ref(), base.icmp_mtu),
        }
    }
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
