//! Who lives where in the lab: the server on one side of the path, the client on the other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::plan::IpVersion;

/// One side of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Has the NIC under test and the file.
    Server,
    /// Downloads.
    Client,
}

impl Role {
    /// For messages and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }

    /// Number of its network.
    fn network(self) -> u8 {
        match self {
            Self::Server => 1,
            Self::Client => 2,
        }
    }

    fn host4(self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, self.network(), host)
    }

    fn host6(self, host: u8) -> Ipv6Addr {
        Ipv6Addr::new(0xfd00, u16::from(self.network()), 0, 0, 0, 0, 0, u16::from(host))
    }

    /// The guest's MAC address.
    pub fn mac(self) -> String {
        format!("52:54:00:00:{:02x}:02", self.network())
    }

    /// The guest's address of this version.
    pub fn host(self, ip: IpVersion) -> IpAddr {
        match ip {
            IpVersion::V4 => self.host4(2).into(),
            IpVersion::V6 => self.host6(2).into(),
        }
    }

    /// The address of the guest's router.
    pub fn router(self, ip: IpVersion) -> IpAddr {
        match ip {
            IpVersion::V4 => self.host4(1).into(),
            IpVersion::V6 => self.host6(1).into(),
        }
    }

    /// The guest's addresses with prefix length, on a path of this MTU.
    pub fn prefixes(self, mtu: u16) -> Vec<String> {
        let mut prefixes = vec![format!("{}/24", self.host4(2))];
        prefixes.extend(carries_ipv6(mtu).then(|| format!("{}/64", self.host6(2))));
        prefixes
    }

    /// Its routers: the path's addresses on this side.
    pub fn gateways(self, mtu: u16) -> Vec<IpAddr> {
        let mut gateways = vec![self.host4(1).into()];
        gateways.extend(carries_ipv6(mtu).then(|| IpAddr::from(self.host6(1))));
        gateways
    }

    /// The path's own addresses on this side, as `nicvmm path --port` wants them.
    pub fn port(self, mtu: u16) -> String {
        let ipv6 = carries_ipv6(mtu).then(|| format!(",ip6={}/64", self.host6(1)));
        format!("ip={}/24{}", self.host4(1), ipv6.unwrap_or_default())
    }
}

/// A link with a smaller MTU must not carry IPv6 (RFC 8200, section 5).
fn carries_ipv6(mtu: u16) -> bool {
    mtu >= 1280
}
