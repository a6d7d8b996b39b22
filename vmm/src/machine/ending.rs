//! How a guest can end, and the one place where its end is noted.

use std::fmt;
use std::sync::Mutex;

use devices::sync::lock;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use super::error::{Error, Result};

/// Why the machine stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The guest switched itself off.
    PowerOff,
    /// The guest asked for a reset.
    Reset,
    /// The guest's kernel panicked.
    Panic,
    /// A CPU met a fault it could not deliver.
    TripleFault,
    /// KVM could not go on.
    KvmError(String),
    /// The time limit passed.
    TimeOut,
    /// The machine was told to stop by this signal.
    Signal(i32),
    /// Whoever made the machine has what it wanted.
    Stopped,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOff => write!(f, "the guest powered off"),
            Self::Reset => write!(f, "the guest asked for a reset"),
            Self::Panic => write!(f, "the guest's kernel panicked"),
            Self::TripleFault => write!(f, "the guest died of a triple fault"),
            Self::KvmError(what) => write!(f, "the guest cannot go on: {what}"),
            Self::TimeOut => write!(f, "the guest did not end within its time limit"),
            Self::Signal(number) => write!(f, "stopped by signal {number}"),
            Self::Stopped => write!(f, "stopped"),
        }
    }
}

/// Holds the first ending reported and wakes the event loop.
#[derive(Debug)]
pub struct Endings {
    first: Mutex<Option<Ending>>,
    registers: Mutex<Vec<String>>,
    event: EventFd,
}

impl Endings {
    /// Nothing has ended yet.
    pub fn new() -> Result<Self> {
        let event = EventFd::new(EFD_NONBLOCK).map_err(|e| Error::System("eventfd", e))?;
        Ok(Self { first: Mutex::new(None), registers: Mutex::default(), event })
    }

    /// Reports an ending; later ones are ignored.
    pub fn report(&self, ending: Ending) {
        let mut first = lock(&self.first);
        first.get_or_insert(ending);
        let _ = self.event.write(1);
    }

    /// Keeps the registers of a CPU that cannot go on, as lines to show.
    pub fn note_registers(&self, lines: Vec<String>) {
        *lock(&self.registers) = lines;
    }

    /// The registers of the CPU that could not go on, if one could not.
    pub fn registers(&self) -> Vec<String> {
        lock(&self.registers).clone()
    }

    /// The first ending, if there was one.
    pub fn get(&self) -> Option<Ending> {
        lock(&self.first).clone()
    }

    /// Readable once something ended.
    pub fn event(&self) -> &EventFd {
        &self.event
    }
}
