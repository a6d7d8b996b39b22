//! Holds our RTL8139 to QEMU's with as many scripts as there is time for.

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tests::differential::generate::{self, Limits};
use tests::differential::{
    Difference, Ours, Qemu, Script, Subject, Version, compare, profile, shrink, transcript,
};

/// Holds our RTL8139 to QEMU's, step by step.
#[derive(Parser)]
struct Arguments {
    /// Use QEMU 5.2, unpacked into this directory, instead of the installed one
    #[arg(long, global = true, value_name = "DIRECTORY")]
    unpacked_5_2: Option<PathBuf>,
    /// Compare with a second QEMU instead of our NIC, which shows what is not repeatable in QEMU
    #[arg(long, global = true)]
    itself: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compares on random scripts
    Random {
        /// The first seed
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// How many scripts
        #[arg(long, default_value_t = 20_000)]
        scripts: u64,
        /// Differences after which to stop
        #[arg(long, default_value_t = 1)]
        differences: usize,
    },
    /// Compares on the scripts in files
    Replay {
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Writes a random script to standard output
    Show {
        /// Its seed
        seed: u64,
    },
    /// Writes what QEMU answers to a script to standard output
    Record {
        /// The script
        file: PathBuf,
    },
}

struct Pair {
    qemu: Qemu,
    ours: Box<dyn Subject>,
}

impl Pair {
    fn difference(&mut self, script: &Script) -> anyhow::Result<Option<Difference>> {
        compare(&mut self.qemu, self.ours.as_mut(), script)
    }

    /// Shrinks a script that shows `first`, and tells of it.
    fn report(&mut self, name: &str, script: &Script, first: &Difference) -> anyhow::Result<()> {
        let small = shrink(script, |candidate| Ok(self.difference(candidate)?.is_some()))?;
        match self.difference(&small)? {
            Some(difference) => println!("# {name}\n{small}{difference}"),
            None => println!("# {name}, which comes and goes\n{script}{first}"),
        }
        Ok(())
    }

    /// Compares on the scripts of `seeds` until there are `most` differences; answers how many.
    fn random(&mut self, seeds: Range<u64>, limits: Limits, most: usize) -> anyhow::Result<usize> {
        let (start, mut scripts, mut steps, mut found) = (Instant::now(), 0, 0, 0);
        for seed in seeds {
            let script = generate::script(seed, limits);
            scripts += 1;
            steps += script.steps.len();
            let difference = self.difference(&script).with_context(|| format!("seed {seed}"))?;
            if let Some(first) = difference {
                self.report(&format!("seed {seed}"), &script, &first)?;
                found += 1;
                if found == most {
                    break;
                }
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        eprintln!("{scripts} scripts, {steps} steps, {found} differences, {seconds:.1} s");
        Ok(found)
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rtl8139-differential: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Does what is asked; answers how many scripts show a difference.
fn run(arguments: Arguments) -> anyhow::Result<usize> {
    let version = arguments.unpacked_5_2.map_or(Version::Installed, Version::Unpacked52);
    let limits = Limits::of(&version);
    if let Command::Show { seed } = arguments.command {
        print!("{}", generate::script(seed, limits));
        return Ok(0);
    }
    let qemu = Qemu::start(&version)?;
    let ours: Box<dyn Subject> = if arguments.itself {
        Box::new(Qemu::start(&version)?)
    } else {
        Box::new(Ours::new(profile(&version), version.owns_clock())?)
    };
    let mut pair = Pair { qemu, ours };
    let mut found = 0;
    match arguments.command {
        Command::Show { .. } => {}
        Command::Record { file } => {
            print!("{}", transcript::record(&mut pair.qemu, &Script::load(&file)?)?);
        }
        Command::Replay { files } => {
            for file in files {
                let script = Script::load(&file)?;
                let difference = pair.difference(&script);
                if let Some(difference) = difference.with_context(|| file.display().to_string())? {
                    println!("# {}\n{difference}", file.display());
                    found += 1;
                }
            }
        }
        Command::Random { seed, scripts, differences } => {
            found = pair.random(seed..seed.saturating_add(scripts), limits, differences)?;
        }
    }
    Ok(found)
}
