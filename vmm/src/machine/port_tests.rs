use super::*;

fn pair() -> (Box<dyn Port>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (on_socket(ours, 0).unwrap().0, theirs)
}

#[test]
fn bytes_pass_both_ways_without_waiting() {
    let (mut port, mut other) = pair();
    assert_eq!(port.read(&mut [0; 8]), 0);
    other.write_all(b"in").unwrap();
    let mut bytes = [0; 8];
    assert_eq!((port.read(&mut bytes), &bytes[..2]), (2, &b"in"[..]));
    assert_eq!(port.write(b"out"), 3);
    other.read_exact(&mut bytes[..3]).unwrap();
    assert_eq!(&bytes[..3], b"out");
}

#[test]
fn a_full_socket_takes_nothing_more() {
    let (mut port, _other) = pair();
    let chunk = vec![0; 1 << 16];
    let written = (0..100).map(|_| port.write(&chunk)).take_while(|count| *count > 0).count();
    assert!((1..100).contains(&written), "{written}");
    assert_eq!(port.write(&chunk), 0);
}

#[test]
fn bytes_for_somebody_who_left_are_dropped() {
    let (mut port, other) = pair();
    drop(other);
    assert_eq!(port.write(b"lost"), 4);
    assert_eq!(port.read(&mut [0; 8]), 0);
}

#[test]
fn a_port_rings_its_own_queues() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let peer = on_socket(ours, 1).unwrap().1;
    assert_eq!((peer.readable, peer.writable), (4, 5));
}
