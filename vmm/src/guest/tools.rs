//! Picks programs out of unpacked packages, with the shared libraries they need.
//!
//! A package's dependencies say what might be needed; what *is* needed each ELF file says itself,
//! in the DT_NEEDED entries of its dynamic section.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64, PT_INTERP};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};

use super::error::{Error, Result, file};
use super::initramfs::Archive;

/// Directories of programs; those of a merged and of an unmerged `/usr`.
const PROGRAM_DIRECTORIES: [&str; 4] = ["usr/bin", "usr/sbin", "bin", "sbin"];
/// Directories of shared libraries.
const LIBRARY_DIRECTORIES: [&str; 6] =
    ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib64", "lib64", "usr/lib", "lib"];
/// Where programs go in the guest, and libraries.
const GUEST_PROGRAMS: &str = "usr/bin";
const GUEST_LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// What an ELF file needs to run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Names of shared libraries.
    pub libraries: Vec<String>,
    /// Path of the dynamic linker.
    pub interpreter: Option<String>,
}

/// Adds programs, what they load at run time (`plugins`, below the directories of libraries), and
/// the libraries of both, found below an unpacked `root`, to an archive.
pub fn add_programs(
    root: &Path,
    programs: &[&str],
    plugins: &[&str],
    archive: &mut Archive,
) -> Result<()> {
    let mut open: Vec<(String, PathBuf)> = Vec::new();
    for program in programs {
        let path = find(root, &PROGRAM_DIRECTORIES, program, "the guest")?;
        open.push((format!("{GUEST_PROGRAMS}/{program}"), path));
    }
    for plugin in plugins {
        let path = find(root, &LIBRARY_DIRECTORIES, plugin, "the guest")?;
        open.push((format!("{GUEST_LIBRARIES}/{plugin}"), path));
    }
    let mut done = BTreeSet::new();
    while let Some((place, path)) = open.pop() {
        if !done.insert(place.clone()) {
            continue;
        }
        let content = fs::read(&path).map_err(file("read", &path))?;
        let needs = needs(&content).map_err(|why| Error::NotPackaged {
            what: why.to_string(),
            needed_by: place.clone(),
        })?;
        for library in needs.libraries {
            if library.starts_with("ld-linux") {
                continue; // the interpreter, which every program names by its path
            }
            let path = find(root, &LIBRARY_DIRECTORIES, &library, &place)?;
            open.push((format!("{GUEST_LIBRARIES}/{library}"), path));
        }
        if let Some(interpreter) = needs.interpreter {
            let name = interpreter.rsplit('/').next().unwrap_or_default();
            let path = find(root, &LIBRARY_DIRECTORIES, name, &place)?;
            let linker = format!("usr/{}", interpreter.trim_start_matches('/'));
            open.push((linker, path));
        }
        archive.file(&place, 0o755, content);
    }
    Ok(())
}

/// Adds busybox, and a link for each of its commands that no other program provides.
pub fn add_busybox(root: &Path, archive: &mut Archive) -> Result<()> {
    let path = find(root, &PROGRAM_DIRECTORIES, "busybox", "the guest")?;
    let output =
        std::process::Command::new(&path).arg("--list").output().map_err(file("run", &path))?;
    archive.file("usr/bin/busybox", 0o755, fs::read(&path).map_err(file("read", &path))?);
    for applet in String::from_utf8_lossy(&output.stdout).lines() {
        let place = format!("{GUEST_PROGRAMS}/{applet}");
        if !archive.contains(&place) {
            archive.link(&place, "busybox");
        }
    }
    Ok(())
}

fn find(root: &Path, directories: &[&str], name: &str, needed_by: &str) -> Result<PathBuf> {
    directories
        .iter()
        .map(|directory| root.join(directory).join(name))
        .find_map(|path| inside(root, path))
        .ok_or_else(|| Error::NotPackaged { what: name.into(), needed_by: needed_by.into() })
}

/// Follows symbolic links as the guest would: an absolute one starts at `root`.
fn inside(root: &Path, mut path: PathBuf) -> Option<PathBuf> {
    for _ in 0..8 {
        match fs::read_link(&path) {
            Ok(target) => {
                path = match target.strip_prefix("/") {
                    Ok(absolute) => root.join(absolute),
                    Err(_) => path.parent()?.join(target),
                };
            }
            Err(_) => return path.is_file().then_some(path),
        }
    }
    None
}

/// Reads what an ELF file needs.
pub fn needs(content: &[u8]) -> object::read::Result<Needs> {
    let header = FileHeader64::<Endianness>::parse(content)?;
    let endian = header.endian()?;
    let mut needs = Needs::default();
    for segment in header.program_headers(endian, content)? {
        if segment.p_type(endian) == PT_INTERP {
            let path = segment.interpreter(endian, content)?.unwrap_or_default();
            needs.interpreter = Some(String::from_utf8_lossy(path).into_owned());
        }
    }
    let sections = header.sections(endian, content)?;
    for section in sections.iter() {
        let Some((entries, link)) = section.dynamic(endian, content)? else { continue };
        let strings = sections.strings(endian, content, link)?;
        for entry in entries {
            if entry.tag(endian) == DT_NEEDED {
                let name = entry.string(endian, strings)?;
                needs.libraries.push(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    Ok(needs)
}

#[cfg(test)]
#[path = "tools_tests.rs"]
mod tests;
