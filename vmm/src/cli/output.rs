//! Files that a result is written to.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use super::host::directory_of;

/// Where a result goes, once or again and again. Whether it can be written is found out before
/// anything is measured, and a file is there whole or not at all: it is written under a name that
/// nothing else has, and then takes the place of what was there.
#[derive(Debug)]
pub struct Destination {
    path: PathBuf,
    /// What is no plain file, a pipe or a terminal, is written to as it is.
    stream: Option<fs::File>,
}

impl Destination {
    /// Makes ready to write to `path`.
    pub fn prepare(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot write {}", path.display());
        let stream = if path.exists() && !path.is_file() {
            Some(fs::OpenOptions::new().write(true).open(path).with_context(cannot)?)
        } else {
            temporary_beside(path).with_context(cannot)?; // it can be made, and is gone again
            None
        };
        Ok(Self { path: path.to_owned(), stream })
    }

    /// Whether what is written takes the place of what was written before, and is not added to it.
    pub fn is_file(&self) -> bool {
        self.stream.is_none()
    }

    /// Writes it, in place of what was written before.
    pub fn write(&self, text: &str) -> Result<()> {
        let write = || -> io::Result<()> {
            if let Some(mut stream) = self.stream.as_ref() {
                return stream.write_all(text.as_bytes());
            }
            let mut temporary = temporary_beside(&self.path)?;
            temporary.write_all(text.as_bytes())?;
            temporary.as_file().sync_all()?; // what is there whole survives the machine, too
            temporary.persist(&self.path)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// A file that everyone may read, in the same directory as `path`.
fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = directory_of(path);
    fs::metadata(&directory)?;
    let everyone_reads = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    tempfile::Builder::new()
        .prefix(".nicvmm-")
        .permissions(everyone_reads)
        .tempfile_in(directory)
        // Whoever reads the complaint knows nothing of the other name.
        .map_err(|error| error.kind().into())
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
