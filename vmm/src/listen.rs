//! Unix sockets that others connect to, by a path that a user gave.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use anyhow::{Context, Result, bail};
use devices::net::check_socket_path;

/// Listens at `path`, without waiting when nobody connects. A socket on which no one listens any more,
/// as a process that was killed leaves it, is replaced; what is in use, or no socket, is left alone.
pub fn listen(path: &Path) -> Result<UnixListener> {
    check_socket_path(path)?;
    let shown = path.display();
    match path.symlink_metadata() {
        Ok(found) if !found.file_type().is_socket() => {
            bail!("{shown} is there, but it is not a socket; use another path or remove it");
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            bail!("socket {shown} is in use by another program; use another path");
        }
        Ok(_) => fs::remove_file(path)
            .with_context(|| format!("cannot remove the stale socket {shown}"))?,
        Err(_) => {}
    }
    let socket = UnixListener::bind(path)
        .with_context(|| format!("cannot listen on {shown}; its directory must be writable"))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
