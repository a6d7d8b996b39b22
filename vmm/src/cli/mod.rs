//! The command line: one file a command.

mod compare;
mod doctor;
pub mod exit;
mod guest;
mod host;
mod nested;
mod path;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::streams::say;

/// Boots Linux test guests and sets one NIC model against another.
#[derive(Debug, Parser)]
#[command(name = "nicvmm", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Doctor(doctor::DoctorArgs),
    Guest(guest::GuestArgs),
    Nested(nested::NestedArgs),
    Run(run::RunArgs),
    Compare(Box<compare::CompareArgs>),
    Path(path::PathCommand),
}

/// Runs the program; the answer is its exit status.
pub fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("NICVMM_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .without_time()
        .with_target(false)
        .init();
    let result = match Cli::parse().command {
        Command::Doctor(args) => doctor::run(&args),
        Command::Guest(args) => guest::run(&args),
        Command::Nested(args) => nested::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Path(args) => path::run(&args),
    };
    result.unwrap_or_else(|error| {
        say(format_args!("nicvmm: {error:#}"));
        exit::FAULT.into()
    })
}
