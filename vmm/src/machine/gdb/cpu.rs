//! Stopping vCPUs, and having them do what must be done on their own threads.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use kvm_bindings::kvm_debug_exit_arch;
use kvm_ioctls::VcpuFd;
use nix::unistd::{getpid, gettid};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use super::trap::Outputs;
use crate::machine::signals::kick_signal;

/// How often a stopped vCPU looks whether the machine has ended.
const LOOK: Duration = Duration::from_millis(50);
/// How long a vCPU gets to notice that it shall stop before it is kicked again.
const KICK_EVERY: Duration = Duration::from_millis(5);
/// How long a vCPU may take to stop, or to do what is asked of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a vCPU stopped.
#[derive(Clone, Copy, Debug)]
pub enum Cause {
    /// It was asked to.
    Asked,
    /// A breakpoint, a watchpoint or a step.
    Trap(kvm_debug_exit_arch),
    /// A breakpoint that is an `out`.
    Output,
}

type Work = Box<dyn FnOnce(&VcpuFd) + Send>;

enum Job {
    Do(Work),
    Resume,
}

#[derive(Debug)]
struct Shared {
    pause: AtomicBool,
    /// Kernel id of the thread, 0 before it runs.
    thread: AtomicI32,
}

/// A vCPU thread's end.
#[derive(Debug)]
pub struct Stop {
    index: usize,
    shared: Arc<Shared>,
    jobs: Receiver<Job>,
    stops: Sender<(usize, Cause)>,
    event: Arc<EventFd>,
    outputs: Outputs,
}

impl Stop {
    /// To be called before the guest is entered: stays here while the vCPU shall be stopped.
    pub fn before_entry(&self, vcpu: &VcpuFd, machine_stops: &AtomicBool) {
        self.shared.thread.store(gettid().as_raw(), Ordering::Release);
        if self.shared.pause.load(Ordering::Acquire) {
            self.serve(vcpu, Cause::Asked, machine_stops);
        }
    }

    /// To be called when a breakpoint, a watchpoint or a step made the vCPU leave.
    pub fn trapped(&self, vcpu: &VcpuFd, trap: kvm_debug_exit_arch, machine_stops: &AtomicBool) {
        self.serve(vcpu, Cause::Trap(trap), machine_stops);
    }

    /// To be called when a write of a byte to a port made the vCPU leave; answers whether that was
    /// a breakpoint, which no device must see.
    pub fn wrote(&self, vcpu: &mut VcpuFd, machine_stops: &AtomicBool) -> bool {
        let trapped = self.outputs.came_from(vcpu).is_some();
        if trapped {
            self.serve(vcpu, Cause::Output, machine_stops);
        }
        trapped
    }

    fn serve(&self, vcpu: &VcpuFd, cause: Cause, machine_stops: &AtomicBool) {
        if self.stops.send((self.index, cause)).is_err() {
            return; // no debugger any more
        }
        let _ = self.event.write(1);
        loop {
            match self.jobs.recv_timeout(LOOK) {
                Ok(Job::Do(work)) => work(vcpu),
                Ok(Job::Resume) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) if machine_stops.load(Ordering::Acquire) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

struct Cpu {
    shared: Arc<Shared>,
    jobs: Sender<Job>,
    stopped: bool,
}

/// The debugger's end.
pub struct Control {
    cpus: Vec<Cpu>,
    stops: Receiver<(usize, Cause)>,
    event: Arc<EventFd>,
    outputs: Outputs,
}

impl Control {
    /// The ends for `count` vCPUs, which stop before they first enter the guest.
    pub fn new(count: usize) -> io::Result<(Self, Vec<Stop>)> {
        let event = Arc::new(EventFd::new(EFD_NONBLOCK)?);
        let outputs = Outputs::default();
        let (report, stops) = channel();
        let mut ends = Vec::new();
        let mut cpus = Vec::new();
        for index in 0..count {
            let (jobs, received) = channel();
            let (pause, thread) = (AtomicBool::new(true), AtomicI32::new(0));
            let shared = Arc::new(Shared { pause, thread });
            cpus.push(Cpu { shared: shared.clone(), jobs, stopped: false });
            let (stops, event, outputs) = (report.clone(), event.clone(), outputs.clone());
            ends.push(Stop { index, shared, jobs: received, stops, event, outputs });
        }
        Ok((Self { cpus, stops, event, outputs }, ends))
    }

    /// Number of vCPUs.
    pub fn count(&self) -> usize {
        self.cpus.len()
    }

    /// Where breakpoints that are `out` stand.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// Readable when a vCPU stopped.
    pub fn event(&self) -> &EventFd {
        &self.event
    }

    /// The next vCPU that stopped by itself, if one did.
    pub fn next_stop(&mut self) -> Option<(usize, Cause)> {
        let _ = self.event.read();
        while let Ok((index, cause)) = self.stops.try_recv() {
            self.note(index);
            if !matches!(cause, Cause::Asked) {
                return Some((index, cause));
            }
        }
        None
    }

    fn note(&mut self, index: usize) {
        if let Some(cpu) = self.cpus.get_mut(index) {
            cpu.stopped = true;
        }
    }

    /// Stops all vCPUs. A breakpoint that one of them meets meanwhile it will meet again.
    pub fn stop_all(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        for cpu in &self.cpus {
            cpu.shared.pause.store(true, Ordering::Release);
        }
        while let Some(running) = self.cpus.iter().position(|cpu| !cpu.stopped) {
            if Instant::now() > deadline {
                return Err(format!("vCPU {running} does not stop"));
            }
            for cpu in self.cpus.iter().filter(|cpu| !cpu.stopped) {
                kick(cpu.shared.thread.load(Ordering::Acquire));
            }
            match self.stops.recv_timeout(KICK_EVERY) {
                Ok((index, _)) => self.note(index),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err("the guest has ended".into()),
            }
        }
        Ok(())
    }

    /// Lets vCPU `index` run.
    pub fn resume(&mut self, index: usize) {
        if let Some(cpu) = self.cpus.get_mut(index) {
            cpu.shared.pause.store(false, Ordering::Release);
            if std::mem::take(&mut cpu.stopped) {
                let _ = cpu.jobs.send(Job::Resume);
            }
        }
    }

    /// Has stopped vCPU `index` do `work` on its thread.
    pub fn on<T: Send + 'static>(
        &self,
        index: usize,
        work: impl FnOnce(&VcpuFd) -> T + Send + 'static,
    ) -> Option<T> {
        let cpu = self.cpus.get(index).filter(|cpu| cpu.stopped)?;
        let (answer, answered) = channel();
        let job = Job::Do(Box::new(move |vcpu| {
            let _ = answer.send(work(vcpu));
        }));
        cpu.jobs.send(job).ok()?;
        answered.recv_timeout(PATIENCE).ok()
    }
}

/// Makes a vCPU thread leave the guest.
fn kick(thread: i32) {
    if thread == 0 {
        return;
    }
    // SAFETY: the call touches no memory of ours; a thread that is gone makes it fail.
    #[allow(unsafe_code)]
    unsafe {
        libc::syscall(libc::SYS_tgkill, getpid().as_raw(), thread, kick_signal());
    }
}
