//! `nicvmm generate` and `nicvmm completions`: what is made of the command line's own description.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, config};
use crate::streams::print;

const PROGRAM: &str = "nicvmm";

/// Prints a script that lets a shell complete nicvmm's command lines.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nicvmm completions bash >~/.local/share/bash-completion/completions/nicvmm
  nicvmm completions zsh >~/.zfunc/_nicvmm     with ~/.zfunc in $fpath
  nicvmm completions fish >~/.config/fish/completions/nicvmm.fish")]
pub struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Writes what packages ship beside the program: man pages, completions, the schema of `--config`.
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct GenerateArgs {
    /// Directory to write to; made if it is not there.
    directory: PathBuf,
}

/// Runs `nicvmm completions`.
pub fn completions(args: &CompletionsArgs) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), PROGRAM, &mut script);
    print(&String::from_utf8(script).context("the script is no text")?)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `nicvmm generate`.
pub fn run(args: &GenerateArgs) -> Result<ExitCode> {
    let cannot = || format!("cannot write to {}", args.directory.display());
    write(&args.directory).with_context(cannot)?;
    Ok(ExitCode::SUCCESS)
}

fn write(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Cli::command(), PROGRAM, directory)?;
    }
    let manual = directory.join("man1");
    fs::create_dir_all(&manual)?;
    clap_mangen::generate_to(Cli::command(), &manual)?;
    if let Some(command) = Cli::command().find_subcommand("run") {
        let schema = serde_json::to_string_pretty(&config::schema(command))? + "\n";
        fs::write(directory.join("run.schema.json"), schema)?;
    }
    Ok(())
}
