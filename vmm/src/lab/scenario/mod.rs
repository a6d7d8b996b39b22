//! Experiments as files: what is set against what, over which path, and what has to come out.
//!
//! 1. [`find`] takes a name of the [`library`], a group of it, or a file of the user's own, and
//!    reads it ([`file`]); a mistake is told with file, line and key.
//! 2. A [`Scenario`] holds the arms to measure and, for each, its [`Expectations`].
//! 3. Several scenarios become one [`Schedule`]: arms that several of them share are measured once.
//! 4. What was measured becomes a [`Comparison`] for each scenario, with every expectation checked.

mod expect;
pub mod file;
pub mod library;
pub mod profile;
mod range;
mod schedule;
mod written;

use std::io;
use std::path::PathBuf;

pub use expect::{Check, Expectations, Speed};
pub use library::find;
pub use profile::{Profile, profiles};
pub use range::{BadRange, Range};
pub use schedule::Schedule;

use super::plan::Arm;
use super::variant::{BadVariant, Variant, Vmm};

/// An experiment.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// By which it is asked for.
    pub name: String,
    /// What is done, and what happens.
    pub title: String,
    /// Why it happens, in a sentence.
    pub because: String,
    /// Runs of each variant, if the scenario cares.
    pub runs: Option<u32>,
    /// What is measured; the others are compared with the first.
    pub variants: Vec<(Arm, Expectations)>,
}

/// Why a scenario cannot be used
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing has this name
    #[error(
        "there is no scenario `{name}`{hint}; `nicvmm compare --list` names all, and a file of your own goes by its path"
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// A name that is close, in words, or nothing.
        hint: String,
    },
    /// The file cannot be read
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file says something that is not understood
    #[error("{origin}: {message}")]
    Content {
        /// Which file.
        origin: String,
        /// What is wrong, where.
        message: String,
    },
    /// A NIC does not go with the VMM that was asked for
    #[error("scenario {scenario}: {source}")]
    Nic {
        /// Which scenario.
        scenario: String,
        /// Why.
        source: BadVariant,
    },
}

impl Scenario {
    /// The same with `vmm` running all NICs that name none, and with `more` NICs under the
    /// conditions of the first variant.
    pub fn with(mut self, vmm: Vmm, more: &[Variant]) -> Result<Self, Error> {
        if let Some((first, _)) = self.variants.first() {
            let first = first.clone();
            let added = more.iter().map(|nic| {
                let arm = Arm { name: nic.to_string(), nic: nic.clone(), ..first.clone() };
                (arm, Expectations::default())
            });
            self.variants.extend(added);
        }
        for (arm, _) in &mut self.variants {
            arm.nic = arm
                .nic
                .under(vmm)
                .map_err(|source| Error::Nic { scenario: self.name.clone(), source })?;
        }
        Ok(self)
    }
}
