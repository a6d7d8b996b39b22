//! A person at a terminal: a program on a pseudo-terminal of its own, what it shows, what is typed.

use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use guest_init::client::{Client, Command, Output, Process, Size};
use guest_init::guest::service::{Sender, serve};
use guest_init::protocol::Device;

/// A program that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program on a terminal. PID 1 of our guests knows how to run one, here as well as there.
pub struct Terminal {
    process: Process,
    _client: Client,
}

impl Terminal {
    /// Runs a shell script on a terminal of this size.
    pub fn run(script: &str, size: Size) -> Self {
        let (host, guest) = UnixStream::pair().expect("a pair of sockets");
        let reader = guest.try_clone().expect("another descriptor");
        std::thread::spawn(move || serve(reader, &Sender::new(guest, Device::Port), Vec::new()));
        let client = Client::new(host).expect("a client");
        let mut command = Command::new(["sh", "-c", script]).terminal(size).env("TERM", "dumb");
        let directory = std::env::current_dir().expect("there is a current directory");
        command = command.current_dir(directory.to_str().expect("it is UTF-8"));
        let process = client.start(command).expect("the program starts");
        Self { process, _client: client }
    }

    /// Waits until the program has shown `text`.
    pub fn expect(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.shown().contains(text) {
            let ended = self.process.has_ended().unwrap_or(true);
            assert!(!ended && Instant::now() < deadline, "no {text:?} in: {}", self.shown());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types something.
    pub fn write(&self, text: &str) {
        self.process.write_stdin(text.as_bytes(), PATIENCE).expect("the terminal takes it");
    }

    /// Changes the size.
    pub fn resize(&self, size: Size) {
        self.process.resize(size).expect("the terminal takes it");
    }

    /// Waits for the end.
    pub fn wait(&self) -> Output {
        self.process.wait(PATIENCE).expect("the program ends")
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.process.stdout_so_far()).into_owned()
    }
}
