//! A debugger on the guest's CPUs: GDB's remote protocol, spoken by the `gdbstub` crate.
//!
//! 1. Each vCPU thread holds a [`Stop`]: before it enters the guest it looks whether it shall
//!    stop, and while it is stopped it carries out what the debugger's thread asks of it, since KVM
//!    wants a vCPU's registers to be touched by its own thread.
//! 2. The debugger's thread ([`session`]) waits for a client, stops all vCPUs, and translates the
//!    client's requests ([`target`]); the guest does not start before one has come.
//! 3. A breakpoint, a step or a watchpoint makes a vCPU leave with KVM_EXIT_DEBUG. It stops and
//!    says so, and the debugger's thread stops the others.
//! 4. When the client goes, breakpoints are taken out and the guest runs on; another may come.
//!
//! Software breakpoints are an instruction in guest memory ([`trap`]), hardware breakpoints and
//! watchpoints are the debug registers ([`points`]). Some KVMs without hardware below do not serve
//! debug registers; steps and software breakpoints in the kernel work there too.

mod cpu;
mod debuggee;
mod points;
mod registers;
mod session;
mod target;
mod trap;
mod wire;

use std::fmt;
use std::fs;
use std::io;
use std::net::{TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::str::FromStr;

use crate::listen::listen;

pub use cpu::{Control, Stop};
pub use session::Session;
pub use trap::Trap;
pub use wire::Wire;

/// Where a debugger connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// A TCP port: `HOST:PORT`.
    Tcp(String),
}

impl Address {
    /// What gdb's `target remote` takes.
    pub fn target(&self) -> String {
        match self {
            Self::Unix(path) => path.display().to_string(),
            Self::Tcp(text) => text.clone(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(text) => write!(f, "tcp:{text}"),
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            Some(("tcp", rest)) if rest.parse::<u16>().is_ok() => {
                Ok(Self::Tcp(format!("127.0.0.1:{rest}")))
            }
            Some(("tcp", rest)) if rest.contains(':') => Ok(Self::Tcp(rest.into())),
            _ => Err("use unix:PATH, tcp:PORT or tcp:HOST:PORT".into()),
        }
    }
}

/// Waits for debuggers. Its unix socket goes when it does.
#[derive(Debug)]
pub enum Listener {
    /// On a unix socket.
    Unix(UnixListener, PathBuf),
    /// On a TCP port.
    Tcp(TcpListener),
}

impl Listener {
    /// Listens at `address`.
    pub fn bind(address: &Address) -> anyhow::Result<Self> {
        Ok(match address {
            Address::Unix(path) => Self::Unix(listen(path)?, path.clone()),
            Address::Tcp(text) => {
                let addresses: Vec<_> = text.to_socket_addrs()?.collect();
                let listener = TcpListener::bind(&addresses[..])?;
                listener.set_nonblocking(true)?;
                Self::Tcp(listener)
            }
        })
    }

    /// A client, if one is there. Its socket blocks, unlike the one it came by.
    fn accept(&self) -> io::Result<Wire> {
        Ok(match self {
            Self::Unix(listener, _) => Wire::new(listener.accept()?.0),
            Self::Tcp(listener) => {
                let stream = listener.accept()?.0;
                stream.set_nodelay(true)?;
                Wire::new(stream)
            }
        })
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(listener, _) => listener.as_fd(),
            Self::Tcp(listener) => listener.as_fd(),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
#[path = "gdb_tests.rs"]
mod tests;
