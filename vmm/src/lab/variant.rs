//! What differs between the arms of a comparison: the server's NIC, and who emulates it.
//!
//! Written as `[VMM:]MODEL[,KEY=VALUE...]`: `rtl8139,tso=mtu1500`, `virtio-net`, `qemu:e1000`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Who runs a guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vmm {
    /// This program: `nicvmm run`.
    #[default]
    Nicvmm,
    /// The installed `qemu-system-x86_64`, so that its NIC models can stand in the same table.
    Qemu,
}

impl Vmm {
    /// How it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nicvmm => "nicvmm",
            Self::Qemu => "qemu",
        }
    }
}

impl fmt::Display for Vmm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Vmm {
    type Err = BadVariant;

    fn from_str(text: &str) -> Result<Self, BadVariant> {
        match text {
            "nicvmm" => Ok(Self::Nicvmm),
            "qemu" => Ok(Self::Qemu),
            other => Err(BadVariant::Vmm(other.to_owned())),
        }
    }
}

/// Why a variant was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadVariant {
    /// No NIC model is named.
    #[error("`{0}` names no NIC model; write [VMM:]MODEL[,KEY=VALUE...], such as rtl8139,tso=mss")]
    NoModel(String),
    /// An option is not `KEY=VALUE`.
    #[error("`{0}` is not KEY=VALUE; options follow the model, as in rtl8139,tso=mss")]
    NotKeyValue(String),
    /// An option that the lab sets itself.
    #[error("`{0}` cannot be chosen: the lab sets it for every variant alike")]
    Reserved(String),
    /// QEMU's models do not have the options of ours.
    #[error("QEMU's rtl8139 has no `tso`: versions before 7.2 cut at 1500, later ones at the MSS")]
    QemuTso,
    /// No such VMM.
    #[error("unknown VMM `{0}`; known are nicvmm and qemu")]
    Vmm(String),
}

/// Options that every variant gets from the lab.
const RESERVED: [&str; 6] = ["mac", "net", "netdev", "id", "bus", "addr"];

/// A NIC and who emulates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Who runs the server guest; nobody said where it is none, and the comparison's default holds.
    pub vmm: Option<Vmm>,
    /// The model, as the VMM calls it.
    pub model: String,
    /// Its options, in the order given.
    pub options: Vec<(String, String)>,
}

impl Variant {
    /// The NIC as the VMM's command line wants it: the model, then its options.
    pub fn nic(&self) -> String {
        format!("{}{}", self.model, self.written_options())
    }

    /// Its options, a comma before each.
    pub fn written_options(&self) -> String {
        self.options.iter().fold(String::new(), |text, (key, value)| text + "," + key + "=" + value)
    }

    /// The same variant with a VMM settled, where none was written.
    pub fn under(&self, default: Vmm) -> Result<Self, BadVariant> {
        let vmm = self.vmm.unwrap_or(default);
        if vmm == Vmm::Qemu && self.options.iter().any(|(key, _)| key == "tso") {
            return Err(BadVariant::QemuTso);
        }
        Ok(Self { vmm: Some(vmm), ..self.clone() })
    }

    /// Who runs it.
    pub fn vmm(&self) -> Vmm {
        self.vmm.unwrap_or_default()
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.vmm {
            Some(Vmm::Qemu) => write!(f, "qemu:{}", self.nic()),
            _ => f.write_str(&self.nic()),
        }
    }
}

impl FromStr for Variant {
    type Err = BadVariant;

    fn from_str(text: &str) -> Result<Self, BadVariant> {
        let (head, rest) = text.split_once(',').unwrap_or((text, ""));
        let (vmm, model) = match head.split_once(':') {
            Some((vmm, model)) => (Some(vmm.parse()?), model),
            None => (None, head),
        };
        if model.is_empty() || model.contains('=') {
            return Err(BadVariant::NoModel(text.to_owned()));
        }
        let options = rest.split(',').filter(|option| !option.is_empty()).map(option);
        let variant =
            Self { vmm, model: model.to_owned(), options: options.collect::<Result<_, _>>()? };
        variant.under(Vmm::default()).map(|_| variant)
    }
}

fn option(text: &str) -> Result<(String, String), BadVariant> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| BadVariant::NotKeyValue(text.to_owned()))?;
    if RESERVED.contains(&key) {
        return Err(BadVariant::Reserved(key.to_owned()));
    }
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
#[path = "variant_tests.rs"]
mod tests;
