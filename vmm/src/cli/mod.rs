//! The command line: one file a command.

mod compare;
pub mod config;
mod doctor;
pub mod exit;
mod generate;
mod guest;
mod host;
mod line;
mod nested;
mod output;
mod path;
mod run;
mod time;
mod walls;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::streams::{print, say};

/// Boots Linux test guests and sets one NIC model against another.
#[derive(Debug, Parser)]
#[command(name = "nicvmm", version = crate::VERSION, max_term_width = 100)]
#[command(after_help = "\
Examples:
  nicvmm run -- uname -a
  nicvmm compare
Each command has more of them in its --help. NICVMM_LOG=info makes any say more.")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::RunArgs>),
    Compare(Box<compare::CompareArgs>),
    Path(Box<path::PathCommand>),
    Nested(nested::NestedArgs),
    Guest(guest::GuestArgs),
    Doctor(doctor::DoctorArgs),
    Completions(generate::CompletionsArgs),
    Generate(generate::GenerateArgs),
}

/// Prints the options of the subcommand as a file for `--config`.
fn show_config(matches: &clap::ArgMatches) -> anyhow::Result<ExitCode> {
    let program = Cli::command();
    if let Some((name, matches)) = matches.subcommand()
        && let Some(command) = program.find_subcommand(name)
    {
        print(&config::show(command, matches))?;
    }
    Ok(ExitCode::SUCCESS)
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
        // It would complain by a panic where nobody reads standard error any more.
        .log_internal_errors(false)
        .init();
    let line = match config::expand(&Cli::command(), std::env::args_os().collect()) {
        Ok(line) => line,
        Err(error) => {
            say(format_args!("nicvmm: {error}"));
            return exit::USAGE.into();
        }
    };
    let matches = Cli::command().get_matches_from(&line);
    let command = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.command,
        Err(error) => error.exit(),
    };
    let result = match command {
        Command::Run(args) if args.print_config => show_config(&matches),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => generate::completions(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Guest(args) => guest::run(&args),
        Command::Nested(args) => nested::run(&args),
        Command::Run(args) => run::run(&args, &line),
        Command::Compare(args) => compare::run(&args),
        Command::Path(args) => path::run(&args),
    };
    result.unwrap_or_else(|error| {
        say(format_args!("nicvmm: {error:#}"));
        exit::FAULT.into()
    })
}

#[cfg(test)]
#[path = "cli_tests.rs"]
mod tests;
