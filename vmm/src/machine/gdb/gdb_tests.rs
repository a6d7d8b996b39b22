use super::*;

#[test]
fn addresses_are_unix_sockets_and_tcp_ports() {
    let parse = |text: &str| text.parse::<Address>();
    assert_eq!(parse("unix:/run/g"), Ok(Address::Unix("/run/g".into())));
    assert_eq!(parse("tcp:1234"), Ok(Address::Tcp("127.0.0.1:1234".into())));
    assert_eq!(parse("tcp:[::1]:1234"), Ok(Address::Tcp("[::1]:1234".into())));
    for wrong in ["", "unix:", "tcp:", "tcp:localhost", "/run/g", "1234"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_listener_takes_its_socket_along() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("gdb");
    let listener = Listener::bind(&Address::Unix(path.clone())).unwrap();
    assert!(path.exists());
    assert!(Listener::bind(&Address::Unix(path.clone())).is_err());
    drop(listener);
    assert!(!path.exists());
}

#[test]
fn a_socket_that_a_killed_process_left_is_replaced() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("gdb");
    drop(UnixListener::bind(&path).unwrap()); // the file stays
    let listener = Listener::bind(&Address::Unix(path.clone())).unwrap();
    assert_eq!(listener.accept().err().unwrap().kind(), io::ErrorKind::WouldBlock);
    let _client = std::os::unix::net::UnixStream::connect(&path).unwrap();
    listener.accept().unwrap();
}
