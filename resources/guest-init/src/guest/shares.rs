//! Directories of the host, by virtio-9p: the mount tag of each says where it belongs.

use std::fs;
use std::path::Path;

use nix::mount::{MsFlags, mount};

/// Where the driver shows the devices it has, each a directory with the tag in a file.
const DEVICES: &str = "/sys/bus/virtio/drivers/9pnet_virtio";
/// As large messages as virtio takes, files mapped into memory, and one user for all.
const OPTIONS: &str = "trans=virtio,version=9p2000.L,msize=512000,cache=mmap,access=any";

/// The tags that are paths, in the order of the devices. Others are not for us to mount.
pub fn places() -> Vec<String> {
    places_in(Path::new(DEVICES))
}

fn places_in(devices: &Path) -> Vec<String> {
    let mut tags: Vec<_> = fs::read_dir(devices)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|device| {
            let tag = fs::read_to_string(device.path().join("mount_tag")).ok()?;
            let tag = tag.trim_end_matches(['\0', '\n']).to_owned();
            tag.starts_with('/').then(|| (number(&device.file_name().to_string_lossy()), tag))
        })
        .collect();
    tags.sort();
    tags.into_iter().map(|(_, tag)| tag).collect()
}

/// The number in a name such as `virtio12`.
fn number(name: &str) -> u32 {
    name.trim_start_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap_or(0)
}

/// Mounts the directory whose tag is `place` there.
pub fn mount_at(place: &str) -> Result<(), String> {
    fs::create_dir_all(place).map_err(|error| format!("making {place}: {error}"))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some(place), place, Some("9p"), flags, Some(OPTIONS))
        .map_err(|error| format!("mounting the shared directory {place}: {error}"))
}

#[cfg(test)]
#[path = "shares_tests.rs"]
mod tests;
