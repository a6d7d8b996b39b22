//! Commands in a guest: their standard streams, their terminal, their surroundings, their end.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::thread;

use guest_init::client::{Size, Status};
use tests::linux::with_kvm;
use tests::program::{self, complaint, nicvmm, skip, tried};
use tests::terminal::Terminal;
use tests::tmux::Session;

/// Runs `nicvmm run` on KVM with this standard input.
fn run(arguments: &[&str], input: Vec<u8>) -> Output {
    run_until("300", arguments, input)
}

/// The same with another time limit.
fn run_until(limit: &str, arguments: &[&str], input: Vec<u8>) -> Output {
    let mut child = nicvmm(&["run", "--host", "kvm", "--timeout", limit])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || {
        let _ = stdin.write_all(&input); // a command need not read it
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// Random bytes, the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(1).fill(&mut bytes);
    bytes
}

/// How many guests are started at once: in the nested machine there is room and time for few.
fn at_once() -> usize {
    if vmm::nested::is_inside() { 4 } else { 20 }
}

#[test]
fn a_command_in_the_guest_has_our_streams_directory_and_environment() {
    with_kvm("a_command_in_the_guest_has_our_streams_directory_and_environment", || {
        let data = noise(50_000_000);
        let script = "printf '%s %s %s' \"$A\" \"$(pwd)\" \"$(hostname)\" >&2; cat; exit 7";
        let surroundings = ["--env", "A=b=c", "--cwd", "/usr/share", "--", "sh", "-c", script];
        let output = run(&surroundings, data.clone());
        let (back, status, said) = (output.stdout.len(), output.status, complaint(&output));
        assert!(output.stdout == data, "{back} bytes came back, {status}: {said}");
        assert_eq!(complaint(&output), "b=c /usr/share nicvmm");
        assert_eq!(output.status.code(), Some(7));

        // Without a COMMAND there is a shell.
        let output = run(&[], b"echo $0; exit 3\n".to_vec());
        assert_eq!(String::from_utf8_lossy(&output.stdout), "bash\n", "{}", complaint(&output));
        assert_eq!(output.status.code(), Some(3));

        let output = run(&["--", "no-such-program"], Vec::new());
        assert!(complaint(&output).contains("no-such-program: No such file"));
        assert_eq!(output.status.code(), Some(125));

        // A reader that goes away is one for the command too, and input may stay unread.
        let pipe = "\"$0\" run --host kvm --timeout 300 -- yes </dev/zero | head -n 1";
        let output = std::process::Command::new("sh")
            .args(["-c", pipe])
            .arg(program::path())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "y\n", "{}", complaint(&output));
    });
}

#[test]
fn guests_end_as_they_should_and_leave_nothing_behind() {
    with_kvm("guests_end_as_they_should_and_leave_nothing_behind", || {
        // The examples of `nicvmm run --help`.
        let output = run(&["--", "uname", "-a"], Vec::new());
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.starts_with("Linux nicvmm "), "{said}{}", complaint(&output));
        let output = run(&["--", "tr", "a-z", "A-Z"], b"hi\n".to_vec());
        assert_eq!(String::from_utf8_lossy(&output.stdout), "HI\n", "{}", complaint(&output));
        let nics = ["--nic", "rtl8139,tso=mtu1500", "--nic", "virtio-net"];
        let output = run(&[&["--cpus", "2"], &nics[..], &["--", "lspci"]].concat(), Vec::new());
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said.matches("Ethernet controller").count(), 2, "{said}{}", complaint(&output));

        // `quiet` would leave nothing to show.
        let command = ["--append", "loglevel=7", "--", "sleep", "99"];
        let output = run_until("8s", &command, Vec::new());
        let said = complaint(&output);
        assert_eq!(output.status.code(), Some(124), "{said}");
        assert!(said.contains("  | ") && said.ends_with("within its time limit"), "{said}");

        let output = run(&["--", "sh", "-c", "echo c >/proc/sysrq-trigger"], Vec::new());
        let said = complaint(&output);
        assert_eq!(output.status.code(), Some(121), "{said}");
        assert!(said.contains("sysrq") && said.contains("panic"), "{said}");

        // Many at once, with a directory for what they might leave.
        let left = tempfile::TempDir::new().unwrap();
        let guests: Vec<_> = (0..at_once())
            .map(|number| {
                nicvmm(&["run", "--host", "kvm", "--timeout", "300", "--", "expr"])
                    .args([&number.to_string(), "+", "1"])
                    .env("TMPDIR", left.path())
                    .stdin(Stdio::null())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for (number, guest) in guests.into_iter().enumerate() {
            let output = guest.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(said, format!("{}\n", number + 1), "{}", complaint(&output));
        }
        assert_eq!(std::fs::read_dir(left.path()).unwrap().count(), 0);
    });
}

