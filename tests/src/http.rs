//! A web server that answers every request with one file, by sendfile as real ones do; and how much passes
//! in a given time, from it or to a client.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;

use std::time::{Duration, Instant};

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

/// Bytes that a file has which is sent again and again.
const CHUNK: u64 = 8 << 20;
/// Bytes sent between two looks at the clock, and read at a time.
const PIECE: usize = 256 << 10;

/// What passed.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    /// Bytes that the other end got.
    pub bytes: u64,
    /// Time from the request until it had them.
    pub wall: Duration,
}

/// Answers one request with zeros for about as long as `time`; then waits until the client has them all.
pub fn serve_for(listener: &TcpListener, time: Duration) -> io::Result<Transfer> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut io::repeat(0).take(CHUNK), &mut file)?;
    let (mut peer, _) = listener.accept()?;
    peer.set_read_timeout(Some(PATIENCE))?;
    peer.set_write_timeout(Some(PATIENCE))?;
    read_request(&peer)?;
    let start = Instant::now();
    // The end of the connection is that of the answer.
    write!(peer, "HTTP/1.0 200 OK\r\n\r\n")?;
    let mut bytes = 0;
    while start.elapsed() < time {
        if bytes % CHUNK == 0 {
            file.rewind()?;
        }
        bytes += io::copy(&mut (&mut file).take(PIECE as u64), &mut peer)?;
    }
    peer.shutdown(Shutdown::Write)?;
    // A client that has everything closes.
    io::copy(&mut peer, &mut io::sink())?;
    Ok(Transfer { bytes, wall: start.elapsed() })
}

/// Gets `/file` from a server for as long as `time`.
pub fn fetch_for(server: SocketAddr, time: Duration) -> io::Result<Transfer> {
    let mut peer = TcpStream::connect_timeout(&server, PATIENCE)?;
    peer.set_read_timeout(Some(PATIENCE))?;
    let start = Instant::now();
    write!(peer, "GET /file HTTP/1.0\r\n\r\n")?;
    let (mut piece, mut bytes) = (vec![0; PIECE], 0);
    while start.elapsed() < time {
        match peer.read(&mut piece)? {
            0 => break,
            count => bytes += count as u64,
        }
    }
    Ok(Transfer { bytes, wall: start.elapsed() })
}

fn read_request(peer: &TcpStream) -> io::Result<()> {
    for line in BufReader::new(peer.try_clone()?).lines() {
        if line?.is_empty() {
            break;
        }
    }
    Ok(())
}

fn answer(mut peer: TcpStream, file: &mut File, bytes: u64) -> io::Result<()> {
    read_request(&peer)?;
    write!(peer, "HTTP/1.0 200 OK\r\nContent-Length: {bytes}\r\n\r\n")?;
    file.rewind()?;
    // From a file to a socket this is sendfile(2).
    io::copy(file, &mut peer).map(drop)
}
