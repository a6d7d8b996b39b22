//! `--nic`: a NIC model and the wire it hangs on.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;
use devices::net::Offloads;
use devices::rtl8139::{self, Chip, Quirks, Rtl8139, Tso};
use devices::virtio::net::{self as virtio_net, MAX_PAIRS, VirtioNet};

use super::passt::Passt;
use super::wire::{Opened, Wire};
use crate::machine::Machine;

/// Which NIC the guest sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// An RTL8139, cutting super-frames at the driver's MSS or, as QEMU did before 7.2, at the
    /// Ethernet MTU.
    Rtl8139 {
        /// Which chip it is.
        chip: Chip,
        /// Where it cuts super-frames; by default as the quirks have it.
        tso: Option<Tso>,
        /// What else it does as some QEMU does.
        quirks: Quirks,
    },
    /// A virtio network device.
    VirtioNet(VirtioOptions),
}

/// What a virtio network device offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtioOptions {
    /// Checksum and segmentation offloads.
    offload: bool,
    /// Received frames that spread over several buffers.
    mergeable: bool,
    /// An MTU, which the guest takes over.
    mtu: Option<u16>,
    /// A speed in Mbit/s, for the guest to show.
    speed: Option<u32>,
    /// Pairs of queues; by default as many as the wire has.
    queues: Option<u16>,
    /// The kernel moves the frames.
    vhost: bool,
}

impl Default for VirtioOptions {
    fn default() -> Self {
        Self { offload: true, mergeable: true, mtu: None, speed: None, queues: None, vhost: false }
    }
}

/// One `--nic`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NicSpec {
    /// The model.
    pub model: Model,
    /// The address; by default one that tells NICs of a guest apart.
    pub mac: Option<[u8; 6]>,
    /// The wire.
    pub wire: Wire,
    /// A pcapng file that records every frame.
    pub capture: Option<PathBuf>,
}

/// What `--nic` takes, for `--help` and for errors.
pub const HELP: &str = "rtl8139[,tso=mss|mtu1500][,chip=8139cplus|8139]\
[,quirks=none|qemu-5.2|qemu-7.2] or virtio-net[,offload=on|off][,mergeable=on|off][,mtu=N][,speed=MBIT]\
[,queues=N][,vhost=on|off], each with [,mac=ADDRESS][,net=null|user|stream:PATH|tap:NAME|tap:fd=N[:N...]][,capture=FILE]";

impl FromStr for NicSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split(',');
        let model = match words.next().unwrap_or_default() {
            "rtl8139" => Model::Rtl8139 { chip: Chip::default(), tso: None, quirks: Quirks::NONE },
            "virtio-net" => Model::VirtioNet(VirtioOptions::default()),
            other => return Err(format!("unknown NIC {other:?}: use rtl8139 or virtio-net")),
        };
        let mut spec = Self { model, mac: None, wire: Wire::Null, capture: None };
        for word in words {
            let (key, value) = word
                .split_once('=')
                .ok_or_else(|| format!("{word:?} is not KEY=VALUE; a NIC is {HELP}"))?;
            spec.set(key, value)?;
        }
        match spec.model {
            Model::Rtl8139 { tso: Some(Tso::Mss), quirks: Quirks::QEMU_5_2, .. } => {
                Err("quirks=qemu-5.2 cuts as tso=mtu1500 does: leave tso=mss out, or use \
                     quirks=qemu-7.2"
                    .to_owned())
            }
            Model::Rtl8139 { .. } if spec.pairs() > 1 => {
                Err("an rtl8139 has no pairs of queues: give one descriptor in tap:fd=N".to_owned())
            }
            Model::VirtioNet(VirtioOptions { queues: Some(queues), .. })
                if spec.wire.queues().is_some_and(|wire| wire != usize::from(queues)) =>
            {
                Err(format!("queues={queues} asks for as many descriptors in tap:fd=N[:N...]"))
            }
            Model::VirtioNet(VirtioOptions { vhost: true, .. }) if !spec.wire.is_tap() => {
                Err("vhost=on carries frames to a tap: say net=tap:NAME".to_owned())
            }
            Model::VirtioNet(VirtioOptions { vhost: true, .. }) if spec.capture.is_some() => Err(
                "with vhost=on no frame comes by here for capture= to record: use tcpdump on the \
                     tap"
                .to_owned(),
            ),
            _ if spec.pairs() > usize::from(MAX_PAIRS) => {
                Err(format!("more than {MAX_PAIRS} descriptors in tap:fd=N[:N...]"))
            }
            _ => Ok(spec),
        }
    }
}

