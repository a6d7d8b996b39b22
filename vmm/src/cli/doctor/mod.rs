//! `nicvmm doctor`: whether guests can run here, and what is missing for what.
//!
//! Every [`Check`] looks at one thing, by trying where trying is possible, and says what it found in a
//! line, with the remedy. [`conclude`] draws from them whether `run` and `compare` would work; a script
//! reads it from the exit status.

mod check;
mod guest;
mod host;
mod kvm;

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::host::{Host, Trial};
use crate::machine::probe::can_run_linux;
use crate::streams::print;
use check::{Check, Level};

/// Tells whether guests can run here, and what is missing for what.
///
/// Tries out /dev/kvm with a guest of twenty instructions, and looks for the programs, devices and
/// rights that parts of nicvmm need. Changes nothing and takes well under two seconds.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nicvmm doctor
  nicvmm doctor --json
  nicvmm doctor --host kvm && nicvmm compare --host kvm    only where the hardware does it

Exit status: 0 `nicvmm run` and `nicvmm compare` work here, 1 they do not.")]
pub struct DoctorArgs {
    /// Where guests would run, as `run` and `compare` take it.
    #[arg(long, value_enum, default_value_t = Host::Auto)]
    host: Host,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
}

/// What is wrong here stands in the way of `run` and `compare`.
const BROKEN: u8 = 1;

/// Everything that was found.
#[derive(Debug, Serialize)]
struct Diagnosis {
    schema: &'static str,
    /// Whether `run` and `compare` would work.
    works: bool,
    /// Where guests would run: `kvm` or `nested`.
    host: Option<&'static str>,
    nicvmm: &'static str,
    checks: Vec<Check>,
}

/// Runs the command.
pub fn run(args: &DoctorArgs) -> Result<ExitCode> {
    let trial = can_run_linux();
    let checks = vec![
        kvm::check(&trial),
        kvm::nesting(),
        host::qemu(),
        guest::image(),
        guest::disk(),
        host::memory(),
        host::tun(),
        host::vhost(),
        host::passt(),
        host::virtiofsd(),
    ];
    let diagnosis = conclude(args.host, &trial, checks);
    let text = if args.json {
        serde_json::to_string_pretty(&diagnosis)? + "\n"
    } else {
        describe(&diagnosis)
    };
    print(&text)?;
    Ok(if diagnosis.works { ExitCode::SUCCESS } else { BROKEN.into() })
}

/// What the checks mean for `run` and `compare`; what stands in the way becomes a failure.
fn conclude(wanted: Host, trial: &Trial, mut checks: Vec<Check>) -> Diagnosis {
    let nested = wanted.prefers_nested(trial);
    let (place, needed) = if nested { ("nested", host::QEMU) } else { ("kvm", kvm::NAME) };
    let host = (level(&checks, needed) == Level::Ok).then_some(place);
    for check in &mut checks {
        if check.name == needed && host.is_none() {
            check.level = Level::Failed;
        }
        // A right for /dev/kvm is not missed by who did not ask for it.
        if check.name == kvm::NAME && nested && check.level == Level::Failed {
            check.level = Level::Missing;
        }
    }
    let works = host.is_some() && checks.iter().all(|check| check.level != Level::Failed);
    let (schema, nicvmm) = ("nicvmm-doctor/1", crate::VERSION);
    Diagnosis { schema, works, host, nicvmm, checks }
}

fn level(checks: &[Check], name: &str) -> Level {
    checks.iter().find(|check| check.name == name).map_or(Level::Missing, |check| check.level)
}

fn describe(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for check in &diagnosis.checks {
        let _ = writeln!(text, "{check}");
    }
    let place = match diagnosis.host {
        Some("nested") => " in a nested software machine, much slower than with hardware",
        _ => " on /dev/kvm",
    };
    let _ = if diagnosis.works {
        writeln!(text, "\nnicvmm run and nicvmm compare work here,{place}.")
    } else {
        writeln!(text, "\nnicvmm run and nicvmm compare do not work here: see what is marked FAIL.")
    };
    text
}

#[cfg(test)]
#[path = "doctor_tests.rs"]
mod tests;
