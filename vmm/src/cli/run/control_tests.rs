use std::time::{Duration, Instant};

use event_manager::{EventManager, SubscriberOps};
use tempfile::TempDir;

use super::*;

/// More than any socket buffer holds.
const MUCH: usize = 4 << 20;

/// A control socket that is served whenever the test says so, and the guest's end of its channel.
struct Served {
    directory: TempDir,
    manager: EventManager<ControlSocket>,
    guest: UnixStream,
}

impl Served {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let (guest, channel) = UnixStream::pair().unwrap();
        guest.set_nonblocking(true).unwrap();
        let mut manager = EventManager::new().unwrap();
        let socket = ControlSocket::bind(&directory.path().join("control"), channel).unwrap();
        manager.add_subscriber(socket);
        Self { directory, manager, guest }
    }

    fn connect(&mut self) -> UnixStream {
        let client = UnixStream::connect(self.directory.path().join("control")).unwrap();
        client.set_nonblocking(true).unwrap();
        self.serve();
        client
    }

    /// Serves until there is nothing to do. Never takes long, whoever reads or does not.
    fn serve(&mut self) {
        let start = Instant::now();
        while self.manager.run_with_timeout(0).unwrap() > 0 {}
        assert!(start.elapsed() < Duration::from_secs(1), "it waited");
    }

    /// Writes what there is room for at the guest's end; answers how much.
    fn say(&mut self, bytes: &[u8]) -> usize {
        let mut said = 0;
        while let Ok(count) = self.guest.write(&bytes[said..]) {
            said += count;
            self.serve();
            if said == bytes.len() {
                break;
            }
        }
        said
    }
}

/// Reads what is there.
fn hear(stream: &mut UnixStream) -> Vec<u8> {
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard); // ends where it would block
    heard
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 7) as u8).collect()
}

#[test]
fn a_client_that_does_not_read_holds_up_the_guests_talk_and_nothing_else() {
    let mut served = Served::new();
    let _idle = served.connect();
    assert!(served.say(&pattern(MUCH)) < MUCH);
    let mut newer = served.connect();
    newer.write_all(b"hello").unwrap();
    served.serve();
    assert_eq!(hear(&mut served.guest), b"hello");
}

#[test]
fn a_client_that_reads_late_misses_nothing() {
    let mut served = Served::new();
    let mut client = served.connect();
    let all = pattern(MUCH);
    let (mut said, mut heard) = (0, Vec::new());
    while said < MUCH {
        said += served.say(&all[said..]);
        heard.extend(hear(&mut client));
        served.serve();
    }
    while heard.len() < MUCH {
        let more = hear(&mut client);
        assert!(!more.is_empty(), "{} of {MUCH} bytes came", heard.len());
        heard.extend(more);
        served.serve();
    }
    assert!(heard == all);
}

#[test]
fn what_a_client_says_before_it_goes_reaches_a_guest_that_reads_late() {
    let mut served = Served::new();
    let mut client = served.connect();
    let (all, mut said) = (pattern(MUCH), 0);
    while let Ok(count) = client.write(&all[said..]) {
        said += count;
        served.serve();
    }
    drop(client);
    served.serve();
    let mut heard = Vec::new();
    while heard.len() < said {
        let more = hear(&mut served.guest);
        assert!(!more.is_empty(), "{} of {said} bytes came", heard.len());
        heard.extend(more);
        served.serve();
    }
    assert!(heard == all[..said]);
}

#[test]
fn without_a_client_the_guest_talks_to_nobody() {
    let mut served = Served::new();
    assert_eq!(served.say(&pattern(MUCH)), MUCH);
}
