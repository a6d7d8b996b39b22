//! A directory of the host that the guest sees as its own: a 9P server behind virtio-9p.
//!
//! 1. The guest's kernel sends 9P2000.L messages; [`devices::virtio::share`] hands each to a thread.
//! 2. [`Server`] reads the message ([`wire`]), does what it asks for with the files it stands for
//!    ([`Node`]), and writes the answer.
//!
//! The guest cannot leave the directory: a file is only ever reached from a directory it is in, by
//! one name, without following a symbolic link; links are for the guest to follow, in its own tree.
//! It gets what the user who runs nicvmm gets, no more: there are no other users' files, and no
//! device is opened. A read-only share refuses every change itself.

mod attributes;
mod directory;
mod node;
mod server;
mod wire;

use std::path::PathBuf;
use std::sync::Mutex;

use devices::sync::lock;
use devices::virtio::share::{Exchange, MAX_TAG, Share, VECTORS};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::Machine;
use super::error::{Error, Result};
use super::pool::Pool;
use crate::sandbox::Thread;
use node::Node;
use server::Server;

/// Open files that nicvmm needs beside those of its guest.
const OWN_FILES: u64 = 256;
/// The most files that a guest may hold on to, whatever the host allows.
const MAX_FILES: u64 = 1 << 16;

/// Which directory, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The directory of the host.
    pub path: PathBuf,
    /// Where the guest finds it: the mount tag, which the default guest takes for a path.
    pub place: String,
    /// Whether the guest may only read.
    pub read_only: bool,
}

impl Machine {
    /// Adds a shared directory in the next free slot.
    pub fn add_share(&mut self, config: &Config) -> Result<()> {
        let refuse = |why: String| Error::Share { path: config.path.clone(), why };
        if config.place.len() > MAX_TAG {
            return Err(refuse(format!("a place has at most {MAX_TAG} bytes")));
        }
        let root = Node::root(&config.path).map_err(|errno| refuse(errno.to_string()))?;
        let server = Server::new(root, config.read_only, files());
        let server = server.map_err(|errno| refuse(errno.to_string()))?;
        let server = Mutex::new(server);
        // One thread: the order of messages is kept, and a flush has nothing to wait for.
        let pool = Pool::new(self.endings(), move |exchange: &mut Exchange| {
            let mut server = lock(&server);
            exchange.answer = server.answer(&exchange.message, exchange.room);
        })?;
        let (peer, threads) = (pool.peer()?, pool.threads(Thread::Share, 1));
        self.at_start(move |sandbox| threads.start(sandbox));
        let messages = self.messages(VECTORS)?;
        let function = Share::function(&config.place, Box::new(pool), self.dma_memory(), messages)
            .map_err(|error| refuse(error.to_string()))?;
        self.add_device(Box::new(function), vec![peer])
    }
}

/// How many files a guest may hold on to. Each is an open file of ours, so as many are allowed as
/// the host lets us have.
fn files() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum.map_or(Some(MAX_FILES), |most| Some(most.min(MAX_FILES)));
    // Refused, the limit stays what it was.
    let _ = setrlimit(Resource::Nofile, limit);
    let now = getrlimit(Resource::Nofile).current.unwrap_or(MAX_FILES);
    // A file that is open counts twice.
    (now.saturating_sub(OWN_FILES) / 2) as usize
}
