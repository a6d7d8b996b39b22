use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use super::*;
use crate::client::{Client, Command, Error, Size, Status};

const TIME: Duration = Duration::from_secs(20);

/// A host and a guest that are both this process.
fn pair() -> (Client, JoinHandle<Ending>) {
    pair_over(Device::Uart)
}

fn pair_over(device: Device) -> (Client, JoinHandle<Ending>) {
    let (host, guest) = UnixStream::pair().unwrap();
    let reader = guest.try_clone().unwrap();
    let service = std::thread::spawn(move || {
        serve(reader, &Sender::new(guest, device), vec!["a warning".into()]).unwrap()
    });
    let client = Client::new(host).unwrap();
    assert_eq!(client.wait_ready(TIME).unwrap().warnings, ["a warning"]);
    (client, service)
}

#[test]
fn a_host_whose_hello_was_lost_is_answered() {
    let (host, guest) = UnixStream::pair().unwrap();
    let reader = guest.try_clone().unwrap();
    std::thread::spawn(move || serve(reader, &Sender::new(guest, Device::Uart), Vec::new()));
    let client = Client::new(host).unwrap();
    assert_eq!(client.run(["true"], TIME).unwrap().status, Status::Exited(0));
}

#[test]
fn outputs_and_exit_status_come_back_apart() {
    let (client, _service) = pair();
    let output = client.run(["sh", "-c", "echo out; echo err >&2; exit 7"], TIME).unwrap();
    assert_eq!(output.stdout_text(), "out\n");
    assert_eq!(output.stderr_text(), "err\n");
    assert_eq!(output.status, Status::Exited(7));
}

#[test]
fn a_large_binary_output_comes_back_whole() {
    let (client, _service) = pair();
    let output = client.run(["head", "-c", "3000000", "/dev/zero"], TIME).unwrap();
    assert_eq!(output.stdout, vec![0; 3_000_000]);
}

#[test]
fn input_flows_at_the_pace_of_the_command() {
    let (client, _service) = pair();
    let data: Vec<u8> = (0..200_000u32).map(|number| number as u8).collect();
    let cat = client.start(Command::new(["cat"]).stdin()).unwrap();
    cat.write_stdin(&data, TIME).unwrap();
    cat.close_stdin().unwrap();
    assert_eq!(cat.wait(TIME).unwrap().stdout, data);
}

#[test]
fn a_port_carries_megabytes_both_ways() {
    let (client, _service) = pair_over(Device::Port);
    let data: Vec<u8> =
        (0..3_000_000u32).map(|number| (number.wrapping_mul(number) >> 7) as u8).collect();
    let cat = client.start(Command::new(["cat"]).stdin()).unwrap();
    cat.write_stdin(&data, TIME).unwrap();
    cat.close_stdin().unwrap();
    assert_eq!(cat.wait(TIME).unwrap().stdout, data);
}

const SIZE: Size = Size { rows: 12, columns: 34 };

#[test]
fn a_terminal_is_one_with_its_size_for_all_standard_streams() {
    let (client, _service) = pair();
    let script = "tty -s && test -t 1 && test -t 2 && stty size && echo also >&2; exit 3";
    let command = Command::new(["sh", "-c", script]).terminal(SIZE);
    let output = client.run(command, TIME).unwrap();
    assert_eq!(
        (output.stdout_text(), output.status),
        ("12 34\r\nalso\r\n".into(), Status::Exited(3))
    );
}

#[test]
fn a_terminal_turns_ctrl_c_into_an_interrupt() {
    let (client, _service) = pair();
    let command = Command::new(["sh", "-c", "echo go; exec sleep 1000"]).terminal(SIZE);
    let sleep = client.start(command).unwrap();
    while sleep.stdout_so_far().is_empty() {
        std::thread::yield_now();
    }
    sleep.write_stdin(b"\x03", TIME).unwrap();
    assert_eq!(sleep.wait(TIME).unwrap().status, Status::Signaled(libc::SIGINT));
}

#[test]
fn a_new_size_of_a_terminal_reaches_the_command() {
    let (client, _service) = pair();
    let script = "trap 'stty size; exit' WINCH; echo go; while :; do sleep 0.05; done";
    let shell = client.start(Command::new(["sh", "-c", script]).terminal(SIZE)).unwrap();
    while shell.stdout_so_far().is_empty() {
        std::thread::yield_now();
    }
    shell.resize(Size { rows: 56, columns: 78 }).unwrap();
    assert_eq!(shell.wait(TIME).unwrap().stdout_text(), "go\r\n56 78\r\n");
}

