//! A machine that runs the payload.

use std::path::Path;
use std::time::Duration;

use devices::bus::Device;
use devices::net::{Backend, Null};
use devices::pci::Function;
use vm_memory::{Bytes, GuestAddress};
use vmm::machine::boot::Payload;
use vmm::machine::gdb::Listener;
use vmm::machine::{Ending, Machine};

use super::card::Card;
use super::contract::card::MEMORY_BAR;
use super::contract::{FACTS, FACTS_LENGTH, FAULT};
use super::outcome::{Exits, Outcome};
use super::require_kvm;

const MEMORY: u64 = 16 << 20;
/// How long a program may take on the slowest host.
const LIMIT: Duration = Duration::from_secs(30);

/// The payload's ELF file, with its symbols.
pub fn payload() -> &'static Path {
    Path::new(env!("NICVMM_PAYLOAD"))
}

/// A machine that has not started yet.
pub struct Guest(Machine);

impl Guest {
    /// A machine, or `None` where there can be none; then standard error says that the test that
    /// called is skipped, and why.
    pub fn new() -> Option<Self> {
        Self::with_cpus(1)
    }

    /// The same with more CPUs; the programs use the first one only.
    pub fn with_cpus(cpus: u8) -> Option<Self> {
        require_kvm().then(|| Self(Machine::new(MEMORY, cpus).expect("KVM makes a machine")))
    }

    /// Has it wait for a debugger.
    #[must_use]
    pub fn with_debugger(mut self, listener: Listener) -> Self {
        self.0.add_debugger(listener);
        self
    }

    /// Plugs in a test card; reads of its memory BAR may be served without leaving the guest.
    #[must_use]
    pub fn with_card(self) -> Self {
        let messages = self.0.messages(1).expect("KVM has a vector");
        self.with_nic(|_| Box::new(Card::new(messages)), Null, Some(MEMORY_BAR))
    }

    /// Plugs in the NIC that `make` makes for the machine, as [`Machine::add_nic`] does.
    #[must_use]
    pub fn with_nic(
        mut self,
        make: impl FnOnce(&Machine) -> Box<dyn Function>,
        backend: impl Backend + 'static,
        mirrored: Option<usize>,
    ) -> Self {
        let nic = make(&self.0);
        self.0.add_nic(nic, vec![Box::new(backend)], mirrored).expect("the NIC fits");
        self
    }

    /// Puts a device at `length` ports from `base`.
    #[must_use]
    pub fn with_ports(self, base: u16, length: u64, device: impl Device + 'static) -> Self {
        self.0.add_ports(base.into(), length, device).expect("the ports are free");
        self
    }

    /// Runs a program of the payload, named with its arguments by `command_line`.
    ///
    /// # Panics
    /// If the program does not end by itself: the message says how it ended.
    pub fn run(self, command_line: &str) -> Outcome {
        self.attempt(command_line)
            .unwrap_or_else(|complaint| panic!("program {command_line:?}: {complaint}"))
    }

    /// Runs a program that may end in any way; an error says how it ended, and what it had found.
    pub fn attempt(mut self, command_line: &str) -> Result<Outcome, String> {
        let payload = Payload {
            kernel: payload().into(),
            command_line: command_line.into(),
            ..Payload::default()
        };
        self.0.boot(&payload).expect("the payload loads");
        let (memory, exits) = (self.0.memory().clone(), self.0.exits());
        let ending = self.0.run(Some(LIMIT)).expect("the machine runs");
        let mut facts = vec![0; FACTS_LENGTH];
        let mut fault = [0; 32];
        memory.read_slice(&mut facts, GuestAddress(FACTS)).expect("facts are in RAM");
        memory.read_slice(&mut fault, GuestAddress(FAULT)).expect("the fault is in RAM");
        let outcome = Outcome::new(&facts, Exits::from(&*exits));
        if ending == Ending::PowerOff {
            Ok(outcome)
        } else {
            Err(format!("{ending}{}\n{outcome}", describe_fault(&fault)))
        }
    }
}

fn describe_fault(record: &[u8]) -> String {
    let words: Vec<u64> =
        record.chunks_exact(8).map(|b| u64::from_le_bytes(b.try_into().expect("8"))).collect();
    match words[..] {
        [0, ..] => String::new(),
        [vector, error, rip, cr2] => format!(
            " after exception {} with error code {error:#x} at {rip:#x}, CR2 {cr2:#x}",
            vector - 1
        ),
        _ => unreachable!("the record has four words"),
    }
}
