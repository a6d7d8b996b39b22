//! Makes the default guest: a stock distribution kernel and an initramfs with real tools.
//!
//! How an image comes to be, without root:
//! 1. [`apt`] looks up the newest kernel and the tools' packages in the host's package lists, and
//!    downloads them;
//! 2. `dpkg-deb` unpacks them into a temporary root;
//! 3. [`kernel`] takes the uncompressed kernel out of its bzImage, so that guests boot faster;
//! 4. [`modules`] picks the drivers of the [`recipe`] with their closure, and indexes them;
//! 5. [`tools`] picks the programs of the recipe with their shared libraries;
//! 6. [`initramfs`] packs these and PID 1 (built into this program) as a reproducible archive;
//! 7. [`cache`] moves the finished image into place in one step.
//!
//! [`default`] returns the image that is there, and builds one only where there is none. Where only
//! PID 1 has changed, it is exchanged without asking apt: its archive follows the others.

pub mod apt;
mod build;
pub mod cache;
mod error;
pub mod host;
pub mod initramfs;
pub mod kernel;
pub mod modules;
pub mod recipe;
pub mod tools;

use std::path::PathBuf;

use indicatif::ProgressBar;

pub use build::build;
pub use cache::Image;
pub use error::{Error, Result};

/// PID 1 of every guest, built by the build script.
pub static GUEST_INIT: &[u8] = include_bytes!(env!("GUEST_INIT"));

/// What the default guest needs on its kernel command line, whoever runs it. `-1` makes a panic
/// end the machine at once instead of hanging it.
pub const COMMAND_LINE: &str = "console=ttyS0 quiet panic=-1 reboot=t";

/// Files to boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Uncompressed kernel (ELF, with a PVH entry).
    pub kernel: PathBuf,
    /// Initramfs with drivers and tools.
    pub initrd: PathBuf,
    /// Initramfs of the outer machine of [`nested`](crate::nested): KVM and file sharing, no tools.
    pub outer_initrd: PathBuf,
}

/// The newest image in the cache, with this program's PID 1 in it; a new one where there is none.
pub fn default(progress: &ProgressBar) -> Result<Guest> {
    let cache = cache::Cache::open()?;
    if let Some(image) = build::renew(&cache)? {
        return Ok(image.guest());
    }
    build(&cache, None, progress).map(|image| image.guest())
}

/// An image of the cache by its name or the beginning of it, with this program's PID 1 in it.
pub fn named(name: &str) -> Result<Guest> {
    let cache = cache::Cache::open()?;
    let image = cache.find(name)?;
    if !image.has_our_recipe() {
        return Err(Error::OldRecipe(image.name));
    }
    build::with_our_init(&cache, &image).map(|image| image.guest())
}
