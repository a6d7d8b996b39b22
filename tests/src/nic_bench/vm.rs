//! nicvmm or QEMU with the payload's program `bench` in it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::clock::HostTime;
use super::sample::{Outside, Sample};
use super::wire::{Far, Wire};
use super::workload::{Direction, Model, Workload};
use crate::bare_metal::payload;
use crate::differential::Qmp;
use crate::program::{end_with_us, nicvmm};
use crate::report::register_exits;
use crate::wait::within;

/// How long firmware, or a job, may take on a busy host.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often nicvmm writes its report, which tells the exits.
const REPORT_EVERY: Duration = Duration::from_millis(50);
const MEMORY: &str = "256";

/// Which VMM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ours.
    Nicvmm,
    /// The installed QEMU.
    Qemu,
}

/// A guest that waits for work. While it has none its process is stopped.
pub struct Vm {
    kind: Kind,
    child: Child,
    to: ChildStdin,
    lines: Receiver<String>,
    nics: usize,
    far: Option<Far>,
    qmp: Option<Qmp>,
    directory: TempDir,
}

impl Vm {
    /// Boots the guest with NICs of `model` on `wire`, `nics` of them, and waits until it is ready.
    pub fn start(kind: Kind, model: Model, wire: Wire, nics: usize) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let wire_path = directory.path().join("wire");
        let listener = UnixListener::bind(&wire_path)?;
        let mut command = match kind {
            Kind::Nicvmm => {
                let mut command = nicvmm(&["run", "--quiet", "--host", "kvm", "--memory", MEMORY]);
                command.args(["--console", "stdio", "--append", "bench", "--kernel"]);
                command.arg(payload()).arg("--report").arg(directory.path().join("report"));
                command.arg("--report-interval").arg(format!("{}ms", REPORT_EVERY.as_millis()));
                let net = match wire {
                    Wire::Null => "null".into(),
                    Wire::Stream => format!("stream:{}", wire_path.display()),
                };
                command.arg("--nic").arg(format!("{model},net={net}"));
                for _ in 1..nics {
                    command.arg("--nic").arg(model.to_string());
                }
                command
            }
            Kind::Qemu => qemu(model, wire, nics, &directory),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        end_with_us(&mut command);
        let child = command.spawn();
        let mut child = child.with_context(|| format!("{kind:?} does not start"))?;
        let (to, from) = (child.stdin.take(), child.stdout.take());
        let (to, from) = to.zip(from).context("the child has pipes")?;
        let lines = read_lines(from);
        let (far, qmp) = (None, None);
        let mut vm = Self { kind, child, to, lines, nics, far, qmp, directory };
        if wire == Wire::Stream {
            listener.set_nonblocking(true)?;
            let accepted = within(PATIENCE, || listener.accept().ok());
            let (socket, _) = accepted.context("the VMM does not come to its wire")?;
            socket.set_nonblocking(false)?;
            vm.far = Some(Far::new(socket)?);
        }
        if kind == Kind::Qemu {
            let path = vm.directory.path().join("qmp");
            let socket = within(PATIENCE, || UnixStream::connect(&path).ok());
            vm.qmp = Some(Qmp::new(socket.context("QEMU does not answer")?)?);
        }
        vm.expect("ready")?;
        vm.signal(Signal::SIGSTOP)?;
        Ok(vm)
    }

    /// QEMU's version.
    pub fn version(&self) -> Option<&str> {
        self.qmp.as_ref().map(Qmp::version)
    }

    /// Has `workload` done for about `ticks` of the CPU's counter. Nothing if the NIC does not offer
    /// what it takes.
    pub fn run(&mut self, workload: &Workload, ticks: u64) -> anyhow::Result<Option<Sample>> {
        self.signal(Signal::SIGCONT)?;
        let sample = self.carry_out(workload, ticks)?;
        self.signal(Signal::SIGSTOP)?;
        Ok(sample)
    }

