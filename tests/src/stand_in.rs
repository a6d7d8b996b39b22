//! A guest without a machine: answers the lab over the control channel as a real one would, at once.
//!
//! It stands in for QEMU where the lab itself is tested: what it does when parts of it die, in which
//! order it works, what it makes of figures. It takes QEMU's command line, of which only the control
//! socket matters, and notes in a directory who it is (`PID`) and that a download has begun
//! (`downloading-PID`). A download takes its whole time and gets [`BYTES`].

use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use guest_init::protocol::{
    Device, Frame, FrameReader, Kind, Ready, Received, Request, Run, Status, VERSION, encode,
};

/// Size of what every download gets.
pub const BYTES: u64 = 1_000_000;

/// Names the directory for the notes.
pub const NOTES: &str = "STAND_IN_NOTES";

/// What is said by a guest whose figures nobody looks at.
const COUNTERS: &str = "Tcp: OutSegs RetransSegs\nTcp: 100 7\ncpu  10 0 10 900 0 0 0\n";

/// Runs until the host goes.
pub fn run(arguments: &[String]) -> io::Result<()> {
    let missing = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
    let control = arguments
        .iter()
        .find_map(|word| word.strip_prefix("socket,id=control,server=on,wait=off,path="))
        .ok_or_else(|| missing("no control socket on the command line"))?;
    let notes = PathBuf::from(std::env::var_os(NOTES).ok_or_else(|| missing(NOTES))?);
    fs::write(notes.join(std::process::id().to_string()), "")?;
    let (host, _) = UnixListener::bind(control)?.accept()?;
    Guest { host: Arc::new(Mutex::new(host.try_clone()?)), notes }.serve(host)
}

#[derive(Clone)]
struct Guest {
    host: Arc<Mutex<UnixStream>>,
    notes: PathBuf,
}

impl Guest {
    fn serve(&self, host: UnixStream) -> io::Result<()> {
        let mut frames = FrameReader::new(host);
        self.ready(0)?;
        loop {
            match frames.receive()? {
                Received::End => return Ok(()),
                Received::Frame(Frame { kind: Kind::Hello, id, .. }) => {
                    self.ready(id)?;
                }
                Received::Frame(Frame { kind: Kind::Request, id, payload }) => {
                    match serde_json::from_slice(&payload)? {
                        Request::Run(run) => self.start(id, run),
                        Request::Signal(signal) => {
                            let status = Status::Signaled(signal.signal);
                            self.send(Kind::Exited, signal.run, &status.to_bytes());
                        }
                        _ => self.send(Kind::Done, id, b""),
                    }
                }
                _ => {}
            }
        }
    }

    fn ready(&self, id: u32) -> io::Result<()> {
        let (kernel, warnings) = ("stand-in".to_owned(), Vec::new());
        let ready = Ready { version: VERSION, kernel, warnings, device: Device::Port };
        self.send(Kind::Ready, id, &serde_json::to_vec(&ready)?);
        Ok(())
    }

    /// Answers a command by what it is about; one that watches sockets goes on until it is killed.
    fn start(&self, id: u32, run: Run) {
        let script = run.argv.get(2).cloned().unwrap_or_default();
        if script.contains("ss -tin") {
            return;
        }
        if script.contains("wget") {
            let guest = self.clone();
            let seconds = run.argv.get(4).and_then(|text| text.parse().ok()).unwrap_or(1.0);
            thread::spawn(move || guest.download(id, seconds));
            return;
        }
        let said = if script.contains("ping") {
            "rtt min/avg/max/mdev = 24.0/24.0/24.0/0 ms\n"
        } else if script.contains("lspci") {
            "00:03.0 Ethernet controller: a stand-in\n"
        } else if script.contains("/proc/net/snmp") {
            COUNTERS
        } else {
            ""
        };
        self.end(id, said);
    }

    fn download(&self, id: u32, seconds: f64) {
        let note = format!("downloading-{}", std::process::id());
        let _ = fs::write(self.notes.join(note), "");
        thread::sleep(Duration::from_secs_f64(seconds));
        self.end(id, &format!("0.0 {seconds} 137 {BYTES}\n"));
    }

    fn end(&self, id: u32, said: &str) {
        self.send(Kind::Stdout, id, said.as_bytes());
        self.send(Kind::Exited, id, &Status::Exited(0).to_bytes());
    }

    fn send(&self, kind: Kind, id: u32, payload: &[u8]) {
        let mut host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a host there is nobody to tell.
        let _ = io::Write::write_all(&mut *host, &encode(kind, id, payload, false));
    }
}
