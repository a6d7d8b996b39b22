//! Where finished images are kept: `$XDG_CACHE_HOME/nicvmm/guest/NAME/`.
//!
//! An image is `vmlinux`, `initrd`, `outer-initrd` and `manifest.json`. It is put together in a
//! hidden directory beside the others and renamed into place, so a directory with a name is
//! always whole. One lock lets one process build at a time; looking needs no lock and no right to
//! write.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::apt::Package;
use super::error::{Error, Result, file};
use super::{GUEST_INIT, Guest, recipe};

const MANIFEST: &str = "manifest.json";
const KERNEL: &str = "vmlinux";
const INITRD: &str = "initrd";
const OUTER_INITRD: &str = "outer-initrd";
/// What a build holds while it is at work.
const LOCK: &str = ".lock";
/// Start of the names of directories in which images are being built.
const UNFINISHED: &str = ".building-";

/// The cache of guest images.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

/// What an image is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manifest {
    /// [`recipe::VERSION`] of the program that made it.
    pub recipe: u32,
    /// SHA-256 of the PID 1 in it.
    pub guest_init: String,
    /// The package that was asked for as its kernel; none in the default guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_package: Option<String>,
    /// Release of its kernel.
    pub kernel_release: String,
    /// When it was made, in seconds since 1970.
    pub built: u64,
    /// The packages it is made of.
    pub packages: Vec<Package>,
    /// Modules of the guest.
    pub modules: Vec<String>,
    /// The files of the image with their SHA-256.
    pub files: Vec<FileSum>,
}

/// A file of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileSum {
    /// Name in the image's directory.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Size of its first part, which PID 1's archive follows; the whole file where there is none.
    pub base: u64,
}

/// What an image holds beside PID 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The uncompressed kernel.
    pub kernel: Vec<u8>,
    /// The guest's initramfs without PID 1.
    pub guest: Vec<u8>,
    /// The outer machine's initramfs without PID 1.
    pub outer: Vec<u8>,
}

/// A finished image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Name, the same for the same packages, recipe and PID 1.
    pub name: String,
    /// Its directory.
    pub directory: PathBuf,
    /// What it is made of.
    pub manifest: Manifest,
}

/// An image being built; gone if dropped.
#[derive(Debug)]
pub struct Draft {
    directory: TempDir,
    _lock: Flock<File>,
}

impl Cache {
    /// The cache of this user. Makes nothing.
    pub fn open() -> Result<Self> {
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
        let base = std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty());
        let base = base.map(PathBuf::from).or_else(home).ok_or(Error::NoHome)?;
        Ok(Self::at(&base.join("nicvmm/guest")))
    }

    /// A cache in a directory.
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.into() }
    }

    /// Where the images are; it need not exist.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// All images, the newest first. What is no image, or damaged, is passed over.
    pub fn list(&self) -> Result<Vec<Image>> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(file("read", &self.directory))?,
        };
        let mut images = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && entry.path().join(MANIFEST).exists() {
                match self.image(&name) {
                    Ok(image) => images.push(image),
                    Err(error) => tracing::warn!("{error}"),
                }
            }
        }
        images.sort_by(|a, b| (b.manifest.built, &b.name).cmp(&(a.manifest.built, &a.name)));
        Ok(images)
    }

    /// The image of this name.
    pub fn image(&self, name: &str) -> Result<Image> {
        let directory = self.directory.join(name);
        let path = directory.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(|_| Error::NoImage(name.into()))?;
        let manifest = serde_json::from_str(&text)
            .map_err(|error| Error::Manifest { path, why: error.to_string() })?;
        Ok(Image { name: name.into(), directory, manifest })
    }

    /// The newest image that this very program could have made, and would without being told of a
    /// kernel.
    pub fn current(&self) -> Result<Option<Image>> {
        Ok(self.nearest()?.filter(Image::is_current))
    }

    /// What guests boot that name no image: the current one or, where there is none, the newest that
    /// differs from it in PID 1 only, which is then exchanged. Without either an image has to be made.
    pub fn nearest(&self) -> Result<Option<Image>> {
        let mut images = self.list()?;
        images.retain(|image| image.has_our_recipe() && image.is_default());
        let current = images.iter().position(Image::is_current);
        Ok(images.into_iter().nth(current.unwrap_or_default()))
    }

    /// The image of this name or, where it is unambiguous, of a name or kernel package that begins so.
    /// Of images that differ in PID 1 only, this program's is meant.
    pub fn find(&self, name: &str) -> Result<Image> {
        if let Ok(image) = self.image(name) {
            return Ok(image);
        }
        let is_meant = |image: &Image| {
            let package = image.manifest.kernel_package.as_deref().unwrap_or_default();
            !name.is_empty() && (image.name.starts_with(name) || package.starts_with(name))
        };
        let mut found: Vec<Image> = self.list()?.into_iter().filter(is_meant).collect();
        found.sort_by_key(|image| !image.is_current()); // stable: the newest first
        let alike = |image: &Image| {
            let Manifest { recipe, packages, kernel_package, .. } = image.manifest.clone();
            (recipe, packages, kernel_package)
        };
        match &found[..] {
            [] => Err(Error::NoImage(name.into())),
            [first, rest @ ..] if rest.iter().all(|image| alike(image) == alike(first)) => {
                Ok(first.clone())
            }
            several => {
                let choices: Vec<&str> = several.iter().map(|image| image.name.as_str()).collect();
                Err(Error::Ambiguous { name: name.into(), choices: choices.join(", ") })
            }
        }
    }

    /// Begins a new image; waits while another process builds one.
    pub fn draft(&self) -> Result<Draft> {
        fs::create_dir_all(&self.directory).map_err(file("make", &self.directory))?;
        let path = self.directory.join(LOCK);
        let lock = File::create(&path).map_err(file("make", &path))?;
        let lock = Flock::lock(lock, FlockArg::LockExclusive)
            .map_err(|(_, error)| file("lock", &path)(error.into()))?;
        self.clear_unfinished()?; // no build but ours is at work: we hold the lock
        let directory = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(&self.directory)
            .map_err(file("make a directory in", &self.directory))?;
        Ok(Draft { directory, _lock: lock })
    }

    /// Removes an image. It loses its name first, so that a removal that is interrupted leaves none.
    pub fn remove(&self, name: &str) -> Result<()> {
        let directory = self.directory.join(name);
        if name.contains('/') || name.starts_with('.') || !directory.join(MANIFEST).exists() {
            return Err(Error::NoImage(name.into()));
        }
        let hidden = self.directory.join(format!("{UNFINISHED}removed-{name}"));
        fs::rename(&directory, &hidden).map_err(file("remove", &directory))?;
        fs::remove_dir_all(&hidden).map_err(file("remove", &hidden))
    }

    /// Clears away what interrupted builds left, unless a build is at work.
    pub fn sweep(&self) -> Result<()> {
        let Ok(lock) = File::open(self.directory.join(LOCK)) else { return Ok(()) };
        match Flock::lock(lock, FlockArg::LockExclusiveNonblock) {
            Ok(_lock) => self.clear_unfinished(),
            Err(_) => Ok(()),
        }
    }

    /// For who holds the lock.
    fn clear_unfinished(&self) -> Result<()> {
        let entries = fs::read_dir(&self.directory).map_err(file("read", &self.directory))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                fs::remove_dir_all(entry.path()).map_err(file("remove", &entry.path()))?;
            }
        }
        Ok(())
    }
}