    fn carry_out(&mut self, workload: &Workload, ticks: u64) -> anyhow::Result<Option<Sample>> {
        writeln!(self.to, "{} nics={}", workload.request(ticks), self.nics)?;
        if self.next()? != "set" {
            self.expect("end")?;
            self.expect("ready")?;
            return Ok(None);
        }
        let exits = self.exits()?;
        let sender = match (&self.far, workload.direction) {
            (Some(far), Direction::Receive) => Some(far.send(workload.frame())?),
            _ => None,
        };
        let sent = || sender.as_ref().map_or(0, super::wire::Sender::sent);
        let process = self.child.id();
        let (time, offered, start) = (HostTime::of(process)?, sent(), Instant::now());
        writeln!(self.to)?;
        self.expect("done")?;
        let (time, wall) = (HostTime::of(process)?.since(time), start.elapsed());
        let offered = sent() - offered;
        if let (Some(sender), Some(far)) = (sender, &self.far) {
            sender.stop()?;
            far.drained()?;
        }
        let outside = Outside { offered, wall, time, exits: self.exits()? - exits };
        writeln!(self.to)?;
        let mut facts = BTreeMap::new();
        loop {
            let line = self.next()?;
            if line == "end" {
                break;
            }
            if let Some((name, value)) = line.split_once(' ') {
                facts.insert(name.to_owned(), value.to_owned());
            }
        }
        self.expect("ready")?;
        Ok(Some(Sample::new(&facts, outside)?))
    }

    /// Memory accesses so far that left the guest for user space. The guest waits meanwhile.
    fn exits(&mut self) -> anyhow::Result<u64> {
        if let Some(qmp) = &mut self.qmp {
            return qmp.register_exits();
        }
        register_exits(&self.directory.path().join("report"), REPORT_EVERY)
    }

    fn next(&mut self) -> anyhow::Result<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Ok(line),
            Err(error) => bail!("{:?} says nothing more: {error}", self.kind),
        }
    }

    fn expect(&mut self, wanted: &str) -> anyhow::Result<()> {
        let line = self.next()?;
        if line == wanted { Ok(()) } else { bail!("{:?} says {line:?}, not {wanted:?}", self.kind) }
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill(Pid::from_raw(self.child.id() as i32), signal)?)
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn qemu(model: Model, wire: Wire, nics: usize, directory: &TempDir) -> Command {
    let mut command = Command::new("qemu-system-x86_64");
    // The CPU model that works on every KVM, and nothing on board that is not asked for.
    command.args(["-M", "pc,accel=kvm", "-cpu", "qemu64", "-m", MEMORY, "-nodefaults"]);
    command.args(["-display", "none", "-no-reboot", "-serial", "stdio", "-append", "bench"]);
    command.args(["-device", "isa-debug-exit,iobase=0x501,iosize=1", "-kernel"]).arg(payload());
    let path = |name: &str| directory.path().join(name).display().to_string();
    command.arg("-qmp").arg(format!("unix:{},server=on,wait=off", path("qmp")));
    let device = match model {
        Model::Rtl8139 => "rtl8139,romfile=",
        Model::VirtioNet => "virtio-net-pci,romfile=",
    };
    let first = match wire {
        Wire::Null => device.into(),
        Wire::Stream => {
            let stream = "stream,id=wire,server=off,addr.type=unix";
            command.arg("-netdev").arg(format!("{stream},addr.path={}", path("wire")));
            format!("{device},netdev=wire")
        }
    };
    command.arg("-device").arg(first);
    for _ in 1..nics {
        command.args(["-device", device]);
    }
    command
}

fn read_lines(from: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        let lines = BufReader::new(from).lines().map_while(Result::ok);
        // Whoever listens may be gone.
        let _ = lines.map(|line| line.trim().to_owned()).try_for_each(|line| sender.send(line));
    });
    lines
}
