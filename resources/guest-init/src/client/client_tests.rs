use std::io::{self, Write};
use std::sync::mpsc;

use super::*;
use crate::protocol::{Device, Frame, FrameReader, Kind, Received, Resize, encode};

const TIME: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(20);

/// A guest that a test plays by hand.
struct Guest {
    reader: FrameReader<UnixStream>,
    writer: UnixStream,
}

impl Guest {
    fn receive(&mut self) -> Frame {
        match self.reader.receive().unwrap() {
            Received::Frame(frame) => frame,
            other => panic!("{other:?}"),
        }
    }

    fn send(&mut self, kind: Kind, id: u32, payload: &[u8]) {
        self.writer.write_all(&encode(kind, id, payload, true)).unwrap();
    }

    fn greet(&mut self, id: u32, version: u32) {
        let ready = Ready { version, kernel: "6.1".into(), ..Ready::default() };
        self.send(Kind::Ready, id, &serde_json::to_vec(&ready).unwrap());
    }
}

fn pair() -> (Client, Guest) {
    let (host, guest) = UnixStream::pair().unwrap();
    let reader = FrameReader::new(guest.try_clone().unwrap());
    (Client::new(host).unwrap(), Guest { reader, writer: guest })
}

#[test]
fn ready_is_awaited_through_boot_noise() {
    let (client, mut guest) = pair();
    guest.writer.write_all(b"SeaBIOS (version 1.16)\0\xff\xff").unwrap();
    guest.greet(client.session.number, VERSION);
    assert_eq!(client.wait_ready(TIME).unwrap().kernel, "6.1");
    assert_eq!(guest.receive().kind, Kind::Hello);
}

#[test]
fn a_guest_that_comes_up_is_greeted_before_it_is_trusted() {
    let (client, mut guest) = pair();
    guest.greet(0, VERSION);
    let hello = guest.receive();
    assert_eq!((hello.kind, hello.id), (Kind::Hello, client.session.number));
    assert!(matches!(client.wait_ready(SHORT), Err(Error::TimedOut { .. })));
    guest.greet(hello.id, VERSION);
    assert!(client.wait_ready(TIME).is_ok());
}

#[test]
fn a_guest_that_comes_up_need_not_be_asked() {
    let (client, mut guest) = pair();
    assert_eq!(client.ready().unwrap(), None);
    guest.greet(0, VERSION);
    let hello = guest.receive();
    guest.greet(hello.id, VERSION);
    let deadline = Instant::now() + TIME;
    while client.ready().unwrap().is_none() {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
}

#[test]
fn a_guest_of_another_version_is_told_apart() {
    let (client, mut guest) = pair();
    guest.greet(client.session.number, 99);
    assert!(matches!(client.wait_ready(TIME), Err(Error::Version { guest: 99, .. })));
}

#[test]
fn a_silent_guest_runs_out_of_time() {
    let (client, _guest) = pair();
    assert!(matches!(client.wait_ready(SHORT), Err(Error::TimedOut { .. })));
}

#[test]
fn two_commands_run_at_once() {
    let (client, mut guest) = pair();
    let first = client.start(["sleep", "1"]).unwrap();
    let second = client.start(["echo", "hello"]).unwrap();
    let (first_id, second_id) = (guest.receive().id, guest.receive().id);
    guest.send(Kind::Stdout, second_id, b"hel");
    guest.send(Kind::Stderr, first_id, b"oops");
    guest.send(Kind::Stdout, second_id, b"lo\n");
    guest.send(Kind::Exited, second_id, &Status::Exited(3).to_bytes());
    guest.send(Kind::Exited, first_id, &Status::Signaled(9).to_bytes());
    let output = second.wait(TIME).unwrap();
    assert_eq!((output.stdout_text(), output.status), ("hello\n".into(), Status::Exited(3)));
    let output = first.wait(TIME).unwrap();
    assert_eq!((output.stderr_text(), output.status), ("oops".into(), Status::Signaled(9)));
}

#[test]
fn a_command_that_cannot_start_says_why() {
    let (client, mut guest) = pair();
    let process = client.start(["nonsense"]).unwrap();
    let id = guest.receive().id;
    guest.send(Kind::Failed, id, b"no such program");
    let error = process.wait(TIME).unwrap_err();
    assert_eq!(error.to_string(), "nonsense: no such program");
}

#[test]
fn input_keeps_within_its_window() {
    let (client, mut guest) = pair();
    let process = client.start(Command::new(["cat"]).stdin()).unwrap();
    let window = Device::Uart.window();
    let error = process.write_stdin(&vec![1; window + 1], SHORT).unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }));
    let id = guest.receive().id;
    assert_eq!(guest.receive().payload.len(), window);
    guest.send(Kind::Credit, id, &5u32.to_le_bytes());
    process.write_stdin(&[2; 5], TIME).unwrap();
    assert_eq!(guest.receive().payload, [2; 5]);
}

