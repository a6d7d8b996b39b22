use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::JoinHandle;

use tempfile::TempDir;

use super::*;
use crate::path::PathConfig;
use crate::path::process::Process;

/// A path that runs until this is dropped.
struct Running {
    directory: TempDir,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path().display();
        let port = |text: String| text.parse().unwrap();
        let config = PathConfig::new(
            port(format!("stream:{at}/a,ip=10.0.1.1/24")),
            port(format!("stream:{at}/b,ip=10.0.2.1/24,mtu=1420")),
        );
        let process = Process::start(&config, [None, None]).unwrap();
        let process = process.controlled_at(&directory.path().join("control")).unwrap();
        let (stop, stopped) = UnixStream::pair().unwrap();
        let run = move || process.run(stopped.as_fd(), None, |_| Ok(())).unwrap();
        let thread = Some(std::thread::spawn(run));
        Self { directory, stop: Some(stop), thread }
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("control")
    }

    fn stop(&mut self) {
        self.stop = None;
        self.thread.take().map(JoinHandle::join).transpose().unwrap();
    }

    fn ask(&self, request: &str) -> anyhow::Result<State> {
        ask(&self.socket(), &request.parse().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn a_running_path_shows_its_settings_and_counters() {
    let path = Running::start();
    let state = path.ask("show").unwrap();
    assert_eq!((state.settings.towards_a.mtu, state.settings.towards_b.mtu), (1500, 1420));
    assert_eq!(state.counters.connected, [false, false]);
    assert!(!state.counters.last);
}

#[test]
fn a_change_lasts() {
    let path = Running::start();
    assert_eq!(path.ask("set mtu=1492 b.rate=50mbit").unwrap().settings.towards_b.mtu, 1492);
    let settings = path.ask("show").unwrap().settings;
    assert_eq!((settings.towards_a.mtu, settings.towards_b.mtu), (1492, 1492));
    assert_eq!(settings.towards_b.rate_bits_per_second, Some(50_000_000));
    assert_eq!(settings.towards_a.rate_bits_per_second, None);
}

#[test]
fn a_pulled_cable_leaves_nobody_to_find_until_it_is_plugged_in() {
    let path = Running::start();
    let socket = path.directory.path().join("a");
    let mut nic = UnixStream::connect(&socket).unwrap();
    let state = path.ask("set a.link=down").unwrap();
    assert!(!state.settings.towards_a.link && state.settings.towards_b.link);
    assert_eq!(state.counters.connected, [false, false]);
    assert_eq!(nic.read(&mut [0]).unwrap(), 0);
    assert!(UnixStream::connect(&socket).is_err());
    assert!(UnixStream::connect(path.directory.path().join("b")).is_ok());
    assert!(path.ask("set a.link=up").unwrap().settings.towards_a.link);
    assert!(UnixStream::connect(&socket).is_ok());
}

#[test]
fn the_socket_of_a_pulled_cable_is_gone_after_the_end() {
    let mut path = Running::start();
    path.ask("set link=down").unwrap();
    path.stop();
    assert_eq!(std::fs::read_dir(path.directory.path()).unwrap().count(), 0);
}

#[test]
fn of_changes_that_do_not_all_hold_none_does() {
    let path = Running::start();
    let error = path.ask("set delay=5ms mtu=20").unwrap_err().to_string();
    assert!(error.contains("mtu=20") && error.contains("at least 68"), "{error}");
    assert!(path.ask("show").unwrap().settings.towards_a.delay_seconds.abs() < 1e-9);
}

#[test]
fn a_client_may_ask_on_and_on_and_write_nonsense_between() {
    let path = Running::start();
    let mut peer = UnixStream::connect(path.socket()).unwrap();
    peer.write_all(b"show\nhello\nset loss=0.5\nsh").unwrap();
    peer.write_all(b"ow\n").unwrap();
    let lines: Vec<_> = BufReader::new(&peer).lines().take(4).map(Result::unwrap).collect();
    let answers: Vec<Answer> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(matches!(&answers[0], Answer::State(state) if state.settings.loss < 0.1));
    assert!(matches!(&answers[1], Answer::Error(why) if why.contains("'hello'")));
    assert!(matches!(&answers[3], Answer::State(state) if state.settings.loss > 0.4));
}

#[test]
fn a_request_without_end_is_refused() {
    let path = Running::start();
    let mut peer = UnixStream::connect(path.socket()).unwrap();
    peer.write_all(&[b'x'; REQUEST_MAX + 1]).unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("{\"error\":"), "{answer}");
}

#[test]
fn more_clients_than_seats_wait_until_one_goes() {
    let path = Running::start();
    let mut seated: Vec<_> = (0..8).map(|_| UnixStream::connect(path.socket()).unwrap()).collect();
    for peer in &mut seated {
        peer.write_all(b"show\n").unwrap();
        BufReader::new(peer).read_line(&mut String::new()).unwrap();
    }
    let mut ninth = UnixStream::connect(path.socket()).unwrap();
    ninth.write_all(b"show\n").unwrap();
    drop(seated);
    let mut answer = String::new();
    BufReader::new(&ninth).read_line(&mut answer).unwrap();
    assert!(answer.starts_with("{\"state\":"), "{answer}");
}

#[test]
fn a_path_that_is_not_there_is_named_with_a_remedy() {
    let error = ask(std::path::Path::new("/nonexistent/path"), &Request::Show).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("/nonexistent/path") && error.contains("--control"), "{error}");
}

#[test]
fn the_control_socket_is_gone_after_the_end() {
    let mut path = Running::start();
    assert!(path.socket().exists());
    path.stop();
    assert!(!path.socket().exists());
}
