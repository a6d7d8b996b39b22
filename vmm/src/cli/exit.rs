//! Exit statuses. They are part of the interface: scripts tell by them how a guest ended.

use std::process::ExitCode;

use crate::machine::Ending;

/// A comparison did not come out as its scenario expects.
pub const NOT_AS_EXPECTED: u8 = 1;
/// The command line, or a file of options, is wrong.
pub const USAGE: u8 = 2;
/// The sandbox stopped nicvmm.
pub const SANDBOX: u8 = crate::sandbox::STATUS;
/// The guest asked for a reset.
pub const RESET: u8 = 120;
/// The guest's kernel panicked.
pub const PANIC: u8 = 121;
/// The guest died of a triple fault.
pub const TRIPLE_FAULT: u8 = 122;
/// KVM could not go on with the guest.
pub const KVM_ERROR: u8 = 123;
/// A time limit passed.
pub const TIME_OUT: u8 = 124;
/// nicvmm itself, or what it was given, is at fault.
pub const FAULT: u8 = 125;
/// The nested machine hung or died; the same may work when tried again.
pub const LOST: u8 = 126;
/// A termination signal arrived: this plus its number.
pub const SIGNAL: u8 = 128;

/// The table, as `--help` shows it.
pub const HELP: &str = "\
Exit status:
  0        the guest powered off; with a COMMAND, the command's own status
  2        the command line, or the file of --config, is wrong
  119      the sandbox stopped nicvmm: a bug, or a guest that took control of it
  120      the guest asked for a reset
  121      the guest's kernel panicked
  122      the guest died of a triple fault
  123      KVM could not go on with the guest
  124      the time limit passed
  125      nicvmm or what it was given is at fault; nothing ran, or it could not go on
  126      the nested machine hung or died, as its emulation does now and then: try again
  128+N    stopped by signal N (130 SIGINT, 143 SIGTERM)";

/// The exit status that stands for how a guest ended.
pub fn of(ending: &Ending) -> ExitCode {
    match ending {
        Ending::PowerOff | Ending::Stopped => ExitCode::SUCCESS,
        Ending::Reset => RESET.into(),
        Ending::Panic => PANIC.into(),
        Ending::TripleFault => TRIPLE_FAULT.into(),
        Ending::KvmError(_) => KVM_ERROR.into(),
        Ending::TimeOut => TIME_OUT.into(),
        Ending::Signal(number) => SIGNAL.wrapping_add(*number as u8).into(),
    }
}
