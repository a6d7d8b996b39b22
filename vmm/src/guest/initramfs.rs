//! Packs an initramfs: a newc archive whose bytes depend on nothing but its content.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use cpio::newc::{Builder, ModeFileType, trailer};

/// What one path is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Directory,
    File { mode: u32, content: Vec<u8> },
    Link { target: String },
}

/// An initramfs being put together. Paths are relative to the guest's root; directories above a
/// path are made by themselves. The order in which things are added does not matter.
#[derive(Debug, Default)]
pub struct Archive {
    entries: BTreeMap<String, Entry>,
}

impl Archive {
    /// An archive with the directories of a merged `/usr`: `/bin`, `/lib` and so on are links.
    pub fn with_merged_usr() -> Self {
        let mut archive = Self::default();
        for name in ["bin", "lib", "lib64", "sbin"] {
            archive.directory(&format!("usr/{name}"));
            archive.link(name, &format!("usr/{name}"));
        }
        for name in ["dev", "etc", "mnt", "proc", "root", "run", "sys", "tmp", "var"] {
            archive.directory(name);
        }
        archive.link("var/run", "/run");
        archive.link("var/tmp", "/tmp");
        archive
    }

    /// Adds a directory.
    pub fn directory(&mut self, path: &str) {
        self.entries.entry(path.into()).or_insert(Entry::Directory);
    }

    /// Adds a file with these permission bits.
    pub fn file(&mut self, path: &str, mode: u32, content: Vec<u8>) {
        self.entries.insert(path.into(), Entry::File { mode, content });
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) {
        self.entries.insert(path.into(), Entry::Link { target: target.into() });
    }

    /// Whether something has this path.
    pub fn contains(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }

    /// Writes the archive, with fixed times, owners and inode numbers.
    pub fn write(mut self, mut out: impl Write) -> io::Result<()> {
        let parents: BTreeSet<String> =
            self.entries.keys().flat_map(|path| parents(path)).map(Into::into).collect();
        for parent in parents {
            self.directory(&parent);
        }
        for (number, (path, entry)) in self.entries.into_iter().enumerate() {
            let builder = Builder::new(&path).ino(number as u32 + 1).uid(0).gid(0).mtime(0);
            let (builder, content) = match entry {
                Entry::Directory => {
                    (builder.mode(0o755).set_mode_file_type(ModeFileType::Directory), Vec::new())
                }
                Entry::File { mode, content } => {
                    (builder.mode(mode).set_mode_file_type(ModeFileType::Regular), content)
                }
                Entry::Link { target } => (
                    builder.mode(0o777).set_mode_file_type(ModeFileType::Symlink),
                    target.into_bytes(),
                ),
            };
            let mut file = builder.write(&mut out, content.len() as u32);
            file.write_all(&content)?;
            file.finish()?;
        }
        trailer(out).map(drop)
    }
}

/// `a/b/c` gives `a` and `a/b`.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(slash, _)| path.get(..slash))
}

#[cfg(test)]
#[path = "initramfs_tests.rs"]
mod tests;
