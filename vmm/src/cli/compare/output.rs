//! Files that a result is written to.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// Where a result goes. Whether it can be written is found out before anything is measured, and a
/// file appears whole or not at all.
#[derive(Debug)]
pub enum Destination {
    /// A file, until then under another name.
    File {
        /// What is written to.
        temporary: NamedTempFile,
        /// What it becomes.
        path: PathBuf,
    },
    /// Something that is no plain file: a pipe, a terminal.
    Stream(fs::File),
}

impl Destination {
    /// Makes ready to write to `path`.
    pub fn prepare(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot write {}", path.display());
        if path.exists() && !path.is_file() {
            let stream = fs::OpenOptions::new().write(true).open(path).with_context(cannot)?;
            return Ok(Self::Stream(stream));
        }
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        // Whoever reads the complaint knows nothing of the other name.
        let plain = |error: io::Error| io::Error::from(error.kind());
        fs::metadata(directory).with_context(cannot)?;
        let everyone_reads = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        let temporary = tempfile::Builder::new()
            .prefix(".nicvmm-")
            .permissions(everyone_reads)
            .tempfile_in(directory)
            .map_err(plain)
            .with_context(cannot)?;
        Ok(Self::File { temporary, path: path.to_owned() })
    }

    /// Writes it.
    pub fn write(self, text: &str) -> Result<()> {
        match self {
            Self::Stream(mut stream) => {
                stream.write_all(text.as_bytes()).context("cannot write the result")
            }
            Self::File { mut temporary, path } => {
                let cannot = || format!("cannot write {}", path.display());
                temporary.write_all(text.as_bytes()).with_context(cannot)?;
                temporary.persist(&path).map(drop).with_context(cannot)
            }
        }
    }
}
