//! A stock guest's drivers on our disks, shared directories and sockets.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tests::linux::with_kvm;
use tests::network::Guest;
use tests::program;
use tests::storage::{self, LoopDevice, SmallFileSystem};
use tests::wait::wait;

const MIB: u64 = 1 << 20;

fn image(directory: &Path, name: &str, size: u64) -> PathBuf {
    let path = directory.join(name);
    fs::File::create(&path).unwrap().set_len(size).unwrap();
    path
}

fn disk(path: &Path, words: &str) -> [String; 2] {
    ["--disk".into(), format!("{}{words}", path.display())]
}

/// A directory with a file in it, and a way out that the guest must not find.
fn share(here: &Path, name: &str, words: &str) -> [String; 2] {
    let directory = here.join(name);
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("from-host"), "from the host").unwrap();
    fs::write(here.join("secret"), "secret").unwrap();
    symlink("../secret", directory.join("out")).unwrap();
    ["--share".into(), format!("{}{words}", directory.display())]
}

fn vsock(here: &Path) -> [String; 2] {
    ["--vsock".into(), here.join("vsock").display().to_string()]
}

/// Starts nicvmm so that no file of it can grow beyond 32 MiB.
fn with_little_room() -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -f 65536 && exec \"$0\" \"$@\""]).arg(program::path());
    shell
}

#[test]
fn a_stock_guest_uses_disks_directories_and_sockets() {
    with_kvm("a_stock_guest_uses_disks_directories_and_sockets", || {
        let directory = TempDir::new().unwrap();
        let here = directory.path();
        let (kept, limited) = (image(here, "kept", 24 * MIB), image(here, "limited", 64 * MIB));
        let storage = storage::available("disks on what fails").then(|| {
            let small = SmallFileSystem::new(here.join("small"), 4 * MIB);
            (small, LoopDevice::new(here.join("medium"), 16 * MIB))
        });
        let mut disks = [
            disk(&kept, ",serial=kept-7"),
            disk(&image(here, "read-only", MIB), ",ro"),
            disk(&limited, ""),
            ["--cpus".into(), "2".into()],
        ]
        .concat();
        if let Some((small, device)) = &storage {
            disks.extend(disk(&image(small.path(), "full", 16 * MIB), ""));
            disks.extend(disk(device.path(), ",direct=on"));
        }
        let guest = Guest::boot_under(with_little_room(), here, "first", &disks);
        assert_eq!(guest.must("cat /sys/block/vda/serial"), "kept-7");
        let sum = guest.must(
            "mkfs.ext4 -q /dev/vda && mkdir /disk && mount -t ext4 /dev/vda /disk && \
             dd if=/dev/urandom of=/disk/file bs=64k count=150 conv=fsync 2>/dev/null && \
             sha256sum /disk/file",
        );
        errors_reach_the_guest(&guest, &limited);
        if let Some((small, device)) = &storage {
            a_full_file_system_fails_writes_until_there_is_room(&guest, small.path());
            a_block_device_is_a_disk(&guest, device);
        }

        // Killed in the middle of writing, it has what was flushed before.
        let _writing =
            guest.start("while :; do dd if=/dev/zero of=/disk/more bs=64k count=9; done");
        guest.must("until [ -s /disk/more ]; do sleep 0.1; done");
        drop(guest);
        let others = [share(here, "shared", ""), share(here, "fixed", ",ro"), vsock(here)].concat();
        let guest = Guest::boot_with(here, "second", &[&disk(&kept, "")[..], &others].concat());
        guest.must("mkdir /disk && mount -t ext4 /dev/vda /disk");
        assert_eq!(guest.must("sha256sum /disk/file"), sum);

        // What the guest throws away is the host's again.
        let before = fs::metadata(&kept).unwrap().blocks();
        guest.must("rm -f /disk/file /disk/more && sync && fstrim /disk && umount /disk");
        let after = fs::metadata(&kept).unwrap();
        assert!(after.blocks() * 512 + 8 * MIB < before * 512, "{before} blocks, {after:?}");
        assert_eq!(after.len(), 24 * MIB);

        directories_are_shared(&guest, here);
        sockets_connect(&guest, here);
    });
}

