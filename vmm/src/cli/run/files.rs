//! What a run still does to files once its guest runs: all that its sandbox leaves it.

use super::args::RunArgs;
use crate::machine::gdb;
use crate::sandbox::{Files, Result, Use};

impl RunArgs {
    /// Adds the directories that are shared, and those in which something is replaced or removed.
    pub(super) fn needed_files(&self, files: &mut Files) -> Result<()> {
        for share in &self.share {
            let used = if share.read_only { Use::Read } else { Use::Change };
            files.allow(&share.path, used)?;
        }
        // What is no plain file is open by now, and is not replaced.
        let replaced = self.report.iter().filter(|report| report.is_file() || !report.exists());
        for report in replaced {
            files.allow_beside(report, Use::Replace)?;
        }
        let debugger = match &self.gdb {
            Some(gdb::Address::Unix(path)) => Some(path),
            _ => None,
        };
        for socket in self.control.iter().chain(&self.vsock).chain(debugger) {
            files.allow_beside(socket, Use::Remove)?;
        }
        Ok(())
    }
}
