//! `--sandbox`: whether there are walls around this program.

use anyhow::Result;
use clap::ValueEnum;

use crate::sandbox::{self, Files, Sandbox};

/// What `--sandbox` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Walls {
    /// Around this program, before it deals with a guest.
    #[default]
    On,
    /// None.
    Off,
}

impl Walls {
    /// Raises them; `needed` names the directories that are needed later.
    pub fn raise(self, needed: impl FnOnce(&mut Files) -> sandbox::Result<()>) -> Result<Sandbox> {
        if self == Self::Off {
            return Ok(Sandbox::default());
        }
        let mut files = Files::default();
        needed(&mut files)?;
        Ok(Sandbox::confine(files)?)
    }
}
