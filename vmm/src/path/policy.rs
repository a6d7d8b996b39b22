//! What a router says and changes: ICMP errors, and the MSS of a SYN.

use std::str::FromStr;
use std::time::Duration;

/// When the router sends ICMP errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IcmpPolicy {
    /// One for every packet: Linux exempts fragmentation needed and Packet Too Big from its limit.
    #[default]
    All,
    /// One per interval and port: Cisco's default is 500 ms, Junos's 1 s.
    Every(Duration),
    /// None: a black hole.
    None,
}

impl std::fmt::Display for IcmpPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Every(time) => write!(f, "every={}", humantime::format_duration(*time)),
            Self::None => f.write_str("none"),
        }
    }
}

impl FromStr for IcmpPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" | "linux" => Ok(Self::All),
            "none" => Ok(Self::None),
            "cisco" => Ok(Self::Every(Duration::from_millis(500))),
            "junos" => Ok(Self::Every(Duration::from_secs(1))),
            _ => text
                .strip_prefix("every=")
                .and_then(|time| humantime::parse_duration(time).ok())
                .map(Self::Every)
                .ok_or_else(|| "write all, none, every=500ms, cisco or junos".to_owned()),
        }
    }
}

/// What ICMP 3/4 says of the MTU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IcmpMtu {
    /// The MTU of the next hop (RFC 1191).
    #[default]
    NextHop,
    /// Nothing, as routers after RFC 792 alone: the field is zero, and the sender has to guess.
    Zero,
}

impl std::fmt::Display for IcmpMtu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NextHop => "next-hop",
            Self::Zero => "zero",
        })
    }
}

impl FromStr for IcmpMtu {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "next-hop" => Ok(Self::NextHop),
            "zero" => Ok(Self::Zero),
            _ => Err("write next-hop or zero".to_owned()),
        }
    }
}

/// What the MSS of a SYN is lowered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MssClamp {
    /// This many bytes, over IPv4 and IPv6.
    Bytes(u16),
    /// What the MTU of either port leaves room for.
    Pmtu,
}

impl std::fmt::Display for MssClamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => bytes.fmt(f),
            Self::Pmtu => f.write_str("pmtu"),
        }
    }
}

impl FromStr for MssClamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pmtu" => Ok(Self::Pmtu),
            _ => text.parse().map(Self::Bytes).map_err(|_| "write pmtu or bytes, 1320".to_owned()),
        }
    }
}