#[test]
fn output_is_handed_over_as_it_comes() {
    let (client, mut guest) = pair();
    let (sender, receiver) = mpsc::channel();
    let command = Command::new(["dmesg"]).on_output(move |stream, data| {
        sender.send((stream, data.to_vec())).map_err(io::Error::other)
    });
    let process = client.start(command).unwrap();
    let id = guest.receive().id;
    guest.send(Kind::Stdout, id, b"one");
    assert_eq!(receiver.recv_timeout(TIME).unwrap(), (Stream::Stdout, b"one".to_vec()));
    guest.send(Kind::Exited, id, &Status::Exited(0).to_bytes());
    assert!(process.wait(TIME).unwrap().stdout.is_empty());
}

#[test]
fn a_reader_that_went_away_closes_the_output_in_the_guest() {
    let (client, mut guest) = pair();
    let refuse = |_, _: &[u8]| Err(io::ErrorKind::BrokenPipe.into());
    let process = client.start(Command::new(["yes"]).on_output(refuse)).unwrap();
    let id = guest.receive().id;
    guest.send(Kind::Stdout, id, b"y\n");
    let request: Request = serde_json::from_slice(&guest.receive().payload).unwrap();
    let close = crate::protocol::CloseOutput { run: id, stderr: false };
    assert_eq!(request, Request::CloseOutput(close));
    guest.send(Kind::Stdout, id, b"y\n");
    guest.send(Kind::Exited, id, &Status::Signaled(13).to_bytes());
    assert_eq!(process.wait(TIME).unwrap().status, Status::Signaled(13));
}

#[test]
fn a_terminal_is_asked_for_and_resized() {
    let (client, mut guest) = pair();
    let size = |rows| Size { rows, columns: 80 };
    let process = client.start(Command::new(["top"]).terminal(size(24))).unwrap();
    let frame = guest.receive();
    let request: Request = serde_json::from_slice(&frame.payload).unwrap();
    assert!(matches!(request, Request::Run(run) if run.terminal == Some(size(24))));
    process.resize(size(25)).unwrap();
    let request: Request = serde_json::from_slice(&guest.receive().payload).unwrap();
    assert_eq!(request, Request::Resize(Resize { run: frame.id, size: size(25) }));
}

#[test]
fn a_guest_with_a_port_takes_more_input_at_once() {
    let (client, mut guest) = pair();
    let ready = Ready { version: VERSION, device: Device::Port, ..Ready::default() };
    guest.send(Kind::Ready, client.session.number, &serde_json::to_vec(&ready).unwrap());
    client.wait_ready(TIME).unwrap();
    let process = client.start(Command::new(["cat"]).stdin()).unwrap();
    process.write_stdin(&vec![1; Device::Port.window()], TIME).unwrap();
    assert!(process.write_stdin(&[1], SHORT).is_err());
}

#[test]
fn a_command_out_of_time_is_killed() {
    let (client, mut guest) = pair();
    assert!(matches!(client.run(["sleep", "99"], SHORT), Err(Error::TimedOut { .. })));
    let id = guest.receive().id;
    let request: Request = serde_json::from_slice(&guest.receive().payload).unwrap();
    let kill = crate::protocol::Signal { run: id, signal: libc::SIGKILL };
    assert_eq!(request, Request::Signal(kill));
}

#[test]
fn a_lost_guest_ends_the_wait() {
    let (client, guest) = pair();
    let process = client.start(["sleep", "99"]).unwrap();
    drop(guest);
    assert!(matches!(process.wait(TIME), Err(Error::Closed)));
}

#[test]
fn lost_bytes_end_the_session() {
    let (client, mut guest) = pair();
    guest.greet(client.session.number, VERSION);
    client.wait_ready(TIME).unwrap();
    guest.writer.write_all(b"lost\0").unwrap();
    assert!(matches!(client.run(["true"], TIME), Err(Error::Corrupt)));
}
