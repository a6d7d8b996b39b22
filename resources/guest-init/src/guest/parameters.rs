//! What the kernel command line asks of PID 1.
//!
//! | parameter | meaning |
//! |---|---|
//! | `nicvmm.control=ttyS1` | control device: a name in /dev, or the name of a virtio port |
//! | `nicvmm.net=MAC,10.0.1.2/24,gw=10.0.1.1,mtu=1500` | interface by MAC or name; may repeat |
//! | `nicvmm.dns=10.0.1.3` | whom to ask for the addresses of names |
//! | `nicvmm.modules=tun,sch_netem` | modules to load beside those the hardware asks for |
//! | `nicvmm.timer=1284` | port of the boot timer, which hears how far the guest is |
//! | `nicvmm.shell` | a shell on the console; the guest powers off when it ends |

use std::net::IpAddr;
use std::str::FromStr;

use crate::protocol::{CONTROL_PARAMETER, Configure, DEFAULT_CONTROL, TIMER_PARAMETER};

/// The parameters of PID 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Control device.
    pub control: String,
    /// Interfaces to set up.
    pub networks: Vec<Configure>,
    /// Whom to ask for the addresses of names.
    pub name_servers: Vec<IpAddr>,
    /// Modules to load by name.
    pub modules: Vec<String>,
    /// Whether to start a shell on the console.
    pub shell: bool,
    /// Port of the boot timer.
    pub timer: Option<u16>,
    /// Parameters that could not be understood, one line each.
    pub warnings: Vec<String>,
}

impl Parameters {
    /// Reads a kernel command line. Parameters of others are passed over.
    pub fn parse(command_line: &str) -> Self {
        let mut parameters = Self {
            control: DEFAULT_CONTROL.into(),
            networks: Vec::new(),
            name_servers: Vec::new(),
            modules: Vec::new(),
            shell: false,
            timer: None,
            warnings: Vec::new(),
        };
        for word in command_line.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            match name {
                CONTROL_PARAMETER => parameters.control = value.into(),
                "nicvmm.net" => match value.parse() {
                    Ok(network) => parameters.networks.push(network),
                    Err(why) => parameters.warnings.push(format!("{word}: {why}")),
                },
                "nicvmm.dns" => match value.parse() {
                    Ok(address) => parameters.name_servers.push(address),
                    Err(_) => parameters.warnings.push(format!("{word}: no address")),
                },
                "nicvmm.modules" => {
                    let names = value.split(',').filter(|name| !name.is_empty());
                    parameters.modules.extend(names.map(Into::into));
                }
                TIMER_PARAMETER => match value.parse() {
                    Ok(port) => parameters.timer = Some(port),
                    Err(_) => parameters.warnings.push(format!("{word}: no port")),
                },
                "nicvmm.shell" => parameters.shell = true,
                _ if name.starts_with("nicvmm.") => {
                    parameters.warnings.push(format!("{word}: unknown parameter"));
                }
                _ => {}
            }
        }
        parameters
    }
}

impl FromStr for Configure {
    type Err = String;

    /// `INTERFACE[,ADDRESS/PREFIX]..[,gw=ADDRESS]..[,mtu=BYTES]`
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let interface = parts.next().filter(|name| !name.is_empty()).ok_or("no interface")?;
        let mut network = Self { interface: interface.into(), ..Self::default() };
        for part in parts {
            match part.split_once('=') {
                Some(("gw", address)) => {
                    let address = address.parse().map_err(|_| format!("{address}: no address"))?;
                    network.gateways.push(address);
                }
                Some(("mtu", bytes)) => {
                    network.mtu = Some(bytes.parse().map_err(|_| format!("{bytes}: no MTU"))?);
                }
                Some((key, _)) => return Err(format!("{key}: neither gw nor mtu")),
                None => {
                    network.addresses.push(part.into());
                }
            }
        }
        network.check()?;
        Ok(network)
    }
}

impl Configure {
    /// Checks that the addresses are addresses with a prefix length.
    pub fn check(&self) -> Result<(), String> {
        let interface_is_plain = self
            .interface
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || ":-_.".contains(letter));
        if self.interface.is_empty() || !interface_is_plain {
            return Err(format!("{:?}: neither a MAC address nor a name", self.interface));
        }
        for text in &self.addresses {
            let parsed = text.split_once('/').and_then(|(address, prefix)| {
                let address = address.parse::<std::net::IpAddr>().ok()?;
                let longest = if address.is_ipv4() { 32 } else { 128 };
                prefix.parse::<u8>().ok().filter(|prefix| *prefix <= longest)
            });
            if parsed.is_none() {
                return Err(format!("{text}: not an address with prefix length (10.0.1.2/24)"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod tests;
