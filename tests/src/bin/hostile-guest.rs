//! A guest that means harm, for long: ten minutes a seed, eight seeds. Fails where nicvmm ended by
//! itself, took more memory than it may, or a guest beside it noticed.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tests::hostile::{MEMORY_MIB, torment};

/// Has hostile guests run on this host's own KVM.
#[derive(Parser)]
struct Args {
    /// Seconds a seed.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Seeds, from the first one on.
    #[arg(long, default_value_t = 8)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
}

fn main() -> ExitCode {
    let Args { seconds, seeds, first } = Args::parse();
    println!("{seconds} s a seed; at most {MEMORY_MIB} MiB beside the guest's memory");
    let mut harmed = false;
    for seed in first..first + seeds {
        let Some(report) = torment(seed, Duration::from_secs(seconds)) else {
            return ExitCode::FAILURE;
        };
        println!("seed {seed}: {report}");
        for complaint in report.complaints() {
            println!("  HARM {complaint}");
            harmed = true;
        }
    }
    if harmed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
