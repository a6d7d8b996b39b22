use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use super::*;
use crate::client::{Client, Command, Error, Status};

const TIME: Duration = Duration::from_secs(20);

/// A host and a guest that are both this process.
fn pair() -> (Client, JoinHandle<Ending>) {
    let (host, guest) = UnixStream::pair().unwrap();
    let reader = guest.try_clone().unwrap();
    let service = std::thread::spawn(move || {
        serve(reader, &Sender::new(guest), vec!["a warning".into()]).unwrap()
    });
    let client = Client::new(host).unwrap();
    assert_eq!(client.wait_ready(TIME).unwrap().warnings, ["a warning"]);
    (client, service)
}

#[test]
fn a_host_whose_hello_was_lost_is_answered() {
    let (host, guest) = UnixStream::pair().unwrap();
    let reader = guest.try_clone().unwrap();
    std::thread::spawn(move || serve(reader, &Sender::new(guest), Vec::new()));
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
    std::thread::spawn(move || serve(reader, &Sender::new(Slow(guest)), Vec::new()));
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
