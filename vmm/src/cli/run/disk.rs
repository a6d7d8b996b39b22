//! `--disk`: an image file or a block device that the guest sees as a disk.

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::machine::disk::Config;
use devices::virtio::block::MAX_SERIAL;

/// One `--disk`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSpec(pub Config);

/// The form of a disk.
const FORM: &str = "PATH[,ro][,serial=TEXT][,direct=on|off]";

/// What `--disk` takes, for `--help`.
pub const HELP: &str = "PATH[,ro][,serial=TEXT][,direct=on|off]: a raw image or a block device. The \
first disk is /dev/vda in the guest. `ro` refuses writes and lets several guests use the image; \
`direct=on` goes around the host's page cache";

impl FromStr for DiskSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split(',');
        let path = words.next().unwrap_or_default();
        if path.is_empty() {
            return Err(format!("the path is missing; a disk is {FORM}"));
        }
        let mut config = Config { path: Path::new(path).into(), ..Config::default() };
        for word in words {
            match word.split_once('=').unwrap_or((word, "")) {
                ("ro", "") => config.read_only = true,
                ("direct", "on") => config.direct = true,
                ("direct", "off") => config.direct = false,
                ("direct", value) => {
                    return Err(format!("direct={value:?} is unknown: use on or off"));
                }
                ("serial", serial) if (1..=MAX_SERIAL).contains(&serial.len()) => {
                    config.serial = serial.into();
                }
                ("serial", serial) => {
                    return Err(format!("serial={serial:?} has to have 1 to {MAX_SERIAL} bytes"));
                }
                _ => return Err(format!("unknown word {word:?}; a disk is {FORM}")),
            }
        }
        Ok(Self(config))
    }
}

impl DiskSpec {
    /// The file that the guest writes to.
    pub fn written(&self) -> Option<&PathBuf> {
        Some(&self.0.path).filter(|_| !self.0.read_only)
    }

    /// Whether it is a block device of this host.
    pub fn is_device(&self) -> bool {
        self.0.path.metadata().is_ok_and(|found| found.file_type().is_block_device())
    }
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
