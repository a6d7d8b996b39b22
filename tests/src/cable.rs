//! A cable between two NICs on stream sockets: what one sends the other gets, byte by byte.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;

/// Bytes passed on at a time.
const CHUNK: usize = 64 * 1024;

/// The cable. Its sockets are gone when it is dropped; whoever is connected stays so.
pub struct Cable([PathBuf; 2]);

impl Cable {
    /// Listens on both sockets; frames pass once a NIC came to each.
    pub fn between(sockets: &[PathBuf; 2]) -> Self {
        let listen = |socket: &Path| {
            let _ = std::fs::remove_file(socket);
            UnixListener::bind(socket).expect("the cable's socket can be made")
        };
        let [a, b] = [listen(&sockets[0]), listen(&sockets[1])];
        thread::spawn(move || {
            let (Ok((a, _)), Ok((b, _))) = (a.accept(), b.accept()) else { return };
            let (Ok(from), Ok(to)) = (a.try_clone(), b.try_clone()) else { return };
            thread::spawn(move || carry(from, to));
            carry(b, a);
        });
        Self(sockets.clone())
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for socket in &self.0 {
            let _ = std::fs::remove_file(socket);
        }
    }
}

fn carry(mut from: UnixStream, mut to: UnixStream) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        if to.write_all(&chunk[..count]).is_err() {
            return;
        }
    }
}