impl NicSpec {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let wrong = |choices: &str| Err(format!("{key}={value:?} is unknown: use {choices}"));
        match (key, &mut self.model) {
            ("mac", _) => self.mac = Some(parse_mac(value)?),
            ("capture", _) => self.capture = Some(value.into()),
            ("net", _) => self.wire = value.parse()?,
            ("tso", Model::Rtl8139 { tso, .. }) => match value {
                "mss" => *tso = Some(Tso::Mss),
                "mtu1500" => *tso = Some(Tso::Mtu1500),
                _ => return wrong("mss or mtu1500"),
            },
            ("chip", Model::Rtl8139 { chip, .. }) => match value {
                "8139cplus" => *chip = Chip::Rtl8139CPlus,
                "8139" => *chip = Chip::Rtl8139,
                _ => return wrong("8139cplus or 8139"),
            },
            ("quirks", Model::Rtl8139 { quirks, .. }) => match Quirks::named(value) {
                Some(named) => *quirks = named,
                None => return wrong("none, qemu-5.2 or qemu-7.2"),
            },
            (_, Model::VirtioNet(options)) => options.set(key, value)?,
            _ => return Err(format!("unknown key {key:?}; a NIC is {HELP}")),
        }
        Ok(())
    }

    /// Whether the wire leads to something else on this host.
    pub fn reaches_out(&self) -> bool {
        self.wire.reaches_out()
    }

    /// Pairs of queues.
    fn pairs(&self) -> usize {
        let asked = match self.model {
            Model::VirtioNet(VirtioOptions { queues, .. }) => queues.map(usize::from),
            Model::Rtl8139 { .. } => None,
        };
        asked.or(self.wire.queues()).unwrap_or(1)
    }

    /// The address, as number `index` of the guest.
    pub fn address(&self, index: usize) -> [u8; 6] {
        self.mac.unwrap_or([0x52, 0x54, 0x00, 0x12, 0x34, 0x56 + index as u8])
    }

    /// What the wire may hand over unfinished, if the model wants it.
    fn delivers(&self) -> Offloads {
        let wanted = matches!(self.model, Model::VirtioNet(VirtioOptions { offload: true, .. }));
        let all = wanted && self.wire.is_tap();
        Offloads { checksum: all, tso4: all, tso6: all }
    }

    /// Plugs the NIC in, as number `index` of the guest. The answer, if there is one, has to live as long
    /// as the machine.
    pub fn plug(&self, machine: &mut Machine, index: usize) -> Result<Option<Passt>> {
        let (pairs, mac, delivers) = (self.pairs(), self.address(index), self.delivers());
        if let Model::VirtioNet(options) = &self.model
            && options.vhost
        {
            let taps = self.wire.taps(pairs, delivers)?;
            machine.add_vhost_nic(options.config(mac, pairs as u16, delivers), taps)?;
            return Ok(None);
        }
        let capture = self.capture.as_deref();
        let Opened { backends, passt } = self.wire.open(pairs, (index, mac), delivers, capture)?;
        match self.model {
            Model::Rtl8139 { chip, tso, quirks } => {
                let tso = tso.unwrap_or_default();
                let config = rtl8139::Config { chip, tso, quirks, ..rtl8139::Config::new(mac) };
                let function = Rtl8139::new(config, machine.dma_memory());
                let mirrored = Some(rtl8139::MEMORY_BAR);
                machine.add_nic(Box::new(function), backends, mirrored)?;
            }
            Model::VirtioNet(options) => {
                let config = options.config(mac, pairs as u16, delivers);
                let messages = machine.messages(config.vectors())?;
                let function = VirtioNet::function(config, machine.dma_memory(), messages)?;
                machine.add_nic(Box::new(function), backends, None)?;
            }
        }
        Ok(passt)
    }
}

/// The least and the greatest MTU that a virtio device may tell (virtio 1.2, section 5.1.4.1).
const MTUS: std::ops::RangeInclusive<u16> = 68..=65535;

impl VirtioOptions {
    fn config(self, mac: [u8; 6], pairs: u16, delivers: Offloads) -> virtio_net::Config {
        let Self { offload, mergeable, mtu, speed, .. } = self;
        virtio_net::Config { mac, offload, mergeable, mtu, speed, pairs, delivers }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let wrong = |choices: &str| format!("{key}={value:?} is unknown: use {choices}");
        let switch = || match value {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(wrong("on or off")),
        };
        match key {
            "offload" => self.offload = switch()?,
            "vhost" => self.vhost = switch()?,
            "mergeable" => self.mergeable = switch()?,
            "mtu" => {
                let mtu = value.parse().ok().filter(|mtu| MTUS.contains(mtu));
                self.mtu = Some(mtu.ok_or_else(|| wrong("68 to 65535"))?);
            }
            "speed" => {
                let speed: Option<i32> = value.parse().ok();
                let speed = speed.and_then(|speed| speed.try_into().ok());
                self.speed = Some(speed.ok_or_else(|| wrong("a number of Mbit/s"))?);
            }
            "queues" => {
                let queues = value.parse().ok().filter(|count| (1..=MAX_PAIRS).contains(count));
                let most = format!("1 to {MAX_PAIRS}");
                self.queues = Some(queues.ok_or_else(|| wrong(&most))?);
            }
            _ => return Err(format!("unknown key {key:?}; a NIC is {HELP}")),
        }
        Ok(())
    }
}

fn parse_mac(text: &str) -> Result<[u8; 6], String> {
    let wrong = || format!("{text:?} is no MAC address: write it like 52:54:00:12:34:56");
    let bytes: Vec<u8> = text
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).ok().filter(|_| byte.len() == 2))
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    let mac: [u8; 6] = bytes.try_into().map_err(|_| wrong())?;
    if mac[0] & 1 == 1 {
        return Err(format!("{text} is a multicast address; a NIC's own has an even first byte"));
    }
    Ok(mac)
}
