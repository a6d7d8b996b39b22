//! A web server that answers every request with one file, by sendfile as real ones do.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;

use std::time::Duration;

use anyhow::Context;
use nix::sys::socket::{setsockopt, sockopt};

/// Longest time that a peer may take nothing.
const PATIENCE: Duration = Duration::from_secs(10);

const PORT: u16 = 80;

/// Listens at `address`, port 80, in the namespace of the calling thread. Connections use `congestion`: the
/// default of the host may be another one, and a child namespace may not choose for all sockets.
pub fn listen(address: &str, congestion: &str) -> anyhow::Result<TcpListener> {
    let address: IpAddr = address.parse()?;
    let listener = TcpListener::bind((address, PORT))
        .with_context(|| format!("cannot listen on {address}"))?;
    setsockopt(&listener.as_fd(), sockopt::TcpCongestion, &congestion.into())
        .with_context(|| format!("this kernel offers no TCP congestion control {congestion}"))?;
    Ok(listener)
}

/// `address` as the host of a URL.
pub fn host(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}

/// Answers one request with `bytes` zeros out of a file.
pub fn serve_once(listener: &TcpListener, bytes: u64) -> io::Result<()> {
    let mut file = tempfile::tempfile()?;
    file.set_len(bytes)?;
    let (peer, _) = listener.accept()?;
    peer.set_write_timeout(Some(PATIENCE))?;
    answer(peer, &mut file, bytes)
}

fn answer(mut peer: TcpStream, file: &mut File, bytes: u64) -> io::Result<()> {
    let request = BufReader::new(peer.try_clone()?).lines();
    for line in request {
        if line?.is_empty() {
            break;
        }
    }
    write!(peer, "HTTP/1.0 200 OK\r\nContent-Length: {bytes}\r\n\r\n")?;
    file.rewind()?;
    // From a file to a socket this is sendfile(2).
    io::copy(file, &mut peer).map(drop)
}
