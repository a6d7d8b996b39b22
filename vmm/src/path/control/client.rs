//! One question to a running path.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use devices::net::check_socket_path;

use super::{Answer, REQUEST_MAX, Request, State};

/// A path answers between two frames; one that takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the path whose control socket is at `socket`.
pub fn ask(socket: &Path, request: &Request) -> anyhow::Result<State> {
    check_socket_path(socket)?;
    let shown = socket.display();
    let line = format!("{request}\n");
    if line.len() > REQUEST_MAX {
        bail!(
            "{} bytes are too much for one request ({REQUEST_MAX}); set less at once",
            line.len()
        );
    }
    let mut peer = UnixStream::connect(socket).with_context(|| {
        format!("no path listens at {shown}; start one with `nicvmm path --control {shown} ...`")
    })?;
    peer.set_read_timeout(Some(PATIENCE))?;
    let mut answer = String::new();
    peer.write_all(line.as_bytes())
        .and_then(|()| BufReader::new(&peer).read_line(&mut answer))
        .map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => anyhow::anyhow!("the path at {shown} does not answer"),
            _ => anyhow::Error::new(error).context(format!("cannot talk to the path at {shown}")),
        })?;
    if answer.is_empty() {
        bail!("the path at {shown} ended");
    }
    let answer = serde_json::from_str(&answer);
    match answer.with_context(|| format!("{shown} is not the control socket of a path"))? {
        Answer::State(state) => Ok(*state),
        Answer::Error(why) => bail!("the path at {shown} refuses: {why}"),
    }
}
