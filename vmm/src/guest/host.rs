//! The kernel that this host runs, as a guest's: its file, and its modules as an archive that
//! follows the default guest's initial RAM disk.

use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use super::initramfs::Archive;
use super::modules::Modules;
use super::{build, recipe};

/// Without these, as modules or built in, a guest cannot talk to its host.
const REQUIRED: [&str; 2] = ["virtio_pci", "virtio_console"];

/// A host's kernel.
#[derive(Debug)]
pub struct HostKernel {
    /// Its file.
    pub kernel: PathBuf,
    /// The guest's modules, with their index, packed.
    pub modules: Vec<u8>,
}

/// Release of the running kernel, as `uname -r` tells it.
pub fn running() -> Result<String> {
    let path = Path::new("/proc/sys/kernel/osrelease");
    let text = std::fs::read_to_string(path).map_err(super::error::file("read", path))?;
    Ok(text.trim().into())
}

/// Finds kernel `release` below `root`, and packs its modules.
pub fn find(root: &Path, release: &str) -> Result<HostKernel> {
    let places = ["boot/vmlinuz-R", "usr/lib/modules/R/vmlinuz", "lib/modules/R/vmlinuz"];
    let places = places.map(|place| root.join(place.replace('R', release)));
    let Some(kernel) = places.iter().find(|path| path.exists()) else {
        let [first, ..] = places;
        return Err(Error::NoHostKernel { release: release.into(), missing: first });
    };
    let directories =
        ["lib/modules", "usr/lib/modules"].map(|parent| root.join(parent).join(release));
    let Some(directory) = directories.iter().find(|path| path.is_dir()) else {
        let [first, ..] = directories;
        return Err(Error::NoHostKernel { release: release.into(), missing: first });
    };
    let modules = Modules::of(directory)?.select(recipe::GUEST_MODULES, &REQUIRED)?;
    let mut archive = Archive::default();
    modules.add_to(&mut archive);
    Ok(HostKernel { kernel: kernel.clone(), modules: build::pack(archive)? })
}

#[cfg(test)]
#[path = "host_tests.rs"]
mod tests;
