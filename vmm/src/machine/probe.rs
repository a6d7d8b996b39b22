//! Finds out by trying whether this host's KVM can run Linux.
//!
//! There are software KVMs that have every capability asked for and run a guest's ring 0 in an
//! instruction emulator: slowly, and not all of it. No flag tells. So a guest of twenty
//! instructions does what Linux does while it boots: a CMPXCHG16B, a breakpoint that is handled,
//! and a loop that has to be fast.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use devices::bus::{Action, Device};
use devices::sync::lock;
use nix::sys::signal::{Signal, kill};
use nix::unistd::getpid;
use vm_memory::{Bytes, GuestAddress};

use super::boot::Entry;
use super::error::{Error, Result};
use super::{Ending, Machine, cpu, layout};

/// Whether Linux can run on this host's KVM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It can.
    Yes,
    /// It cannot, for this reason.
    No(String),
}

const MEMORY: u64 = 2 << 20;
const CODE: u64 = layout::HIGH_MEMORY;
/// What CMPXCHG16B exchanges; aligned, zero.
const OPERAND: u32 = CODE as u32 + 0x1000;
/// Interrupt table: gates up to that of the breakpoint.
const IDT: u64 = CODE + 0x2000;
const BREAKPOINT: u64 = 3;
const GATE: u64 = 16;
/// A present 64-bit interrupt gate (its type byte) to the boot code segment.
const INTERRUPT_GATE: u64 = 0x8e << 40 | 0x10 << 16;

/// Turns of the loop that is timed.
const TURNS: u32 = 20_000;
/// Times that it is timed: the best counts, since the host may be busy.
const ROUNDS: usize = 3;
/// A CPU takes tens of microseconds for all turns, one that QEMU emulates 200, and an emulator of
/// single instructions 30 milliseconds.
const TOO_SLOW: Duration = Duration::from_millis(10);
/// A guest that is stuck is given up after this time.
const LIMIT: Duration = Duration::from_secs(2);

/// A port where nothing else is: a write is noted with its time.
const STOPWATCH: u16 = 0x700;
/// The PM1 control register, and what written to it powers off.
const PM1_CONTROL: u32 = layout::POWER as u32 + 4;
const POWER_OFF: u32 = 5 << 10 | 1 << 13;

/// Makes a machine, runs the guest in it and judges how it ended. Takes some tens of milliseconds.
///
/// An error means that there is no machine to be had at all.
pub fn can_run_linux() -> Result<Verdict> {
    let mut machine = Machine::new(MEMORY, 1)?;
    let stopwatch = Stopwatch::default();
    machine.add_ports(STOPWATCH.into(), 1, stopwatch.clone())?;
    load(&mut machine)?;
    Ok(match machine.run(Some(LIMIT))? {
        Ending::PowerOff => judge(stopwatch.fastest()),
        // Not ours to answer: whoever runs next finds the signal waiting.
        Ending::Signal(number) => {
            let signal = Signal::try_from(number).ok();
            kill(getpid(), signal).map_err(|e| Error::System("pass a signal on", e.into()))?;
            Verdict::Yes
        }
        Ending::KvmError(what) => Verdict::No(what),
        Ending::TimeOut => Verdict::No(format!("a trial guest hung for {LIMIT:?}")),
        ending => Verdict::No(format!("a trial guest failed: {ending}")),
    })
}

fn judge(fastest: Option<Duration>) -> Verdict {
    match fastest {
        Some(time) if time < TOO_SLOW => Verdict::Yes,
        Some(time) => Verdict::No(format!(
            "guest code is emulated: {TURNS} turns of a loop took {time:?}, not less than \
             {TOO_SLOW:?}"
        )),
        None => Verdict::No("a trial guest skipped its code".into()),
    }
}

fn load(machine: &mut Machine) -> Result<()> {
    let code = code();
    let handler = CODE + code.len() as u64 - HANDLER.len() as u64;
    let gate = handler & 0xffff | (handler >> 16 & 0xffff) << 48 | INTERRUPT_GATE;
    let memory = &machine.memory;
    memory
        .write_slice(&code, GuestAddress(CODE))
        .and_then(|()| memory.write_obj(gate, GuestAddress(IDT + GATE * BREAKPOINT)))
        .map_err(|_| Error::TooSmall(CODE, "the trial guest"))?;
    let Some(vcpu) = machine.vcpus.first() else { return Ok(()) };
    cpu::start(vcpu, memory, Entry { address: CODE, argument: 0 })?;
    let refused = |error| Error::Kvm("set the interrupt table", error);
    let mut registers = vcpu.get_sregs().map_err(refused)?;
    registers.idt.base = IDT;
    registers.idt.limit = (GATE * (BREAKPOINT + 1) - 1) as u16;
    vcpu.set_sregs(&registers).map_err(refused)
}

const HANDLER: [u8; 2] = [0x48, 0xcf]; // iretq

fn code() -> Vec<u8> {
    let [o0, o1, o2, o3] = OPERAND.to_le_bytes();
    let [s0, s1] = STOPWATCH.to_le_bytes();
    let [t0, t1, t2, t3] = TURNS.to_le_bytes();
    let [p0, p1, p2, p3] = PM1_CONTROL.to_le_bytes();
    let [v0, v1, v2, v3] = POWER_OFF.to_le_bytes();
    let instructions: &[&[u8]] = &[
        &[0xbf, o0, o1, o2, o3],         // mov edi, OPERAND
        &[0x31, 0xc0],                   // xor eax, eax
        &[0x31, 0xd2],                   // xor edx, edx
        &[0x31, 0xdb],                   // xor ebx, ebx
        &[0x31, 0xc9],                   // xor ecx, ecx
        &[0xf0, 0x48, 0x0f, 0xc7, 0x0f], // lock cmpxchg16b [rdi]
        &[0xcc],                         // int3
        &[0x66, 0xba, s0, s1],           // mov dx, STOPWATCH
    ];
    let round: &[&[u8]] = &[
        &[0xee],                 // out dx, al
        &[0xb9, t0, t1, t2, t3], // mov ecx, TURNS
        &[0xff, 0xc9],           // 1: dec ecx
        &[0x75, 0xfc],           // jnz 1b
    ];
    let end: &[&[u8]] = &[
        &[0xee],                 // out dx, al
        &[0xba, p0, p1, p2, p3], // mov edx, PM1_CONTROL
        &[0xb8, v0, v1, v2, v3], // mov eax, POWER_OFF
        &[0x66, 0xef],           // out dx, ax
        &[0xf4],                 // hlt
        &HANDLER,
    ];
    [instructions.concat(), round.concat().repeat(ROUNDS), end.concat()].concat()
}

/// Notes when the guest starts and ends each round.
#[derive(Clone, Default)]
struct Stopwatch(Arc<Mutex<Vec<Instant>>>);

impl Stopwatch {
    fn fastest(&self) -> Option<Duration> {
        let times = lock(&self.0);
        times.windows(2).map(|pair| pair[1] - pair[0]).min()
    }
}

impl Device for Stopwatch {
    fn read(&mut self, _offset: u64, data: &mut [u8]) {
        data.fill(0xff);
    }

    fn write(&mut self, _offset: u64, _data: &[u8]) -> Action {
        let mut times = lock(&self.0);
        if times.len() <= ROUNDS {
            times.push(Instant::now());
        }
        Action::None
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
