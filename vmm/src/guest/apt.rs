//! Asks the host's apt about packages and downloads them. Needs no root: package lists may be
//! read by everybody, and packages are only unpacked, never installed.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::{Error, Result};

/// How names of packages with kernels begin.
const IMAGE: &str = "linux-image-";
/// Levels of dependencies that are followed; the tools need four.
const DEPTH: usize = 8;

/// A package as apt describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// SHA-256 of the .deb file, in hexadecimal digits.
    pub sha256: String,
    /// Size of the .deb file in bytes.
    pub size: u64,
    /// Names of packages it depends on; the first of alternatives.
    #[serde(skip)]
    pub depends: Vec<String>,
}

/// What [`Package`]s apt would install for these names. Unknown names are left out.
pub fn show<S: AsRef<str>>(names: &[S]) -> Result<Vec<Package>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = Command::new("apt-cache");
    command.args(["show", "--no-all-versions"]).args(names.iter().map(AsRef::as_ref));
    let output = command.env("LC_ALL", "C").output().map_err(|_| Error::NoTool("apt-cache"))?;
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

fn parse(text: &str) -> Vec<Package> {
    text.split("\n\n").filter_map(parse_stanza).collect()
}

fn parse_stanza(stanza: &str) -> Option<Package> {
    let fields: HashMap<&str, &str> =
        stanza.lines().filter_map(|line| line.split_once(": ")).collect();
    let field = |name: &str| fields.get(name).map(|value| (*value).to_owned());
    let depends = ["Depends", "Pre-Depends"].iter().filter_map(|name| fields.get(name));
    Some(Package {
        name: field("Package")?,
        version: field("Version")?,
        sha256: field("SHA256").unwrap_or_default(),
        size: field("Size").and_then(|size| size.parse().ok()).unwrap_or(0),
        depends: depends.flat_map(|list| list.split(',')).filter_map(first_name).collect(),
    })
}

/// `libc6 (>= 2.36) | libc6-udeb` gives `libc6`.
fn first_name(dependency: &str) -> Option<String> {
    let first = dependency.split('|').next()?.split_whitespace().next()?;
    Some(first.split(':').next().unwrap_or(first).to_owned())
}

/// A kernel: the package that holds it, and those that hold its modules. `wanted` is that package, or
/// one that depends on it; otherwise it is the newest normal kernel.
pub fn kernel(wanted: Option<&str>) -> Result<Vec<Package>> {
    let named = wanted.map_or(super::recipe::KERNEL_PACKAGES.to_vec(), |name| vec![name]);
    let unknown = || Error::NoPackage(named[0].into());
    let found = show(&named)?;
    let image = found
        .iter()
        .flat_map(|meta| &meta.depends)
        .find(|name| name.starts_with(IMAGE))
        .or_else(|| {
            let image =
                found.iter().find(|package| wanted.is_some_and(|name| package.name == name));
            image.map(|package| &package.name)
        })
        .ok_or_else(unknown)?;
    if !image.starts_with(IMAGE) {
        return Err(Error::NoKernelPackage(image.clone()));
    }
    let mut packages = show(&[image])?;
    let mut modules: Vec<String> = packages
        .iter()
        .flat_map(|package| &package.depends)
        .filter(|name| name.starts_with("linux-modules-"))
        .cloned()
        .collect();
    // Ubuntu keeps the rarer drivers apart.
    modules.push(image.replace(IMAGE, "linux-modules-extra-"));
    if packages.is_empty() {
        return Err(Error::NoPackage(image.clone()));
    }
    packages.extend(show(&modules)?);
    Ok(packages)
}

/// The packages of the tools and of the libraries they need.
pub fn tools() -> Result<Vec<Package>> {
    let mut found: BTreeMap<String, Package> = BTreeMap::new();
    let mut wanted: Vec<String> =
        super::recipe::TOOL_PACKAGES.iter().copied().map(Into::into).collect();
    for _ in 0..DEPTH {
        let packages = show(&wanted)?;
        wanted = Vec::new();
        for package in packages {
            wanted.extend(package.depends.iter().filter(|name| is_library(name)).cloned());
            found.insert(package.name.clone(), package);
        }
        wanted.retain(|name| !found.contains_key(name));
        wanted.sort();
        wanted.dedup();
    }
    for name in super::recipe::TOOL_PACKAGES {
        if !found.contains_key(name) {
            return Err(Error::NoPackage(name.into()));
        }
    }
    Ok(found.into_values().collect())
}

/// Whether a package holds shared libraries: what it holds beside them is not taken anyway, this
/// keeps the download small.
fn is_library(name: &str) -> bool {
    (name.starts_with("lib") || name == "zlib1g") && !name.ends_with("-bin")
}

/// Downloads packages into a directory, exactly in these versions.
pub fn download(packages: &[Package], directory: &Path) -> Result<()> {
    let mut command = Command::new("apt-get");
    // apt run by root would download as a user who cannot write here.
    command.args(["download", "-qq", "-o", "APT::Sandbox::User=root"]);
    command.args(packages.iter().map(|package| format!("{}={}", package.name, package.version)));
    let output = command
        .current_dir(directory)
        .env("LC_ALL", "C")
        .output()
        .map_err(|_| Error::NoTool("apt-get"))?;
    if output.status.success() {
        return Ok(());
    }
    // Without a network every package fails alike: one is enough.
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| line.starts_with("E:")).unwrap_or(said.trim());
    let remedy = "no network, or package lists out of date (`sudo apt-get update`)?";
    Err(Error::Tool { program: "apt-get download".into(), output: format!("{first}; {remedy}") })
}

#[cfg(test)]
#[path = "apt_tests.rs"]
mod tests;