/// Neither the disk nor the machine is worse for an error.
fn errors_reach_the_guest(guest: &Guest, limited: &Path) {
    let refused = guest.shell("dd if=/dev/zero of=/dev/vdb bs=4k count=1");
    assert!(!refused.status.success(), "{refused:?}");
    guest.must("dd if=/dev/vdb of=/dev/null bs=4k iflag=direct");
    // A limit on the size of files.
    let refused = guest.shell("dd if=/dev/zero of=/dev/vdc bs=1M seek=31 count=2 oflag=direct");
    assert!(refused.stderr_text().contains("1+0 records out"), "{refused:?}");
    assert!(guest.must("dmesg").contains("I/O error, dev vdc"));
    guest.must("dd if=/dev/vdc of=/dev/null bs=1M iflag=direct");
    // A medium whose end is lost.
    fs::File::options().write(true).open(limited).unwrap().set_len(8 * MIB).unwrap();
    let lost = guest.shell("dd if=/dev/vdc of=/dev/null bs=64k iflag=direct");
    assert!(lost.stderr_text().contains("Input/output error"), "{lost:?}");
    guest.must("dd if=/dev/vdc of=/dev/null bs=64k count=128 iflag=direct");
}

fn a_full_file_system_fails_writes_until_there_is_room(guest: &Guest, small: &Path) {
    fs::write(small.join("filler"), vec![1; 2 << 20]).unwrap();
    let full = guest.shell("dd if=/dev/zero of=/dev/vdd bs=512k count=8 oflag=direct");
    assert!(full.stderr_text().contains("4+0 records out"), "{full:?}");
    assert!(guest.must("dmesg").contains("I/O error, dev vdd"));
    fs::remove_file(small.join("filler")).unwrap();
    guest.must("dd if=/dev/zero of=/dev/vdd bs=512k seek=4 count=2 oflag=direct");
}

/// Written by both CPUs at once, around all caches; each CPU has a queue and an interrupt of its own.
fn a_block_device_is_a_disk(guest: &Guest, device: &LoopDevice) {
    let sum = guest.must(
        "for half in 0 1; do head -c 8388608 /dev/urandom >/tmp/$half; done; for half in 0 1; do \
         taskset $((half + 1)) dd if=/tmp/$half of=/dev/vde bs=64k seek=$((half * 128)) oflag=direct & \
         done; wait; cat /tmp/0 /tmp/1 | sha256sum; rm /tmp/0 /tmp/1",
    );
    assert_eq!(sha256(device.path()), sum);
    assert_eq!(guest.must("dd if=/dev/vde bs=64k iflag=direct | sha256sum"), sum);
    for cpu in 0..2 {
        let before = interrupts(guest, "vde");
        let read = "dd if=/dev/vde of=/dev/null bs=4k count=64 iflag=direct";
        guest.must(&format!("taskset {} {read}", cpu + 1));
        let after = interrupts(guest, "vde");
        let more = |queue: usize, on: usize| after[queue][on] - before[queue][on];
        assert!(more(cpu, cpu) >= 64, "queue {cpu}: {before:?}, then {after:?}");
        assert_eq!((more(cpu, 1 - cpu), more(1 - cpu, cpu)), (0, 0), "{before:?}, {after:?}");
    }
    // Making a file system gives the rest up.
    let before = fs::metadata(device.file()).unwrap().blocks();
    guest.must("mkfs.ext4 -q /dev/vde && mkdir /other && mount -t ext4 /dev/vde /other");
    let after = fs::metadata(device.file()).unwrap().blocks();
    assert!(after * 512 + 8 * MIB < before * 512, "{before} blocks, then {after}");
    let sum = guest.must("head -c 1000000 /dev/urandom >/other/file && sha256sum /other/file");
    guest.must("umount /other && mount -t ext4 /dev/vde /other");
    assert_eq!(guest.must("sha256sum /other/file; umount /other"), sum);
}