#[test]
fn ctrl_c_in_a_tmux_session_is_the_command_s_and_the_terminal_is_as_before() {
    tried(press_ctrl_c);
}

fn press_ctrl_c() {
    let session = Session::start();
    let program = program::path();
    session.type_line("stty -a >before");
    session.type_line(&format!("{} run -- sh -c 'echo ready; sleep 999'", program.display()));
    session.expect("ready");
    session.press("C-c");
    session.expect("^C>"); // until then what is typed is the command's
    session.type_line("echo status $?; stty -a >after; cmp before after && echo restored");
    session.expect("status 130");
    session.expect("restored");
}

#[test]
fn net_user_takes_the_guest_into_the_world() {
    with_kvm("net_user_takes_the_guest_into_the_world", || {
        if let Err(error) = Command::new("passt").arg("--version").output() {
            skip("net=user", &format!("passt: {error}"));
            return;
        }
        let world = World::prepare();
        let url = format!("http://{}/", world.address);
        let command = ["--nic", "virtio-net,net=user", "--", "wget", "-qO-", "-T", "30", &url];
        let output = run(&command, Vec::new());
        assert_eq!(String::from_utf8_lossy(&output.stdout), "hello", "{}", complaint(&output));
    });
}

/// A server that says hello, at an address behind a default route; the nested machine has none by
/// itself, and passt looks for one.
struct World {
    address: std::net::SocketAddr,
}

impl World {
    fn prepare() -> Self {
        if vmm::nested::is_inside() {
            let script = "ip tuntap add mode tap name world && \
                          ip address add 192.0.2.2/24 dev world && ip link set world up && \
                          ip route add default via 192.0.2.1";
            assert!(Command::new("sh").args(["-c", script]).status().unwrap().success());
        }
        let probe = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        probe.connect("192.0.2.1:9").unwrap(); // sends nothing, but takes an address
        let own = probe.local_addr().unwrap().ip();
        let listener = std::net::TcpListener::bind((own, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let mut request = [0; 512];
                let _ = connection.read(&mut request); // whatever it asks
                let _ = connection.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
            }
        });
        Self { address }
    }
}

#[test]
fn a_terminal_here_is_a_terminal_in_the_guest_until_the_command_ends() {
    tried(use_a_terminal);
}

fn use_a_terminal() {
    let size = |rows, columns| Size { rows, columns };
    let script = format!("{} run; echo status $?; stty -a", program::path().display());
    let terminal = Terminal::run(&script, size(30, 100));
    terminal.expect("guest:/# ");
    terminal.write("stty size; tty; echo $TERM\r");
    terminal.expect("\r\n30 100\r\n/dev/pts/0\r\ndumb\r\n");
    terminal.resize(size(31, 101));
    // The size takes its way to the guest beside what is typed.
    terminal.write("until stty size | grep '31 101'; do sleep 0.1; done\r");
    terminal.expect("\r\n31 101\r\n");
    terminal.write("sleep 1000\r");
    terminal.expect("sleep 1000\r\n");
    terminal.write("\x03");
    terminal.expect("^C");
    terminal.write("echo interrupted=$?\r");
    terminal.expect("interrupted=130");
    terminal.write("exit 7\r");
    let output = terminal.wait();
    let shown = output.stdout_text();
    assert!(shown.contains("status 7"), "{shown}");
    assert!(shown.contains(" icanon") && shown.contains(" echo "), "{shown}");
    assert_eq!(output.status, Status::Exited(0));
}
