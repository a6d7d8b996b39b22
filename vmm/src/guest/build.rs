//! Builds an image: the steps in order.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use indicatif::{HumanBytes, ProgressBar};

use super::apt::{self, Package};
use super::cache::{Cache, Contents, Draft, Image, Manifest, sha256};
use super::error::{Error, Result, file};
use super::initramfs::Archive;
use super::{GUEST_INIT, modules::Modules, recipe, tools};

/// Builds the image of the newest packages, unless the cache has it; with the kernel of this package,
/// if one is named.
pub fn build(cache: &Cache, kernel: Option<&str>, progress: &ProgressBar) -> Result<Image> {
    progress.set_message("looking up packages");
    let mut packages = apt::kernel(kernel)?;
    packages.extend(apt::tools()?);
    let name = name(kernel, &packages);
    if let Ok(image) = cache.image(&name) {
        return Ok(image);
    }
    progress.set_message("waiting for another build to end");
    let draft = cache.draft()?;
    if let Ok(image) = cache.image(&name) {
        return Ok(image); // the other one built it
    }
    let same = |image: &Image| image.has_our_recipe() && image.manifest.packages == packages;
    if let Some(image) = cache.list()?.into_iter().find(same) {
        return repack(cache, draft, kernel.map(Into::into), &image);
    }
    let root = unpack(&draft, &packages, progress)?;
    progress.set_message("unpacking the kernel");
    let vmlinux = super::kernel::uncompressed(&find_kernel(&root)?)?;
    progress.set_message("packing the initramfs");
    let modules = Modules::find(&root)?;
    let guest_modules = modules.select(recipe::GUEST_MODULES, &recipe::REQUIRED_MODULES)?;
    let mut guest = base();
    guest_modules.add_to(&mut guest);
    tools::add_programs(&root, recipe::PROGRAMS, &recipe::PLUGINS, &mut guest)?;
    guest.link("usr/bin/sh", recipe::SHELL);
    for name in recipe::FIREWALL_NAMES {
        guest.link(&format!("usr/bin/{name}"), recipe::FIREWALL);
    }
    for name in recipe::MAKE_EXT4_NAMES {
        guest.link(&format!("usr/bin/{name}"), recipe::MAKE_EXT4);
    }
    tools::add_busybox(&root, &mut guest)?;
    guest.link(recipe::KERNEL_LOADER, "/usr/bin/modprobe");
    for path in recipe::FILES {
        let source = root.join(path);
        guest.file(path, 0o644, fs::read(&source).map_err(file("read", &source))?);
    }
    let mut outer = base();
    modules.select(recipe::OUTER_MODULES, &[])?.add_to(&mut outer);
    tools::add_busybox(&root, &mut outer)?;
    let manifest = Manifest {
        kernel_package: kernel.map(Into::into),
        ..manifest(modules.release.clone(), packages, guest_modules.names())
    };
    let contents = Contents { kernel: vmlinux, guest: pack(guest)?, outer: pack(outer)? };
    draft.finish(cache, &name, manifest, &contents, &init_archive()?)
}

/// The nearest image with the PID 1 of this program: no download, and no look at the host's package
/// lists.
pub(super) fn renew(cache: &Cache) -> Result<Option<Image>> {
    cache.nearest()?.map(|image| with_our_init(cache, &image)).transpose()
}

/// The image with the PID 1 of this program: itself, or another.
pub(super) fn with_our_init(cache: &Cache, image: &Image) -> Result<Image> {
    if image.is_current() {
        return Ok(image.clone());
    }
    let draft = cache.draft()?;
    let kernel = image.manifest.kernel_package.clone();
    match cache.image(&name(kernel.as_deref(), &image.manifest.packages)) {
        Ok(image) => Ok(image), // another process was faster
        Err(_) => repack(cache, draft, kernel, image),
    }
}

fn repack(cache: &Cache, draft: Draft, kernel: Option<String>, image: &Image) -> Result<Image> {
    let Manifest { kernel_release, packages, modules, .. } = image.manifest.clone();
    let name = name(kernel.as_deref(), &packages);
    let manifest =
        Manifest { kernel_package: kernel, ..manifest(kernel_release, packages, modules) };
    draft.finish(cache, &name, manifest, &image.contents()?, &init_archive()?)
}

fn manifest(kernel_release: String, packages: Vec<Package>, modules: Vec<String>) -> Manifest {
    Manifest {
        recipe: recipe::VERSION,
        guest_init: sha256(GUEST_INIT),
        kernel_package: None,
        kernel_release,
        built: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        packages,
        modules,
        files: Vec::new(),
    }
}

/// Same packages, same recipe, same PID 1: same name.
fn name(kernel: Option<&str>, packages: &[Package]) -> String {
    let mut text = format!("{} {}", recipe::VERSION, sha256(GUEST_INIT));
    text.extend(kernel.map(|asked_for| format!(" {asked_for}")));
    for package in packages {
        let _ = write!(text, " {}={}={}", package.name, package.version, package.sha256);
    }
    let kernel = packages.first().map_or("", |package| package.name.as_str());
    let release = kernel.trim_start_matches("linux-image-");
    format!("{release}-{}", sha256(text.as_bytes()).get(..12).unwrap_or_default())
}

/// Downloads packages and unpacks them all into one root.
fn unpack(
    draft: &Draft,
    packages: &[Package],
    progress: &ProgressBar,
) -> Result<std::path::PathBuf> {
    let scratch = draft.scratch();
    let (debs, root) = (scratch.join("debs"), scratch.join("root"));
    for directory in [&debs, &root] {
        fs::create_dir_all(directory).map_err(file("make", directory))?;
    }
    let size = HumanBytes(packages.iter().map(|package| package.size).sum());
    progress.set_message(format!("downloading {} packages, {size}", packages.len()));
    apt::download(packages, &debs)?;
    for entry in fs::read_dir(&debs).map_err(file("read", &debs))?.flatten() {
        progress.set_message(format!("unpacking {}", entry.file_name().display()));
        let output = Command::new("dpkg-deb")
            .arg("--extract")
            .args([&entry.path(), &root])
            .output()
            .map_err(|_| Error::NoTool("dpkg-deb"))?;
        if !output.status.success() {
            let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::Tool { program: "dpkg-deb".into(), output });
        }
    }
    Ok(root)
}

fn find_kernel(root: &Path) -> Result<std::path::PathBuf> {
    let boot = root.join("boot");
    fs::read_dir(&boot)
        .map_err(file("read", &boot))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz"))
        })
        .ok_or_else(|| Error::Kernel { path: boot, why: "the package has none".into() })
}

/// What both initramfs have: directories and the files that programs look for.
fn base() -> Archive {
    let mut archive = Archive::with_merged_usr();
    for (path, text) in [
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\ntcpdump:x:100:100::/tmp:/bin/false\n"),
        ("etc/group", "root:x:0:\ntcpdump:x:100:\n"),
        ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
        ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
        ("etc/hostname", "guest\n"),
        ("etc/profile", "PS1='guest:\\w# '\n"),
    ] {
        archive.file(path, 0o644, text.into());
    }
    archive
}

/// PID 1, as an archive of its own that follows the others: the kernel unpacks one after the other.
fn init_archive() -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    archive.file("init", 0o755, GUEST_INIT.to_vec());
    pack(archive)
}

pub(super) fn pack(archive: Archive) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    archive.write(&mut bytes).map_err(file("pack", Path::new("the initramfs")))?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
