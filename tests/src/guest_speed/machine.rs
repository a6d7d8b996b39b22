//! A stock guest under one of the VMMs, and the other end of its device.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use devices::net::{Offloads, Stream, Tap};
use guest_init::client::{Client, Configure};
use guest_init::protocol::{CONTROL_PARAMETER, CONTROL_PORT};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use vmm::guest::{COMMAND_LINE, Guest};

use super::device::{Device, Ends, Kind, Wire};
use super::job::{Blocks, Job, TRANSFER};
use super::sample::{Sample, Spent};
use crate::differential::Qmp;
use crate::http::{self, Transfer};
use crate::program::{end_with_us, nicvmm};
use crate::pump::{Engine, Pump};
use crate::report::register_exits;
use crate::wait::within;

/// Longest boot.
const BOOT: Duration = Duration::from_secs(120);
/// What takes longer hangs.
const COMMAND: Duration = Duration::from_secs(60);
/// How often nicvmm writes its report, which tells the exits.
const REPORT_EVERY: Duration = Duration::from_millis(100);
const MEMORY: &str = "320";
const DISK: u64 = 256 << 20;
const WEB_PORT: u16 = 80;
/// The host's side of a stream hands super-frames to the pump, which cuts them.
const UNFINISHED: Offloads = Offloads { checksum: true, tso4: true, tso6: true };

/// Serves a file of zeros.
const SERVE: &str = "\
set -e
mkdir -p /run/www /var/lib/nginx
truncate -s 4G /run/www/file
cat >/run/nginx.conf <<'END'
user root;
worker_processes 1;
pid /run/nginx.pid;
events {}
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  server { listen 80; root /run/www; }
}
END
nginx -e stderr -c /run/nginx.conf";

/// A guest that waits for work. While it has none its process is stopped.
pub struct Machine {
    kind: Kind,
    number: u8,
    child: Child,
    client: Client,
    qmp: Option<Qmp>,
    directory: TempDir,
    pump: Option<Pump>,
}

/// A child that is killed when it goes out of scope before it is part of a machine.
struct Starting(Option<Child>);

impl Drop for Starting {
    fn drop(&mut self) {
        end(self.0.as_mut());
    }
}

