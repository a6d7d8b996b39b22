//! Time from starting the VMM to the guest's PID 1 answering, nicvmm against QEMU `-M pc`: same
//! kernel, initial RAM disk, command line and memory, both on KVM, runs taken in turns.

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use guest_init::client::Client;
use indicatif::ProgressBar;
use tempfile::TempDir;
use tests::linux::rerun_where_kvm_works;
use tests::program::nicvmm;
use vmm::guest::{COMMAND_LINE, Guest};

const ROUNDS: usize = 3;
/// A boot that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(180);

struct Vmm(Child);

impl Drop for Vmm {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ours(guest: &Guest, control: &Path) -> Command {
    let mut command = nicvmm(&["run", "--host", "kvm", "--memory", "256", "--console", "none"]);
    command.arg("--kernel").arg(&guest.kernel).arg("--initrd").arg(&guest.initrd);
    command.arg("--control").arg(control);
    command
}

fn qemu(guest: &Guest, control: &Path) -> Command {
    let mut command = Command::new("qemu-system-x86_64");
    // The CPU model that works on every KVM, and nothing on board that is not asked for.
    command.args(["-M", "pc,accel=kvm", "-cpu", "qemu64", "-m", "256", "-nodefaults"]);
    command.args(["-display", "none", "-no-reboot", "-serial", "null"]);
    command
        .arg("-chardev")
        .arg(format!("socket,id=c,path={},server=on,wait=off", control.display()));
    command.args(["-serial", "chardev:c", "-append", COMMAND_LINE]);
    command.arg("-kernel").arg(&guest.kernel).arg("-initrd").arg(&guest.initrd);
    command
}

fn boot(name: &str, command: impl Fn(&Path) -> Command) -> f64 {
    let directory = TempDir::new().expect("a temporary directory");
    let control = directory.path().join("control");
    let start = Instant::now();
    let child = command(&control).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let _vmm = Vmm(child.unwrap_or_else(|error| panic!("{name} cannot be started: {error}")));
    let client = Client::connect(&control, LIMIT).expect("there is a control socket");
    client.wait_ready(LIMIT).unwrap_or_else(|error| panic!("{name}: {error}"));
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{name:8} {seconds:6.2} s");
    seconds
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> ExitCode {
    if let Some(status) = rerun_where_kvm_works(&[]) {
        return if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let guest = vmm::guest::default(&ProgressBar::hidden()).expect("there is a default guest");
    let (mut our_times, mut qemu_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_times.push(boot("nicvmm", |control| ours(&guest, control)));
        qemu_times.push(boot("qemu", |control| qemu(&guest, control)));
    }
    let (our_time, qemu_time) = (median(our_times), median(qemu_times));
    let ratio = qemu_time / our_time;
    println!(
        "boot to PID 1, median of {ROUNDS}: nicvmm {our_time:.2} s, QEMU -M pc {qemu_time:.2} s, QEMU / nicvmm {ratio:.2}"
    );
    ExitCode::SUCCESS
}
