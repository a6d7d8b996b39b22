//! Walls around this program, for the case that a guest takes control of it.
//!
//! 1. Whoever is about to run a guest opens what it needs, and collects in [`Files`] the directories
//!    that are needed later: those that are shared, or in which a report or a socket lies.
//! 2. [`Sandbox::confine`] raises the walls around the calling thread and all it starts from then
//!    on: no new privileges, no capabilities ([`privileges`]), no files but those ([`landlock`]).
//! 3. Each thread enters its list of system calls ([`seccomp`]) before it does anything else: started
//!    by [`Sandbox::spawn`], or by [`Sandbox::enter`]. A call that is not on the list ends the
//!    process with [`STATUS`] and one line that names it ([`trap`]).
//!
//! What a host's kernel does not have is left out and logged; what it refuses is an error.

mod landlock;
mod privileges;
pub mod seccomp;
#[cfg(test)]
mod testing;
mod trap;

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

pub use landlock::{Files, Use};
pub use seccomp::Thread;
pub use trap::STATUS;

use seccomp::Filters;

/// Why there are no walls.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A directory cannot be opened.
    #[error("cannot open {0} for the sandbox: {1}")]
    Directory(String, #[source] io::Error),
    /// The kernel refused something.
    #[error("the sandbox cannot {0}: {1}; --sandbox off runs without it")]
    Refused(&'static str, String),
    /// A list of system calls is wrong.
    #[error("the sandbox's list {0}: {1}; this is a bug")]
    List(&'static str, String),
}

/// Result with a sandbox's [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The walls around this process; or none, which is the default.
#[derive(Clone, Debug, Default)]
pub struct Sandbox(Option<Arc<Walls>>);

#[derive(Debug)]
struct Walls {
    filters: Filters,
    /// Kept open: some file systems forget what a directory was once nobody holds it.
    _files: Files,
}

impl Sandbox {
    /// Confines the calling thread and those that it will start to `files`, for good. No other thread
    /// may be there.
    pub fn confine(files: Files) -> Result<Self> {
        let filters = Filters::compile()?;
        trap::install()?;
        privileges::drop_all_but(files.privileges())?;
        files.confine()?;
        Ok(Self(Some(Arc::new(Walls { filters, _files: files }))))
    }

    /// Limits the calling thread to what `thread` may ask of the kernel, for good.
    pub fn enter(&self, thread: Thread) -> Result<()> {
        let Some(walls) = &self.0 else { return Ok(()) };
        trap::name(thread.name());
        walls.filters.apply(thread)
    }

    /// Starts a thread that does `work` within its limits.
    pub fn spawn<T: Send + 'static>(
        &self,
        thread: Thread,
        name: String,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        let sandbox = self.clone();
        Builder::new().name(name).spawn(move || {
            if let Err(error) = sandbox.enter(thread) {
                trap::give_up(&error);
            }
            work()
        })
    }
}

#[cfg(test)]
#[path = "sandbox_tests.rs"]
mod tests;
