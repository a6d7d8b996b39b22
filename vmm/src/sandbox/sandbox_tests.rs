use std::fs;
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use tempfile::TempDir;

use super::testing::{Outcome, in_a_child, landlock_is_there, map_code};
use super::*;

/// Walls with these directories.
fn confined(directories: &[(&Path, Use)]) -> Sandbox {
    let mut files = Files::default();
    for (path, used) in directories {
        files.allow(path, *used).unwrap();
    }
    Sandbox::confine(files).unwrap()
}

#[test]
fn a_forbidden_call_ends_the_process_with_a_line_that_names_it() {
    let outcome = in_a_child(|| {
        confined(&[]).enter(Thread::Vcpu).unwrap();
        let _ = UnixListener::bind("/nowhere/at/all");
    });
    assert_eq!(outcome.status, Some(STATUS.into()));
    let line = "nicvmm: stopped by its sandbox: thread vcpu made system call 41 (socket), which";
    assert!(outcome.said.starts_with(line), "{}", outcome.said);
}

#[test]
fn a_forbidden_call_of_one_thread_ends_them_all() {
    let outcome = in_a_child(|| {
        let sandbox = confined(&[]);
        let vcpu = sandbox.spawn(Thread::Vcpu, "vcpu0".into(), || {
            let _ = UnixListener::bind("/nowhere/at/all");
        });
        let _ = vcpu.unwrap().join();
        std::process::exit(0);
    });
    assert_eq!(outcome.status, Some(STATUS.into()));
    assert!(outcome.said.contains("thread vcpu made system call"), "{}", outcome.said);
}

#[test]
fn no_program_can_be_started() {
    let outcome = in_a_child(|| {
        confined(&[]).enter(Thread::Machine).unwrap();
        let _ = std::process::Command::new("/bin/true").status();
    });
    // The C library blocks signals before it starts one, so that nothing can be said.
    assert_eq!((outcome.status, outcome.said.as_str()), (None, ""));
}

#[test]
fn threads_differ_in_what_they_may_do() {
    let outcome = in_a_child(|| {
        let sandbox = confined(&[]);
        let socket = || UnixStream::connect("/nowhere/at/all").is_err();
        // The event loop reaches peers.
        let machine = sandbox.spawn(Thread::Machine, "machine".into(), socket).unwrap();
        assert!(machine.join().unwrap());
        let disk = sandbox.spawn(Thread::Disk, "disk".into(), socket).unwrap();
        let _ = disk.join();
    });
    assert_eq!(outcome.status, Some(STATUS.into()));
    assert!(outcome.said.contains("thread disk"), "{}", outcome.said);
}

#[test]
fn memory_cannot_become_code() {
    let outcome = in_a_child(|| {
        confined(&[]).enter(Thread::Machine).unwrap();
        map_code();
    });
    assert_eq!(outcome.status, Some(STATUS.into()));
    assert!(outcome.said.contains("(mmap)"), "{}", outcome.said);
}

#[test]
fn files_outside_of_what_is_needed_cannot_be_opened() {
    if !landlock_is_there() {
        return;
    }
    let [needed, other] = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    fs::write(other.path().join("secret"), "secret").unwrap();
    let outcome = in_a_child(|| {
        let _sandbox = confined(&[(needed.path(), Use::Change)]);
        let (needed, other) = (needed.path(), other.path());
        fs::create_dir(needed.join("new")).unwrap();
        fs::write(needed.join("new/file"), "text").unwrap();
        fs::rename(needed.join("new/file"), needed.join("file")).unwrap();
        assert_eq!(fs::read_to_string(needed.join("file")).unwrap(), "text");
        assert_eq!(denied(fs::read_to_string(other.join("secret"))), "denied");
        assert_eq!(denied(fs::write(other.join("new"), "text")), "denied");
        assert_eq!(denied(fs::remove_file(other.join("secret"))), "denied");
        assert_eq!(denied(fs::read_to_string("/etc/passwd")), "denied");
    });
    assert_eq!((outcome.status, outcome.said.as_str()), (Some(0), ""));
}

#[test]
fn a_directory_for_reading_cannot_be_changed() {
    if !landlock_is_there() {
        return;
    }
    let shared = TempDir::new().unwrap();
    fs::write(shared.path().join("file"), "text").unwrap();
    let outcome = in_a_child(|| {
        let _sandbox = confined(&[(shared.path(), Use::Read)]);
        assert_eq!(fs::read_to_string(shared.path().join("file")).unwrap(), "text");
        assert_eq!(denied(fs::write(shared.path().join("file"), "other")), "denied");
        assert_eq!(denied(fs::remove_file(shared.path().join("file"))), "denied");
    });
    assert_eq!((outcome.status, outcome.said.as_str()), (Some(0), ""));
}

#[test]
fn a_report_takes_the_place_of_the_one_before_and_a_socket_can_be_removed() {
    if !landlock_is_there() {
        return;
    }
    let [reports, sockets] = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let socket = sockets.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let outcome = in_a_child(|| {
        let mut files = Files::default();
        files.allow_beside(&reports.path().join("report"), Use::Replace).unwrap();
        files.allow_beside(&socket, Use::Remove).unwrap();
        let sandbox = Sandbox::confine(files).unwrap();
        sandbox.enter(Thread::Machine).unwrap();
        for _ in 0..2 {
            fs::write(reports.path().join("new"), "text").unwrap();
            fs::rename(reports.path().join("new"), reports.path().join("report")).unwrap();
        }
        fs::remove_file(&socket).unwrap();
        assert_eq!(denied(fs::write(sockets.path().join("new"), "")), "denied");
    });
    assert_eq!((outcome.status, outcome.said.as_str()), (Some(0), ""));
}

#[test]
fn other_programs_cannot_be_reached_by_tcp() {
    if !landlock_is_there() {
        return;
    }
    let there = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = there.local_addr().unwrap();
    let outcome = in_a_child(|| {
        let _sandbox = confined(&[]);
        assert_eq!(denied(std::net::TcpStream::connect(address)), "denied");
    });
    assert_eq!((outcome.status, outcome.said.as_str()), (Some(0), ""));
}

#[test]
fn root_keeps_no_more_privileges_than_shared_files_need() {
    let shared = TempDir::new().unwrap();
    let outcome = in_a_child(|| {
        let _sandbox = confined(&[(shared.path(), Use::Change)]);
        let status = rustix::thread::capabilities(None).unwrap();
        assert!(!status.effective.intersects(
            rustix::thread::CapabilitySet::SYS_ADMIN | rustix::thread::CapabilitySet::NET_ADMIN
        ));
        assert!(rustix::thread::no_new_privs().unwrap());
    });
    assert_eq!(outcome.status, Some(0));
    let outcome = in_a_child(|| {
        let _sandbox = confined(&[]);
        assert!(rustix::thread::capabilities(None).unwrap().permitted.is_empty());
    });
    assert_eq!((outcome.status, outcome.said.as_str()), (Some(0), ""));
}

#[test]
fn a_panic_is_told_in_one_line() {
    let Outcome { said, .. } = in_a_child(|| {
        confined(&[]).enter(Thread::Machine).unwrap();
        let _ = std::panic::catch_unwind(|| panic!("of its own"));
        std::process::exit(0);
    });
    assert!(said.starts_with("nicvmm: thread "), "{said}");
    assert!(said.contains("of its own") && said.lines().count() <= 2, "{said}");
}

/// Whether the files' wall let it through, in a word.
fn denied<T>(result: io::Result<T>) -> &'static str {
    match result {
        Ok(_) => "allowed",
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => "denied",
        Err(_) => "failed otherwise",
    }
}
