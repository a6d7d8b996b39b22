//! A port of a virtio console whose other side is a socket.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use devices::virtio::console::{Port, receive_queue, transmit_queue};

use super::error::{Error, Result};
use super::worker::Peer;

/// Makes `stream` the other side of port `number`. The answer's second half tells the function's
/// worker when there are bytes or room.
pub fn on_socket(stream: UnixStream, number: u16) -> Result<(Box<dyn Port>, Peer)> {
    let prepare = || -> io::Result<_> {
        stream.set_nonblocking(true)?;
        stream.as_fd().try_clone_to_owned()
    };
    let descriptor = prepare().map_err(|error| Error::System("prepare a port's socket", error))?;
    let readable = receive_queue(number).into();
    let writable = transmit_queue(number).into();
    Ok((Box::new(SocketPort(stream)), Peer { descriptor, readable, writable }))
}

struct SocketPort(UnixStream);

impl Port for SocketPort {
    fn write(&mut self, data: &[u8]) -> usize {
        loop {
            match self.0.write(data) {
                Ok(count) => return count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return 0,
                // Nobody is there any more: the guest must not wait for them.
                Err(_) => return data.len(),
            }
        }
    }

    fn read(&mut self, data: &mut [u8]) -> usize {
        loop {
            match self.0.read(data) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.unwrap_or(0),
            }
        }
    }
}

#[cfg(test)]
#[path = "port_tests.rs"]
mod tests;
