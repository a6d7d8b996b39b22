//! Commands in a guest: their standard streams, their terminal, their surroundings, their end.

use std::io::Write;
use std::process::{Output, Stdio};
use std::thread;

use guest_init::client::{Size, Status};
use tests::linux::with_kvm;
use tests::program::{self, complaint, nicvmm};
use tests::terminal::Terminal;

/// Runs `nicvmm run` on KVM with this standard input.
fn run(arguments: &[&str], input: Vec<u8>) -> Output {
    let mut child = nicvmm(&["run", "--host", "kvm", "--timeout", "300"])
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

/// Bytes of every value that do not repeat soon.
fn noise(length: u32) -> Vec<u8> {
    (0..length).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[test]
fn a_command_in_the_guest_has_our_streams_directory_and_environment() {
    with_kvm("a_command_in_the_guest_has_our_streams_directory_and_environment", || {
        let data = noise(5_000_000);
        let script = "printf '%s %s %s' \"$A\" \"$(pwd)\" \"$(hostname)\" >&2; cat; exit 7";
        let surroundings = ["--env", "A=b=c", "--cwd", "/usr/share", "--", "sh", "-c", script];
        let output = run(&surroundings, data.clone());
        assert!(output.stdout == data, "{} bytes came back", output.stdout.len());
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
fn a_terminal_here_is_a_terminal_in_the_guest_until_the_command_ends() {
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