fn end(child: Option<&mut Child>) {
    if let Some(child) = child {
        // It may be gone already.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Machine {
    /// Boots `guest` with `device`, as the only guest with this `number`, and has it stop.
    pub fn boot(kind: Kind, device: Device, number: u8, guest: &Guest) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        let (tap, mac) = (format!("speed{number}"), format!("52:54:00:00:{number:02x}:02"));
        File::create(path("image"))?.set_len(DISK)?;
        let listener = UnixListener::bind(path("wire"))?;
        let (socket, image) = (&path("wire"), &path("image"));
        let ends = Ends { mac: &mac, tap: &tap, socket, image };
        let mut command = command(kind, guest, directory.path());
        match kind {
            Kind::Nicvmm => device.ask_nicvmm(&mut command, ends),
            Kind::Qemu => device.ask_qemu(&mut command, ends),
        }
        let log = File::create(path("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        end_with_us(&mut command);
        let child = command.spawn();
        let mut child = Starting(Some(child.with_context(|| format!("{kind:?} does not start"))?));
        let mut pump = None;
        if let Device::Nic(_, Wire::Stream) = device {
            listener.set_nonblocking(true)?;
            let accepted = within(COMMAND, || listener.accept().ok());
            let (socket, _) = accepted.with_context(|| said("does not connect", &path("log")))?;
            let host = Tap::open(&tap, UNFINISHED)?;
            pump = Some(Pump::start(host, Stream::from_socket(socket), Engine::Mss)?);
        }
        let client = Client::connect(&path("control"), BOOT)
            .and_then(|client| client.wait_ready(BOOT).map(|_| client))
            .with_context(|| said("does not come up", &path("log")))?;
        let qmp = match kind {
            Kind::Nicvmm => None,
            Kind::Qemu => Some(Qmp::new(UnixStream::connect(path("qmp"))?)?),
        };
        let child = child.0.take().context("it was started")?;
        let machine = Self { kind, number, child, client, qmp, directory, pump };
        if let Device::Nic(..) = device {
            machine.join(&tap, mac)?;
        }
        machine.signal(Signal::SIGSTOP)?;
        Ok(machine)
    }

    /// QEMU's version.
    pub fn version(&self) -> Option<&str> {
        self.qmp.as_ref().map(Qmp::version)
    }

    fn address(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 9, self.number, host)
    }

    /// Gives the NIC and the tap their addresses, and has the guest serve a file.
    fn join(&self, tap: &str, mac: String) -> anyhow::Result<()> {
        let host = self.address(1);
        for line in [format!("address add {host}/24 dev {tap}"), format!("link set {tap} up")] {
            let status = Command::new("ip").args(line.split(' ')).status()?;
            ensure!(status.success(), "ip {line}: {status}");
        }
        let addresses = vec![format!("{}/24", self.address(2))];
        let configure = Configure { interface: mac, addresses, ..Configure::default() };
        self.client.configure(configure, COMMAND)?;
        self.must(SERVE).map(drop)
    }

    fn must(&self, script: &str) -> anyhow::Result<String> {
        let output = self.client.run(["sh", "-c", script], COMMAND)?;
        let complaint = output.stderr_text();
        ensure!(output.status.success(), "{:?}: {script}: {complaint}", self.kind);
        Ok(output.stdout_text().into_owned())
    }

    /// Carries out `job`.
    pub fn run(&mut self, job: Job) -> anyhow::Result<Sample> {
        self.signal(Signal::SIGCONT)?;
        let exits = self.exits()?;
        let spent = Spent::of(self.child.id())?;
        let Transfer { bytes, wall } = self.carry_out(job)?;
        let now = Spent::of(self.child.id())?;
        let exits = self.exits()? - exits;
        self.signal(Signal::SIGSTOP)?;
        Ok(now.sample(spent, bytes, wall, exits))
    }

    fn carry_out(&self, job: Job) -> anyhow::Result<Transfer> {
        match job {
            Job::Download => {
                let host = self.address(1).to_string();
                let listener = http::listen(&host, "cubic")?;
                let server = thread::spawn(move || http::serve_for(&listener, TRANSFER));
                self.must(&format!("wget -q -O /dev/null http://{host}/"))?;
                let served = server.join().ok().context("the server panicked")?;
                Ok(served?)
            }
            Job::Upload => {
                let server = SocketAddr::from((self.address(2), WEB_PORT));
                Ok(http::fetch_for(server, TRANSFER)?)
            }
            Job::Read(blocks) => self.copy("if=/dev/vda of=/dev/null iflag=direct", blocks),
            Job::Write(blocks) => self.copy("if=/dev/zero of=/dev/vda oflag=direct", blocks),
        }
    }

    fn copy(&self, what: &str, blocks: Blocks) -> anyhow::Result<Transfer> {
        let Blocks { kib, count } = blocks;
        let start = Instant::now();
        self.must(&format!("dd {what} bs={kib}k count={count} 2>&1"))?;
        Ok(Transfer { bytes: blocks.bytes(), wall: start.elapsed() })
    }

    /// Register accesses so far that left the guest for the VMM. The guest is idle meanwhile.
    fn exits(&mut self) -> anyhow::Result<u64> {
        if let Some(qmp) = &mut self.qmp {
            return qmp.register_exits();
        }
        register_exits(&self.directory.path().join("report"), REPORT_EVERY)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill(Pid::from_raw(self.child.id() as i32), signal)?)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        end(Some(&mut self.child));
        // The wire has nobody at its end any more.
        self.pump = None;
    }
}

fn said(what: &str, log: &Path) -> String {
    let log = std::fs::read_to_string(log).unwrap_or_default();
    format!("the VMM {what}; it said: {}", log.trim_end())
}

/// The VMM with `guest`, its sockets and files in `directory`, and no device that is measured.
fn command(kind: Kind, guest: &Guest, directory: &Path) -> Command {
    let path = |name: &str| directory.join(name).display().to_string();
    match kind {
        Kind::Nicvmm => {
            let mut command = nicvmm(&["run", "--host", "kvm", "--quiet", "--memory", MEMORY]);
            command.arg("--kernel").arg(&guest.kernel).arg("--initrd").arg(&guest.initrd);
            command.args(["--control", &path("control"), "--report", &path("report")]);
            command.arg("--report-interval").arg(format!("{}ms", REPORT_EVERY.as_millis()));
            command.args(["--console", &format!("file:{}", path("console"))]);
            command
        }
        Kind::Qemu => {
            let mut command = Command::new("qemu-system-x86_64");
            // The guest picks its ways to copy and to sum by the CPU: it shall have the same in both.
            command.args(["-M", "pc,accel=kvm", "-cpu", "host", "-m", MEMORY, "-nodefaults"]);
            command.args(["-no-user-config", "-display", "none", "-no-reboot"]);
            command.arg("-kernel").arg(&guest.kernel).arg("-initrd").arg(&guest.initrd);
            command
                .args(["-append", &format!("{COMMAND_LINE} {CONTROL_PARAMETER}={CONTROL_PORT}")]);
            let control = format!("socket,id=control,server=on,wait=off,path={}", path("control"));
            command.args(["-chardev", &control, "-device", "virtio-serial-pci", "-device"]);
            command.arg(format!("virtserialport,chardev=control,name={CONTROL_PORT}"));
            command.args(["-serial", &format!("file:{}", path("console"))]);
            command.args(["-qmp", &format!("unix:{},server=on,wait=off", path("qmp"))]);
            command
        }
    }
}
