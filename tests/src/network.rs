//! Guests on paths: what `nicvmm compare` starts, put together by hand.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use guest_init::client::{Client, Command, Configure, Output};

use crate::program::nicvmm;
use crate::wait::wait_for_file;

/// Time for the path's sockets to appear.
const APPEARANCE: Duration = Duration::from_secs(30);
/// Nested guests boot in seconds, on a busy machine in a minute.
const BOOT: Duration = Duration::from_secs(180);
/// A command that takes longer than this hangs.
const COMMAND: Duration = Duration::from_secs(120);

/// A child process that is killed when it goes out of scope.
pub struct Part(Child);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A router between network 10.0.`server`.0/24, MTU 1500, and 10.0.`client`.0/24, MTU `mtu`.
/// The sockets are `server.net` and `client.net`, each with its network's number before it. [`set`]
/// changes it.
pub fn path(directory: &Path, server: u8, client: u8, mtu: u16) -> Part {
    let port = |network: u8, mtu: u16| {
        let socket = socket(directory, network);
        format!("stream:{},mtu={mtu},ip=10.0.{network}.1/24", socket.display())
    };
    let child = nicvmm(&["path", "--port", &port(server, 1500), "--port", &port(client, mtu)])
        .arg("--control")
        .arg(control(directory, server))
        .stdout(Stdio::null())
        .spawn()
        .expect("the path starts");
    let part = Part(child);
    wait_for_file(&socket(directory, client), APPEARANCE);
    part
}

/// Changes the path that starts at network `server`, by words of `nicvmm path set`.
pub fn set(directory: &Path, server: u8, changes: &str) {
    let mut command = nicvmm(&["path", "set", "--control"]);
    command.arg(control(directory, server)).args(changes.split(' '));
    let output = command.output().expect("the path is asked");
    assert!(output.status.success(), "{changes}: {output:?}");
}

fn control(directory: &Path, server: u8) -> PathBuf {
    directory.join(format!("{server}.path"))
}

/// The socket on which the path listens for the NIC of `network`.
pub fn socket(directory: &Path, network: u8) -> PathBuf {
    directory.join(format!("{network}.net"))
}

/// Names another guest of those that `nicvmm guest build --kernel` made, to try another kernel.
const GUEST: &str = "NICVMM_TEST_GUEST";

/// A running guest.
pub struct Guest {
    client: Client,
    _part: Part,
}

impl Guest {
    /// Boots the default guest with these NICs: model and network number. Each has address
    /// 10.0.NETWORK.2 and a route to 10.0.NETWORK±1, on the other side of its path.
    pub fn boot(directory: &Path, name: &str, nics: &[(&str, u8)]) -> Self {
        let mut arguments = Vec::new();
        for (model, network) in nics {
            arguments.extend(["--nic".to_owned(), nic(directory, model, *network)]);
        }
        let guest = Self::boot_with(directory, name, &arguments);
        for (_, network) in nics {
            guest.configure(*network);
        }
        guest
    }

    /// Boots the default guest with these arguments of `nicvmm run`.
    pub fn boot_with(directory: &Path, name: &str, arguments: &[String]) -> Self {
        Self::boot_under(nicvmm(&[]), directory, name, arguments)
    }

    /// The same with `program` in place of nicvmm: something that becomes it.
    pub fn boot_under(
        mut program: std::process::Command,
        directory: &Path,
        name: &str,
        arguments: &[String],
    ) -> Self {
        let control = directory.join(format!("{name}.control"));
        let console = directory.join(format!("{name}.console"));
        program.args(["run", "--host", "kvm", "--timeout", "600"]);
        if let Ok(name) = std::env::var(GUEST) {
            program.args(["--guest", &name]);
        }
        program.arg("--control").arg(&control);
        program.arg("--console").arg(format!("file:{}", console.display()));
        let part = Part(program.args(arguments).spawn().expect("the guest starts"));
        let client = Client::connect(&control, BOOT).expect("there is a control socket");
        let ready = client.wait_ready(BOOT);
        let log = std::fs::read_to_string(&console).unwrap_or_default();
        ready.unwrap_or_else(|error| panic!("guest {name} did not come up: {error}\n{log}"));
        Self { client, _part: part }
    }

    fn configure(&self, network: u8) {
        let configure = Configure {
            interface: mac(network),
            addresses: vec![format!("10.0.{network}.2/24")],
            ..Configure::default()
        };
        self.client.configure(configure, COMMAND).expect("the interface takes an address");
        let other = if network % 2 == 1 { network + 1 } else { network - 1 };
        self.must(&format!("ip route add 10.0.{other}.0/24 via 10.0.{network}.1"));
    }

    /// Runs a shell script to its end.
    pub fn shell(&self, script: &str) -> Output {
        self.client.run(["sh", "-c", script], COMMAND).expect("the guest answers")
    }

    /// Runs a shell script that must succeed, and answers what it printed.
    pub fn must(&self, script: &str) -> String {
        let output = self.shell(script);
        assert!(output.status.success(), "{}", failure(script, &output));
        output.stdout_text().trim().to_string()
    }

    /// Starts a shell script without waiting for it; the answer waits, and gives what it printed.
    pub fn start(&self, script: &str) -> impl FnOnce() -> String + use<> {
        let process = self.client.start(Command::new(["sh", "-c", script])).expect("it starts");
        let script = script.to_string();
        move || {
            let output = process.wait(COMMAND).expect("it ends");
            assert!(output.status.success(), "{}", failure(&script, &output));
            output.stdout_text().trim().to_string()
        }
    }
}

/// How a script failed, in words.
fn failure(script: &str, output: &Output) -> String {
    let (said, complained) = (output.stdout_text(), output.stderr_text());
    format!("{script}\n{}\n{said}\n{complained}", output.status)
}

/// The NIC of a guest on `network`, as `nicvmm run --nic` takes it.
pub fn nic(directory: &Path, model: &str, network: u8) -> String {
    let socket = socket(directory, network);
    format!("{model},mac={},net=stream:{}", mac(network), socket.display())
}

fn mac(network: u8) -> String {
    format!("52:54:00:00:{network:02x}:02")
}