/// How often each queue of a disk interrupted each of two CPUs.
fn interrupts(guest: &Guest, disk: &str) -> Vec<[u64; 2]> {
    let device = format!("$(basename $(readlink -f /sys/block/{disk}/device))");
    let rows = guest.must(&format!("grep {device}-req /proc/interrupts"));
    let count = |row: &str, at: usize| row.split_whitespace().nth(at).unwrap().parse().unwrap();
    rows.lines().map(|row| [count(row, 1), count(row, 2)]).collect()
}

fn directories_are_shared(guest: &Guest, here: &Path) {
    let (shared, fixed) = (here.join("shared"), here.join("fixed"));
    let within = format!("cd {} && ", shared.display());
    assert_eq!(guest.must(&format!("{within} cat from-host")), "from the host");
    let sum = guest.must(&format!(
        "{within} mkdir sub && head -c 3000000 /dev/urandom >sub/new && mv sub/new sub/file && \
         ln -s file sub/link && chmod 640 sub/file && sha256sum <sub/link"
    ));
    let content = fs::read(shared.join("sub/file")).unwrap();
    assert_eq!(content.len(), 3_000_000);
    assert_eq!(sha256(&shared.join("sub/link")), sum);
    // What changes here is seen there.
    fs::write(shared.join("from-host"), "something else").unwrap();
    assert_eq!(guest.must(&format!("{within} cat from-host")), "something else");
    // A program can be run from where it is shared.
    guest.must(&format!("{within} cp /usr/bin/busybox . && ./busybox true && rm busybox"));
    // Neither a link nor a name leads out, and what is fixed stays.
    let out = guest.shell(&format!("cat {0}/out {0}/../secret", shared.display()));
    assert!(out.stdout_text().is_empty(), "{out:?}");
    let refused = guest.shell(&format!("echo no >{}/from-host", fixed.display()));
    assert!(refused.stderr_text().contains("Read-only file system"), "{refused:?}");
    assert_eq!(fs::read(fixed.join("from-host")).unwrap(), b"from the host");
}

fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").stdin(fs::File::open(path).unwrap()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn sockets_connect(guest: &Guest, here: &Path) {
    let content: Vec<u8> = (0..2_000_000u32).map(|at| (at % 251) as u8).collect();
    // From the guest: it sends a line, hears everything, and the end.
    let listener = UnixListener::bind(here.join("vsock_52")).unwrap();
    let asking = guest.start("echo question | socat -t 60 - VSOCK-CONNECT:2:52 | sha256sum");
    let (mut stream, _) = listener.accept().unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    assert_eq!(line, "question\n");
    stream.write_all(&content).unwrap();
    drop(stream);
    let file = here.join("content");
    fs::write(&file, &content).unwrap();
    assert_eq!(asking(), sha256(&file));
    // Where nobody listens the guest is told so.
    let refused = guest.shell("socat - VSOCK-CONNECT:2:53 </dev/null");
    assert!(refused.stderr_text().contains("reset"), "{refused:?}");
    // From the host: what is sent comes back.
    let _echo = guest.start("socat VSOCK-LISTEN:22,fork EXEC:cat");
    let stream = call(here, 22);
    let mut writer = stream.try_clone().unwrap();
    let sent = content.clone();
    let writing = std::thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut heard = Vec::new();
    (&stream).read_to_end(&mut heard).unwrap();
    writing.join().unwrap();
    assert!(heard == content, "{} bytes came back", heard.len());
}

/// Connects with the guest's `port` as soon as somebody listens there.
fn call(here: &Path, port: u32) -> UnixStream {
    wait(&format!("a listener on port {port}"), Duration::from_secs(60), || {
        let mut stream = UnixStream::connect(here.join("vsock")).unwrap();
        stream.write_all(format!("CONNECT {port}\n").as_bytes()).unwrap();
        let mut answer = [0; 14];
        stream.read_exact(&mut answer).ok()?;
        assert_eq!(answer[..3], *b"OK ");
        Some(stream)
    })
}
