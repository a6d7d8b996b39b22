//! The wall around files: Landlock, from Linux 5.13 on.
//!
//! Descriptors that are open stay what they are. What is opened by a path, made, renamed or removed
//! from then on has to lie in a directory of [`Files`]. TCP and abstract unix sockets of other
//! programs are out of reach where the kernel can tell (6.7, 6.12).

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ::landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::thread::CapabilitySet;

use super::{Error, Result};

/// The newest kernel interface that was thought about: what later ones can forbid stays as it was.
const KNOWN: ABI = ABI::V6;

/// What is done in a directory and below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Files are read.
    Read,
    /// Anything that makes no program run.
    Change,
    /// A file is written anew and takes the place of the old one.
    Replace,
    /// A socket is removed in the end.
    Remove,
    /// A socket is renamed, and removed in the end.
    Rename,
}

impl Use {
    fn access(self) -> BitFlags<AccessFs> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        match self {
            Self::Read => read,
            Self::Change => AccessFs::from_all(KNOWN) & !AccessFs::Execute & !AccessFs::IoctlDev,
            Self::Replace => {
                AccessFs::MakeReg
                    | AccessFs::WriteFile
                    | AccessFs::ReadFile
                    | AccessFs::Truncate
                    | AccessFs::RemoveFile
            }
            Self::Remove => AccessFs::RemoveFile.into(),
            Self::Rename => AccessFs::RemoveFile | AccessFs::MakeSock,
        }
    }

    /// Rights that root has and that the use would miss: its own files are not the only ones.
    fn privileges(self) -> CapabilitySet {
        match self {
            Self::Change => {
                CapabilitySet::DAC_OVERRIDE
                    | CapabilitySet::CHOWN
                    | CapabilitySet::FOWNER
                    | CapabilitySet::FSETID
            }
            _ => CapabilitySet::DAC_OVERRIDE,
        }
    }
}

/// Directories, and what is done in each.
#[derive(Debug, Default)]
pub struct Files(Vec<(OwnedFd, Use)>);

impl Files {
    /// Adds the directory at `path`.
    pub fn allow(&mut self, path: &Path, used: Use) -> Result<()> {
        let directory = File::options()
            .read(true)
            .custom_flags(libc::O_PATH | libc::O_DIRECTORY)
            .open(path)
            .map_err(|error| Error::Directory(path.display().to_string(), error))?;
        self.0.push((directory.into(), used));
        Ok(())
    }

    /// Adds the directory that the file at `path` is in.
    pub fn allow_beside(&mut self, path: &Path, used: Use) -> Result<()> {
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        self.allow(&parent.map_or(PathBuf::from("."), Path::to_path_buf), used)
    }

    /// Capabilities that these uses may need.
    pub(super) fn privileges(&self) -> CapabilitySet {
        self.0.iter().fold(CapabilitySet::empty(), |all, (_, used)| all | used.privileges())
    }

    /// Confines the calling thread and those that it will start.
    pub(super) fn confine(&self) -> Result<()> {
        let refused = |error: RulesetError| Error::Refused("limit files", error.to_string());
        // Before 5.19 no file can be renamed into another directory, which guests do.
        let changes = self.0.iter().any(|(_, used)| *used == Use::Change);
        if changes && !can_rename() {
            tracing::info!(
                "this kernel's Landlock is too old for a shared directory: files are not limited"
            );
            return Ok(());
        }
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(KNOWN))
            .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(KNOWN)))
            .and_then(|ruleset| ruleset.scope(Scope::AbstractUnixSocket))
            .and_then(Ruleset::create)
            .map_err(refused)?;
        for (directory, used) in &self.0 {
            ruleset =
                ruleset.add_rule(PathBeneath::new(directory, used.access())).map_err(refused)?;
        }
        let status = ruleset.restrict_self().map_err(refused)?;
        match status.ruleset {
            RulesetStatus::FullyEnforced => {}
            RulesetStatus::PartiallyEnforced => {
                tracing::debug!("this kernel's Landlock does not know all that could be forbidden");
            }
            RulesetStatus::NotEnforced => {
                tracing::info!("this kernel has no Landlock: the sandbox does not limit files");
            }
        }
        Ok(())
    }
}

/// Whether the kernel has a right for renaming into another directory.
fn can_rename() -> bool {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::Refer)
        .is_ok()
}
