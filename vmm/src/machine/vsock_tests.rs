use std::io::BufRead;

use super::*;

struct Rig {
    sockets: Sockets,
    directory: tempfile::TempDir,
}

fn rig() -> Rig {
    let directory = tempfile::tempdir().unwrap();
    let sockets = Sockets::bind(&directory.path().join("vsock")).unwrap();
    Rig { sockets, directory }
}

impl Rig {
    fn call(&self) -> UnixStream {
        UnixStream::connect(self.directory.path().join("vsock")).unwrap()
    }
}

#[test]
fn a_caller_says_which_port_and_hears_when_it_is_accepted() {
    let mut rig = rig();
    let mut caller = rig.call();
    caller.write_all(b"CONNECT 22\nearly").unwrap();
    rig.sockets.woken();
    let (key, mut stream) = rig.sockets.accept().unwrap();
    assert_eq!(key, Key { guest: 22, host: FIRST_PORT });
    stream.accepted().unwrap();
    let mut line = String::new();
    io::BufReader::new(&caller).read_line(&mut line).unwrap();
    assert_eq!(line, "OK 1073741824\n");
    let mut data = [0; 16];
    assert_eq!(stream.read(&mut data).unwrap(), 5);
    assert_eq!(&data[..5], b"early");
}

#[test]
fn a_line_may_come_in_pieces() {
    let mut rig = rig();
    let mut caller = rig.call();
    for piece in ["CONN", "ECT 7", "7\r", "\n"] {
        assert!(rig.sockets.accept().is_none());
        caller.write_all(piece.as_bytes()).unwrap();
        rig.sockets.woken();
    }
    assert_eq!(rig.sockets.accept().unwrap().0.guest, 77);
}

#[test]
fn a_caller_that_says_something_else_is_sent_away() {
    for line in ["HELLO 22\n", "CONNECT ssh\n", "CONNECT 4294967296\n", &"x".repeat(100)] {
        let mut rig = rig();
        let mut caller = rig.call();
        caller.write_all(line.as_bytes()).unwrap();
        rig.sockets.woken();
        assert!(rig.sockets.accept().is_none());
        assert!(rig.sockets.callers.is_empty(), "{line:?}");
        // Reset, if it had more to say.
        assert!(!matches!(caller.read(&mut [0; 8]), Ok(1..)));
    }
}

#[test]
fn callers_are_limited() {
    let mut rig = rig();
    let callers: Vec<UnixStream> = (0..MAX_CALLERS + 5)
        .map(|_| {
            let caller = rig.call();
            rig.sockets.woken();
            caller
        })
        .collect();
    assert_eq!(rig.sockets.callers.len(), MAX_CALLERS);
    drop(callers);
    rig.sockets.woken();
    assert!(rig.sockets.callers.is_empty());
}

#[test]
fn the_guest_reaches_who_listens_for_its_port() {
    let mut rig = rig();
    let listener = UnixListener::bind(rig.directory.path().join("vsock_52")).unwrap();
    let key = Key { guest: 1000, host: 52 };
    let mut stream = rig.sockets.connect(key).unwrap();
    let (mut other, _) = listener.accept().unwrap();
    assert_eq!(stream.write(b"hello").unwrap(), 5);
    let mut data = [0; 5];
    other.read_exact(&mut data).unwrap();
    assert_eq!(&data, b"hello");
    assert_eq!(stream.read(&mut data).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    rig.sockets.woken();
    other.write_all(b"there").unwrap();
    assert_eq!(rig.sockets.woken(), [key]);
    assert!(rig.sockets.connect(Key { guest: 1, host: 53 }).is_none());
}

#[test]
fn the_socket_is_gone_with_the_machine() {
    let Rig { sockets, directory } = rig();
    let path = directory.path().join("vsock");
    assert!(Sockets::bind(&path).err().unwrap().contains("in use"));
    drop(sockets);
    assert!(!path.exists());
}
