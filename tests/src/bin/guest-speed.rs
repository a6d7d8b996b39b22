//! How fast bytes get in and out of a stock guest of ours, and of QEMU's: prints a table, and writes
//! everything as JSON.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use indicatif::ProgressBar;
use serde_json::json;
use tests::guest_speed::{Group, Kind, Machine, Row, groups, table};
use tests::linux::rerun_in;
use tests::program::again;
use vmm::guest::Guest;

/// Boots the same guest in nicvmm and in QEMU, and has them transfer and copy in turns. Where KVM cannot
/// run Linux, does so in the nested machine.
#[derive(Parser)]
struct Arguments {
    /// Runs of each workload in each VMM
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only workloads whose name has this in it
    #[arg(long, default_value = "")]
    only: String,
    /// Where to write the figures
    #[arg(long, value_name = "FILE", default_value = "target/guest-speed.json")]
    json: PathBuf,
}

/// How often a group is tried: nested guests freeze now and then.
const TRIES: usize = 3;

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { rounds, only, json } = Arguments::parse();
    let json = std::path::absolute(json)?;
    let directory = json.parent().context("the figures go into a file")?;
    std::fs::create_dir_all(directory)?;
    let again = ["--rounds", &rounds.to_string(), "--only", &only, "--json"];
    let file = json.display().to_string();
    if let Some(status) = rerun_in(directory, &[&again[..], &[&file]].concat()) {
        return Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let guest = vmm::guest::default(&ProgressBar::hidden())?;
    let (mut rows, mut version) = (Vec::new(), None);
    for group in groups() {
        let jobs = group.jobs.iter().copied();
        let empty = |job| Row { group, job, ours: Vec::new(), theirs: Vec::new() };
        let wanted: Vec<Row> = jobs.map(empty).filter(|row| row.name().contains(&only)).collect();
        if wanted.is_empty() {
            continue;
        }
        let (measured, qemu) = measured(group, &wanted, rounds, &guest)?;
        eprint!("{}", table(&measured).split_inclusive('\n').skip(2).collect::<String>());
        rows.extend(measured);
        version = qemu.or(version);
        // A run that is cut off leaves what it has.
        let figures: Vec<_> = rows.iter().map(Row::json).collect();
        let all = json!({ "qemu": version, "rounds": rounds, "rows": figures });
        std::fs::write(&json, serde_json::to_string_pretty(&all)? + "\n")?;
    }
    println!("{}", table(&rows));
    println!("everything is in {}", json.display());
    Ok(ExitCode::SUCCESS)
}

/// The rows with their samples, and QEMU's version.
fn measured(
    group: Group,
    rows: &[Row],
    rounds: usize,
    guest: &Guest,
) -> anyhow::Result<(Vec<Row>, Option<String>)> {
    let mut attempt = 1;
    loop {
        match measure(group, rows, rounds, guest) {
            Err(error) if attempt < TRIES => {
                again(&format!("{}: {error:#}", group.device), attempt);
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

fn measure(
    group: Group,
    rows: &[Row],
    rounds: usize,
    guest: &Guest,
) -> anyhow::Result<(Vec<Row>, Option<String>)> {
    let mut ours = Machine::boot(Kind::Nicvmm, group.device, 1, guest)?;
    let mut theirs = Machine::boot(Kind::Qemu, group.device, 2, guest)?;
    let mut rows = rows.to_vec();
    for row in &mut rows {
        // Once without a look: caches fill, images get their blocks.
        ours.run(row.job)?;
        theirs.run(row.job)?;
        for _ in 0..rounds {
            row.ours.push(ours.run(row.job)?);
            row.theirs.push(theirs.run(row.job)?);
        }
    }
    Ok((rows, theirs.version().map(str::to_owned)))
}
