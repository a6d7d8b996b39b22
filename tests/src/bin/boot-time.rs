//! Time from starting a VMM to the guest's first line from user space: nicvmm against QEMU's
//! machines `pc` and `microvm`, with the same kernel, initial RAM disk, command line and memory, all on
//! KVM, runs taken in turns; it fails where ours takes more than its part of theirs. Then where
//! nicvmm's own time goes, and the memory it needs beside the guest's.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use tests::linux::rerun_where_kvm_works;
use tests::program::nicvmm;
use vmm::guest::{COMMAND_LINE, Guest};

const ROUNDS: usize = 5;
/// A boot that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(180);
/// PID 1 says this and nothing else.
const LINE: &str = "the-first-line";

/// What is compared, and how much of QEMU's time ours may be at most.
const QEMU_MACHINES: [(&str, f64); 2] = [("pc", 0.5), ("microvm", 0.35)];

struct Vmm(Child);

impl Drop for Vmm {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn first_line() -> String {
    format!("rdinit=/usr/bin/echo -- {LINE}")
}

fn ours(guest: &Guest) -> Command {
    let mut command = nicvmm(&["run", "--host", "kvm", "--memory", "256", "--console", "stdio"]);
    command.arg("--kernel").arg(&guest.kernel).arg("--initrd").arg(&guest.initrd);
    command.arg("--append").arg(format!("reboot=t {}", first_line()));
    command
}

fn qemu(machine: &str, guest: &Guest) -> Command {
    let mut command = Command::new("qemu-system-x86_64");
    // The CPU model that works on every KVM, and nothing on board that is not asked for.
    command.args(["-M", &format!("{machine},accel=kvm"), "-cpu", "qemu64", "-m", "256"]);
    command.args(["-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"]);
    command.arg("-append").arg(format!("{COMMAND_LINE} {}", first_line()));
    command.arg("-kernel").arg(&guest.kernel).arg("-initrd").arg(&guest.initrd);
    command
}

fn boot(name: &str, mut command: Command) -> f64 {
    let start = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut vmm = Vmm(child.unwrap_or_else(|error| panic!("{name} cannot be started: {error}")));
    let output = BufReader::new(vmm.0.stdout.take().expect("its output is a pipe"));
    let reader = thread::spawn(move || {
        output.lines().map_while(Result::ok).any(|line| line.contains(LINE)).then(Instant::now)
    });
    while !reader.is_finished() && start.elapsed() < LIMIT {
        thread::sleep(Duration::from_millis(20));
    }
    drop(vmm);
    let end = reader.join().expect("the reader ends");
    let end = end.unwrap_or_else(|| panic!("{name} ended, or was ended, without a line"));
    let seconds = (end - start).as_secs_f64();
    eprintln!("{name:8} {seconds:6.2} s");
    seconds
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> ExitCode {
    if let Some(status) = rerun_where_kvm_works(&[]) {
        return if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let guest = vmm::guest::default(&ProgressBar::hidden()).expect("there is a default guest");
    let mut our_times = Vec::new();
    let mut their_times = [const { Vec::new() }; QEMU_MACHINES.len()];
    for _ in 0..ROUNDS {
        our_times.push(boot("nicvmm", ours(&guest)));
        for ((machine, _), times) in QEMU_MACHINES.iter().zip(&mut their_times) {
            times.push(boot(machine, qemu(machine, &guest)));
        }
    }
    let our_time = median(&our_times);
    println!("to the first line from user space, medians of {ROUNDS}: nicvmm {our_time:.2} s");
    let mut met = true;
    for ((machine, limit), times) in QEMU_MACHINES.iter().zip(&their_times) {
        let their_time = median(times);
        let ratio = our_time / their_time;
        let verdict = if ratio <= *limit { "met" } else { "MISSED" };
        println!(
            "QEMU -M {machine}: {their_time:.2} s; nicvmm / QEMU {ratio:.2}, at most {limit}: {verdict}"
        );
        met &= ratio <= *limit;
    }
    let timed = nicvmm(&["run", "--host", "kvm", "--timing", "--", "true"]).status();
    if met && timed.is_ok_and(|status| status.success()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
