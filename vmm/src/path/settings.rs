//! What a running path can be told to be, and what it is.
//!
//! A [`Change`] is `KEY=VALUE`, the words of the command line. It concerns both directions, or with
//! `a.` or `b.` before it the one that leads to that port.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::chance::Reorder;
use super::units::{Queue, Rate, Ratio};
use super::{IcmpMtu, IcmpPolicy, MssClamp, PathConfig, Side};

/// Everything that can be set.
const KEYS: &str = "mtu, chain, rate, delay, queue, link, icmp-filter, loss, jitter, reorder, icmp, \
                    icmp-mtu and mss-clamp";
/// What takes a limit away.
const NONE: &str = "none";

/// A setting cannot be changed so
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// It is not KEY=VALUE
    #[error("'{0}' is not KEY=VALUE; write for example mtu=1492 or b.rate=50mbit")]
    Form(String),
    /// There is no such setting
    #[error("a path has no setting '{0}'; there are {KEYS}")]
    Key(String),
    /// The setting belongs to the whole path
    #[error("{0} is for the whole path; leave the port away")]
    Whole(String),
    /// The value is of no use
    #[error("{key}={value}: {why}")]
    Value {
        /// The setting.
        key: String,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

/// One change of one setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    key: String,
    value: String,
    towards: Option<Side>,
    setting: Setting,
}

#[derive(Clone, Debug, PartialEq)]
enum Setting {
    Mtu(u16),
    Chain(Vec<u16>),
    Rate(Option<Rate>),
    Delay(Duration),
    Queue(Option<Queue>),
    /// Whether the cable is plugged in.
    Link(bool),
    IcmpFilter(bool),
    Loss(Ratio),
    Jitter(Duration),
    Reorder(Option<Reorder>),
    Icmp(IcmpPolicy),
    IcmpMtu(IcmpMtu),
    MssClamp(Option<MssClamp>),
}

impl FromStr for Change {
    type Err = ChangeError;

    fn from_str(text: &str) -> Result<Self, ChangeError> {
        let (key, value) = text.split_once('=').ok_or_else(|| ChangeError::Form(text.into()))?;
        let (towards, name) = match key.split_once('.') {
            Some(("a", name)) => (Some(Side::A), name),
            Some(("b", name)) => (Some(Side::B), name),
            _ => (None, key),
        };
        let setting = Setting::read(name, value)
            .ok_or_else(|| ChangeError::Key(key.into()))?
            .map_err(|why| ChangeError::Value { key: key.into(), value: value.into(), why })?;
        if towards.is_some() && !setting.is_of_a_port() {
            return Err(ChangeError::Whole(name.into()));
        }
        Ok(Self { key: key.into(), value: value.into(), towards, setting })
    }
}

impl Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl Setting {
    /// `None` if there is no such setting.
    fn read(name: &str, value: &str) -> Option<Result<Self, String>> {
        fn parse<T: FromStr<Err: Display>>(value: &str) -> Result<T, String> {
            value.parse().map_err(|why: T::Err| why.to_string())
        }
        fn limit<T: FromStr<Err: Display>>(value: &str) -> Result<Option<T>, String> {
            if value == NONE { Ok(None) } else { parse(value).map(Some) }
        }
        Some(match name {
            "mtu" => parse(value).map(Self::Mtu),
            "chain" => match value {
                NONE => Ok(Self::Chain(Vec::new())),
                _ => value.split(',').map(parse).collect::<Result<_, _>>().map(Self::Chain),
            },
            "rate" => limit(value).map(Self::Rate),
            "delay" => parse(value).map(|time: humantime::Duration| Self::Delay(time.into())),
            "queue" => limit(value).map(Self::Queue),
            "link" => match value {
                "up" => Ok(Self::Link(true)),
                "down" => Ok(Self::Link(false)),
                _ => Err("write up or down".into()),
            },
            "icmp-filter" => match value {
                "on" => Ok(Self::IcmpFilter(true)),
                "off" => Ok(Self::IcmpFilter(false)),
                _ => Err("write on or off".into()),
            },
            "loss" => parse(value).map(Self::Loss),
            "jitter" => parse(value).map(|time: humantime::Duration| Self::Jitter(time.into())),
            "reorder" => limit(value).map(Self::Reorder),
            "icmp" => parse(value).map(Self::Icmp),
            "icmp-mtu" => parse(value).map(Self::IcmpMtu),
            "mss-clamp" => limit(value).map(Self::MssClamp),
            _ => return None,
        })
    }

    fn is_of_a_port(&self) -> bool {
        match self {
            Self::Mtu(_)
            | Self::Rate(_)
            | Self::Delay(_)
            | Self::Queue(_)
            | Self::Link(_)
            | Self::IcmpFilter(_) => true,
            Self::Chain(_)
            | Self::Loss(_)
            | Self::Jitter(_)
            | Self::Reorder(_)
            | Self::Icmp(_)
            | Self::IcmpMtu(_)
            | Self::MssClamp(_) => false,
        }
    }
}

