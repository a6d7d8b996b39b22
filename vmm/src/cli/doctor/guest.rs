//! The default guest: made already, or what making it needs.

use std::path::{Path, PathBuf};

use indicatif::HumanBytes;
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

use super::check::Check;
use super::host::find;
use crate::guest::cache::Cache;

/// What a build needs at its largest, with everything downloaded and unpacked.
const BUILD_BYTES: u64 = 1 << 30;
/// Programs that make an image.
const TOOLS: [&str; 2] = ["apt-get", "dpkg-deb"];
/// Where apt keeps what it knows of packages.
const LISTS: &str = "/var/lib/apt/lists";

/// Whether there is an image, or one could be made.
pub fn image() -> Check {
    let check = Check::of("guest", "commands in the default guest");
    let nearest = match Cache::open().and_then(|cache| cache.nearest()) {
        Ok(nearest) => nearest,
        Err(error) => return check.failed(error.to_string(), ""),
    };
    if let Some(image) = nearest {
        let more = if image.is_current() { "" } else { ", to be given this program's PID 1" };
        let place = image.directory.display();
        return check.ok(format!("kernel {} in {place}{more}", image.manifest.kernel_release));
    }
    let elsewhere = "or give --kernel and --initrd";
    if let Some(tool) = TOOLS.into_iter().find(|tool| find(tool).is_none()) {
        let found = format!("no image yet, and no {tool} to make it of Debian or Ubuntu packages");
        return check
            .failed(found, format!("`nicvmm guest build` on Debian or Ubuntu, {elsewhere}"));
    }
    if !knows_packages() {
        let found = "no image yet, and apt knows no packages to make it of";
        return check.failed(found, format!("sudo apt-get update, {elsewhere}"));
    }
    check.ok("no image yet: the first run makes it, or `nicvmm guest build` (downloads some 90 MB)")
}

fn knows_packages() -> bool {
    let lists = Path::new(LISTS).read_dir().into_iter().flatten().flatten();
    lists.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().contains("_Packages"))
}

/// Whether there is room, and the right to write.
pub fn disk() -> Check {
    let check = Check::of("disk", "the default guest");
    let Ok(cache) = Cache::open() else { return check.failed("no cache directory", "set HOME") };
    let is_ready = matches!(cache.current(), Ok(Some(_)));
    let place = existing(cache.directory());
    let free = match statvfs(&place) {
        Ok(facts) => facts.blocks_available() * facts.fragment_size(),
        Err(error) => return check.failed(format!("{}: {error}", place.display()), ""),
    };
    let found = format!("{} free in {}", HumanBytes(free), place.display());
    if is_ready || free >= BUILD_BYTES && access(&place, AccessFlags::W_OK).is_ok() {
        return check.ok(found);
    }
    let needed = HumanBytes(BUILD_BYTES);
    let remedy = "set XDG_CACHE_HOME to another place, or remove old images (`nicvmm guest remove \
                  --old`)";
    check.failed(format!("{found}; making an image takes {needed} and the right to write"), remedy)
}

/// The directory, or the nearest one above it that is there.
fn existing(directory: &Path) -> PathBuf {
    directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).into()
}
