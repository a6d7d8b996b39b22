//! `net=user`: networking without root, through passt.
//!
//! passt takes a guest's frames from a socket and turns its connections into its own, of an ordinary
//! process. It is one end of a socket pair, so no file names it; it ends when we close our end,
//! however we end. The guest has its own small network with passt as its gateway:
//! 1. [`Passt::start`] starts it, and asks for the gateway's MAC address until it answers: it says in no
//!    other way that it is up;
//! 2. the NIC's wire is the other end of the pair;
//! 3. [`parameters`] tell the default guest its address. Any other guest gets it by DHCP.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use devices::net::Stream;
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};

use crate::child::{hand_over, tie};

/// Time for passt to answer.
const START: Duration = Duration::from_secs(10);
/// Time between two questions.
const AGAIN: Duration = Duration::from_millis(100);
/// Longest frame before the answer: passt speaks of the network by itself.
const MAX_FRAME: usize = 65_535 + 14;
/// Bytes of what passt said that are shown: the last ones.
const LAST_WORDS: usize = 4096;
/// Length of the network's prefix.
const PREFIX: u8 = 24;

/// A running passt; it ends when dropped.
#[derive(Debug)]
pub struct Passt {
    process: Child,
    /// It once more: the sandbox lets us end what we hold, and nobody else.
    pidfd: OwnedFd,
    /// What it says. It is a file, since nobody reads it while the guest runs: passt would wait for ever
    /// for room in a pipe, and the guest's network with it.
    said: File,
}

/// The addresses of NIC `index`'s network: its own, the gateway, the name server.
fn addresses(index: usize) -> [Ipv4Addr; 3] {
    [2, 1, 3].map(|host| Ipv4Addr::new(10, 88, index as u8, host))
}

/// What tells the default guest of its NIC's network.
pub fn parameters(index: usize, mac: [u8; 6]) -> String {
    let [own, gateway, dns] = addresses(index);
    let mac = mac.map(|byte| format!("{byte:02x}")).join(":");
    format!("nicvmm.net={mac},{own}/{PREFIX},gw={gateway} nicvmm.dns={dns}")
}

impl Passt {
    /// Starts passt for NIC `index`.
    pub fn start(index: usize, mac: [u8; 6]) -> Result<(Self, Stream)> {
        let (ours, theirs) = UnixStream::pair().context("cannot make a socket pair")?;
        let [own, gateway, dns] = addresses(index).map(|address| address.to_string());
        let said = tempfile::tempfile().context("cannot make a temporary file")?;
        let errors = said.try_clone().context("cannot make a temporary file")?;
        let number = theirs.as_raw_fd().to_string();
        let mut command = Command::new("passt");
        command
            .args(["--foreground", "--quiet", "--stderr", "--no-map-gw", "--fd", &number])
            .args(["--address", &own, "--netmask", &PREFIX.to_string(), "--gateway", &gateway])
            .args(["--dns", &dns, "--dns-forward", &dns])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors);
        hand_over(&mut command, theirs.into());
        let process = tie(&mut command).spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => anyhow::anyhow!(
                "net=user needs passt, which is not installed: `sudo apt-get install passt`"
            ),
            _ => anyhow::anyhow!("passt cannot be started: {error}"),
        })?;
        drop(command); // and with it our copy of passt's end
        let pid = Pid::from_child(&process);
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).context("cannot watch passt")?;
        let passt = Self { process, pidfd, said };
        passt.wait(&ours, index, mac)?;
        Ok((passt, Stream::from_socket(ours)))
    }

    /// Waits until passt answers for the gateway.
    fn wait(&self, mut socket: &UnixStream, index: usize, mac: [u8; 6]) -> Result<()> {
        let deadline = Instant::now() + START;
        let question = question(index, mac);
        socket.set_read_timeout(Some(AGAIN)).context("cannot set up passt's socket")?;
        while Instant::now() < deadline {
            if socket.write_all(&question).is_err() {
                bail!("passt ended: {}", last_words(&self.said));
            }
            match answer(socket) {
                Ok(true) => return Ok(socket.set_read_timeout(None)?),
                Ok(false) => {}
                Err(_) => bail!("passt ended: {}", last_words(&self.said)),
            }
        }
        bail!("passt did not answer within {START:?}")
    }
}

/// The end of what passt said, without what it always says.
fn last_words(said: &File) -> String {
    let length = said.metadata().map_or(0, |facts| facts.len());
    let mut end = [0; LAST_WORDS];
    let count = said.read_at(&mut end, length.saturating_sub(LAST_WORDS as u64)).unwrap_or(0);
    let end = String::from_utf8_lossy(&end[..count]);
    let is_about_us = |line: &&str| {
        let noise = ["to syslog", "Don't run as root", "nameserver"];
        !line.trim().is_empty() && !noise.iter().any(|words| line.contains(words))
    };
    let lines: Vec<&str> = end.lines().filter(is_about_us).collect();
    if lines.is_empty() { "it did not say why".into() } else { lines.join("; ") }
}

impl Drop for Passt {
    fn drop(&mut self) {
        let _ = pidfd_send_signal(&self.pidfd, rustix::process::Signal::KILL); // it may be gone already
        let _ = self.process.wait();
    }
}

/// An ARP request for the gateway, with the four bytes of length before it that passt wants.
fn question(index: usize, mac: [u8; 6]) -> Vec<u8> {
    let [own, gateway, _] = addresses(index);
    let arp = [
        &[0xff; 6][..],
        &mac,
        &[8, 6],             // EtherType ARP
        &[0, 1, 8, 0, 6, 4], // IPv4 on Ethernet
        &[0, 1],             // request
        &mac,
        &own.octets(),
        &[0; 6],
        &gateway.octets(),
    ]
    .concat();
    [&(arp.len() as u32).to_be_bytes()[..], &arp].concat()
}

/// Reads one frame, and tells whether it is ARP. `false` too where none came in time.
fn answer(mut socket: &UnixStream) -> io::Result<bool> {
    let mut length = [0; 4];
    match socket.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
        result => result?,
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = vec![0; length];
    socket.read_exact(&mut frame)?;
    Ok(frame.get(12..14) == Some(&[8, 6]))
}

#[cfg(test)]
#[path = "passt_tests.rs"]
mod tests;