impl Draft {
    /// Where downloads and unpacked packages may lie.
    pub fn scratch(&self) -> PathBuf {
        self.directory.path().join("scratch")
    }

    /// Writes one of the image's files.
    fn write(&self, name: &str, base: &[u8], init: &[u8]) -> Result<FileSum> {
        let path = self.directory.path().join(name);
        let content = [base, init].concat();
        fs::write(&path, &content).map_err(file("write", &path))?;
        let (size, base) = (content.len() as u64, base.len() as u64);
        Ok(FileSum { name: name.into(), size, sha256: sha256(&content), base })
    }

    /// Finishes the image and puts it into its place.
    pub fn finish(
        self,
        cache: &Cache,
        name: &str,
        mut manifest: Manifest,
        contents: &Contents,
        init: &[u8],
    ) -> Result<Image> {
        manifest.files = vec![
            self.write(KERNEL, &contents.kernel, b"")?,
            self.write(INITRD, &contents.guest, init)?,
            self.write(OUTER_INITRD, &contents.outer, init)?,
        ];
        let text = serde_json::to_string_pretty(&manifest).unwrap_or_default();
        self.write(MANIFEST, text.as_bytes(), b"")?;
        let scratch = self.scratch();
        if scratch.exists() {
            fs::remove_dir_all(&scratch).map_err(file("remove", &scratch))?;
        }
        let place = cache.directory.join(name);
        if place.exists() {
            fs::remove_dir_all(&place).map_err(file("remove", &place))?;
        }
        fs::rename(self.directory.path(), &place).map_err(file("make", &place))?;
        let image = Image { name: name.into(), directory: place, manifest };
        Ok(image)
    }
}

impl Image {
    /// Whether this very program could have made it.
    pub fn is_current(&self) -> bool {
        self.has_our_recipe() && self.manifest.guest_init == sha256(GUEST_INIT)
    }

    /// Whether its kernel is the newest normal one, not one that was asked for.
    pub fn is_default(&self) -> bool {
        self.manifest.kernel_package.is_none()
    }

    /// Whether it differs from what this program makes at most in PID 1.
    pub fn has_our_recipe(&self) -> bool {
        self.manifest.recipe == recipe::VERSION
    }

    /// What it holds beside PID 1.
    pub fn contents(&self) -> Result<Contents> {
        let read = |name: &str| {
            let path = self.directory.join(name);
            let mut content = fs::read(&path).map_err(file("read", &path))?;
            let base = self.manifest.files.iter().find(|sum| sum.name == name);
            content.truncate(base.map_or(usize::MAX, |sum| sum.base as usize));
            Ok(content)
        };
        Ok(Contents { kernel: read(KERNEL)?, guest: read(INITRD)?, outer: read(OUTER_INITRD)? })
    }

    /// The files to boot.
    pub fn guest(&self) -> Guest {
        Guest {
            kernel: self.directory.join(KERNEL),
            initrd: self.directory.join(INITRD),
            outer_initrd: self.directory.join(OUTER_INITRD),
        }
    }
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(content: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(content) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
