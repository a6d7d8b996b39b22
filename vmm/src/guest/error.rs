//! What can go wrong while a guest image is made. Where there is a source, it says why.

use std::io;
use std::path::{Path, PathBuf};

/// A failed build or look into the cache.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be used.
    #[error("cannot {doing} {path}", path = path.display())]
    File {
        /// "read", "write", ...
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program is not installed.
    #[error(
        "{0} is not here: the default guest is made of Debian or Ubuntu packages; elsewhere give \
         a kernel and an initramfs with --kernel and --initrd"
    )]
    NoTool(&'static str),
    /// A program failed.
    #[error("{program} failed: {output}")]
    Tool {
        /// Its name.
        program: String,
        /// What it said.
        output: String,
    },
    /// apt does not know the package.
    #[error(
        "apt knows no package {0}: refresh its lists with `sudo apt-get update`, then try again"
    )]
    NoPackage(String),
    /// The package is another kind of package.
    #[error("package {0} holds no kernel: name one like linux-image-rt-amd64")]
    NoKernelPackage(String),
    /// The kernel is of no use.
    #[error("the kernel {path} cannot be unpacked: {why}", path = path.display())]
    Kernel {
        /// The bzImage.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A kernel module cannot be read.
    #[error("the kernel module {path} cannot be read: {why}", path = path.display())]
    Module {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The kernel lacks drivers.
    #[error(
        "kernel {release} has no module {missing}: a cloud kernel? The guest needs the normal one \
         (linux-image-amd64 or linux-image-generic)"
    )]
    NoModules {
        /// The kernel's release.
        release: String,
        /// What it lacks.
        missing: String,
    },
    /// The running kernel is not there as a guest's.
    #[error(
        "the running kernel {release} cannot be a guest's: there is no {missing}; install its \
         linux-image package, or name a kernel with --kernel FILE", missing = missing.display()
    )]
    NoHostKernel {
        /// The kernel's release.
        release: String,
        /// Where it should be.
        missing: PathBuf,
    },
    /// A program or library is not in the packages.
    #[error("{what}, which {needed_by} needs, is in none of the packages")]
    NotPackaged {
        /// The missing file.
        what: String,
        /// Who wants it.
        needed_by: String,
    },
    /// No directory for the cache.
    #[error("no cache directory: set HOME or XDG_CACHE_HOME")]
    NoHome,
    /// No such image.
    #[error("no guest image {0}: `nicvmm guest list` shows those there are")]
    NoImage(String),
    /// Another version of this program made it.
    #[error("guest image {0} was made by another version of nicvmm: build it anew")]
    OldRecipe(String),
    /// Several images could be meant.
    #[error("{name} may be {choices}: write more of the name")]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The images.
        choices: String,
    },
    /// An image's description cannot be understood.
    #[error("{path} is damaged ({why}): remove its directory, then build the image anew", path = path.display())]
    Manifest {
        /// The description.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// Result of making or finding an image.
pub type Result<T> = std::result::Result<T, Error>;

/// Adds what was being done, and to which file, to an I/O error.
pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::File { doing, path: path.into(), source }
}