impl Change {
    /// Changes `config`.
    pub fn apply(&self, config: &mut PathConfig) -> Result<(), ChangeError> {
        let sides = self.towards.map_or(Side::BOTH.to_vec(), |side| vec![side]);
        let wrong =
            |why| ChangeError::Value { key: self.key.clone(), value: self.value.clone(), why };
        for index in sides.into_iter().map(Side::index) {
            let port = &mut config.ports[index];
            match &self.setting {
                Setting::Mtu(mtu) => {
                    port.mtu = *mtu;
                    port.check_mtu().map_err(wrong)?;
                }
                Setting::Chain(mtus) => {
                    config.chain.clone_from(mtus);
                    config.check_chain().map_err(wrong)?;
                }
                Setting::Delay(delay) => port.delay = Some(*delay),
                Setting::Rate(rate) => config.set_rate(index, *rate),
                Setting::Queue(queue) => config.set_queue(index, *queue),
                Setting::Link(up) => config.unplugged[index] = !up,
                Setting::IcmpFilter(filter) => config.icmp_filter[index] = *filter,
                Setting::Loss(loss) => config.loss = loss.0,
                Setting::Jitter(jitter) => config.jitter = *jitter,
                Setting::Reorder(reorder) => config.reorder = *reorder,
                Setting::IcmpMtu(mtu) => config.icmp_mtu = *mtu,
                Setting::Icmp(policy) => config.icmp = *policy,
                Setting::MssClamp(clamp) => config.mss_clamp = *clamp,
            }
        }
        Ok(())
    }
}

impl PathConfig {
    fn set_rate(&mut self, index: usize, rate: Option<Rate>) {
        let whole = self.rate.take();
        self.ports.iter_mut().for_each(|port| port.rate = port.rate.or(whole));
        self.ports[index].rate = rate;
    }

    fn set_queue(&mut self, index: usize, queue: Option<Queue>) {
        let whole = self.queue.take();
        self.ports.iter_mut().for_each(|port| port.queue = port.queue.or(whole));
        self.ports[index].queue = queue;
    }
}

/// What a path is set to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Towards the first port.
    pub towards_a: Towards,
    /// Towards the second port.
    pub towards_b: Towards,
    /// MTUs of the links between routers, from the first port to the second.
    pub chain: Vec<u16>,
    /// Part of all packets that gets lost.
    pub loss: f64,
    /// Longest time that a packet takes longer than the delay says.
    pub jitter_seconds: f64,
    /// Part of all packets that others overtake.
    pub reorder: f64,
    /// How much later these come.
    pub reorder_by_seconds: f64,
    /// Seed of all chances.
    pub seed: u64,
    /// When ICMP errors are sent, as `--icmp` takes it.
    pub icmp: String,
    /// What ICMP 3/4 says of the MTU, as `--icmp-mtu` takes it.
    pub icmp_mtu: String,
    /// What the MSS of a SYN is lowered to, as `--mss-clamp` takes it.
    pub mss_clamp: Option<String>,
}

/// What the way to one port is set to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Towards {
    /// Longest IP packet.
    pub mtu: u16,
    /// Rate of the line; without, packets take no time to send.
    pub rate_bits_per_second: Option<u64>,
    /// One-way delay.
    pub delay_seconds: f64,
    /// Room before the line; without a rate there is no queue.
    pub queue_bytes: Option<u64>,
    /// Whether the cable is plugged in.
    pub link: bool,
    /// Whether a firewall keeps out ICMP that is no echo.
    pub icmp_filter: bool,
}

impl From<&PathConfig> for Settings {
    fn from(config: &PathConfig) -> Self {
        let towards = |side: Side| {
            let link = config.link(side);
            Towards {
                mtu: config.ports[side.index()].mtu,
                rate_bits_per_second: link.rate.map(|rate| rate.0),
                delay_seconds: link.delay.as_secs_f64(),
                queue_bytes: link.rate.map(|_| link.room(config.round_trip())),
                link: !config.unplugged[side.index()],
                icmp_filter: config.icmp_filter[side.index()],
            }
        };
        Self {
            towards_a: towards(Side::A),
            towards_b: towards(Side::B),
            chain: config.chain.clone(),
            loss: config.loss,
            jitter_seconds: config.jitter.as_secs_f64(),
            reorder: config.reorder.map_or(0.0, |reorder| reorder.part.0),
            reorder_by_seconds: config.reorder.map_or(0.0, |reorder| reorder.by.as_secs_f64()),
            seed: config.seed,
            icmp: config.icmp.to_string(),
            icmp_mtu: config.icmp_mtu.to_string(),
            mss_clamp: config.mss_clamp.map(|clamp| clamp.to_string()),
        }
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