#[test]
fn the_end_of_input_ends_a_command_that_reads_a_terminal() {
    let (client, _service) = pair();
    let cat = client.start(Command::new(["cat"]).terminal(SIZE)).unwrap();
    cat.write_stdin(b"line\n", TIME).unwrap();
    cat.close_stdin().unwrap();
    assert_eq!(cat.wait(TIME).unwrap().stdout_text(), "line\r\nline\r\n");
}

#[test]
fn a_command_whose_output_nobody_reads_gets_a_broken_pipe() {
    let (client, _service) = pair();
    let refuse = |_, _: &[u8]| Err(io::ErrorKind::BrokenPipe.into());
    let yes = client.start(Command::new(["yes"]).on_output(refuse)).unwrap();
    assert_eq!(yes.wait(TIME).unwrap().status, Status::Signaled(libc::SIGPIPE));
    let yes = client.start(Command::new(["yes"]).terminal(SIZE).on_output(refuse)).unwrap();
    assert_eq!(yes.wait(TIME).unwrap().status, Status::Signaled(libc::SIGHUP));
}

#[test]
fn environment_and_directory_are_taken() {
    let (client, _service) = pair();
    let command =
        Command::new(["sh", "-c", "echo $COLOUR; pwd"]).env("COLOUR", "blue").current_dir("/usr");
    assert_eq!(client.run(command, TIME).unwrap().stdout_text(), "blue\n/usr\n");
}

#[test]
fn a_missing_program_is_refused() {
    let (client, _service) = pair();
    let error = client.run(["/no/such/program"], TIME).unwrap_err();
    assert_eq!(error.to_string(), "/no/such/program: No such file or directory (os error 2)");
}

#[test]
fn a_killed_command_takes_its_children_along() {
    let (client, _service) = pair();
    let shell = client.start(["sh", "-c", "echo started; sleep 1000; true"]).unwrap();
    while shell.stdout_so_far().is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(shell.kill(TIME).unwrap().status, Status::Signaled(9));
}

#[test]
fn what_a_command_leaves_running_does_not_hold_its_end() {
    let (client, _service) = pair();
    let output = client.run(["sh", "-c", "sleep 3 & echo $!"], TIME).unwrap();
    assert_eq!(output.status, Status::Exited(0));
    assert!(!output.stdout.is_empty());
}

/// A device that takes its time, like a UART in a nested guest.
struct Slow(UnixStream);

impl Write for Slow {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        std::thread::sleep(Duration::from_millis(300));
        self.0.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn a_slow_device_does_not_cost_the_last_output() {
    let (host, guest) = UnixStream::pair().unwrap();
    let reader = guest.try_clone().unwrap();
    std::thread::spawn(move || serve(reader, &Sender::new(Slow(guest), Device::Uart), Vec::new()));
    let client = Client::new(host).unwrap();
    let output = client.run(["head", "-c", "60000", "/dev/zero"], TIME).unwrap();
    assert_eq!(output.stdout.len(), 60_000);
}

#[test]
fn files_are_written_with_their_directories() {
    let (client, _service) = pair();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/data");
    let data = vec![7; 100_000];
    client.write_file(path.to_str().unwrap(), 0o600, &data, TIME).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), data);
}

#[test]
fn an_unwritable_file_is_refused() {
    let (client, _service) = pair();
    let error = client.write_file("/proc/nothing", 0o600, &vec![1; 100_000], TIME).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}

#[test]
fn an_unknown_interface_is_refused_with_those_there_are() {
    let (client, _service) = pair();
    let error = client.configure("nic7,10.0.0.1/8".parse().unwrap(), TIME).unwrap_err();
    assert!(error.to_string().contains("no interface nic7; there are: "), "{error}");
}

#[test]
fn power_off_ends_the_service() {
    let (client, service) = pair();
    client.power_off(TIME).unwrap();
    assert_eq!(service.join().unwrap(), Ending::PowerOff);
}

#[test]
fn a_host_that_goes_ends_the_service() {
    let (client, service) = pair();
    drop(client);
    assert_eq!(service.join().unwrap(), Ending::Closed);
}
