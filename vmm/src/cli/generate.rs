//! `nicvmm generate`: files that are made of the command line's own description, for packages.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};

use super::{Cli, config};

/// Writes what packages ship beside the program, made of its own help.
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct GenerateArgs {
    /// Directory to write to; made if it is not there.
    directory: PathBuf,
}

/// Runs the command.
pub fn run(args: &GenerateArgs) -> Result<ExitCode> {
    let directory = &args.directory;
    let cannot = || format!("cannot write to {}", directory.display());
    fs::create_dir_all(directory).with_context(cannot)?;
    let program = Cli::command();
    if let Some(command) = program.find_subcommand("run") {
        let schema = serde_json::to_string_pretty(&config::schema(command))? + "\n";
        fs::write(directory.join("run.schema.json"), schema).with_context(cannot)?;
    }
    Ok(ExitCode::SUCCESS)
}
