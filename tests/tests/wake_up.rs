//! A guest that sleeps, and the frame that wakes it.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tests::linux::with_kvm;
use tests::network::{self, Guest};

/// The guest's NIC.
const MAC: [u8; 6] = [0x52, 0x54, 0, 0, 1, 2];
/// How often it is called.
const AGAIN: Duration = Duration::from_millis(200);

/// A broadcast with the magic of `MAC`, as it goes over a stream socket.
fn magic() -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 9, 0x08, 0x42]);
    frame.extend([0xff; 6]);
    frame.extend(MAC.repeat(16));
    [&(frame.len() as u32).to_be_bytes()[..], &frame].concat()
}

/// Calls until the other end is gone.
fn call(mut wire: UnixStream) {
    while wire.write_all(&magic()).is_ok() {
        thread::sleep(AGAIN);
    }
}

#[test]
fn a_magic_packet_wakes_a_sleeping_guest() {
    with_kvm("a_magic_packet_wakes_a_sleeping_guest", || {
        let directory = TempDir::new().unwrap();
        let socket = network::socket(directory.path(), 1);
        let listener = UnixListener::bind(&socket).unwrap();
        let nic = network::nic(directory.path(), "rtl8139", 1);
        let guest = Guest::boot_with(directory.path(), "guest", &["--nic".to_owned(), nic]);
        let (wire, _) = listener.accept().unwrap();
        let mut frames = wire.try_clone().unwrap();
        thread::spawn(move || while frames.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {});

        guest.must("ip link set eth0 up && ethtool -s eth0 wol g && ethtool eth0 | grep 'on: g'");
        let sleeping = guest.start("echo freeze >/sys/power/state && echo awake");
        thread::spawn(move || call(wire));
        assert_eq!(sleeping(), "awake");
        assert_eq!(guest.must("cat /sys/power/suspend_stats/success"), "1");
        // PME# woke it, and nothing else.
        let events = guest.must("cut -b -8 /sys/firmware/acpi/interrupts/gpe00");
        let log = || guest.must("dmesg | tail -n 30");
        assert!(events.trim().parse::<u32>().unwrap() > 0, "{}", log());
    });
}
