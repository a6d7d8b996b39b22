//! How fast our NICs are beside QEMU's: prints a table, and writes everything as JSON.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde_json::{Value, json};
use tests::bare_metal::require_kvm;
use tests::nic_bench::{Kind, Model, Row, Vm, baseline, points, table, workloads};

/// Runs the same guest in nicvmm and in QEMU, in turns, and compares what their NICs cost.
#[derive(Parser)]
struct Arguments {
    /// Runs of each workload in each VMM
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Ticks of the CPU's counter that a run lasts
    #[arg(long, default_value_t = 1_000_000_000)]
    ticks: u64,
    /// Only workloads whose name has this in it
    #[arg(long, default_value = "")]
    only: String,
    /// Leave QEMU out
    #[arg(long)]
    alone: bool,
    /// Where to write the figures
    #[arg(long, value_name = "FILE", default_value = "target/nic-bench.json")]
    json: PathBuf,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if !require_kvm() {
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = Vec::new();
    let wanted: Vec<_> = workloads()
        .into_iter()
        .filter(|workload| workload.to_string().contains(&arguments.only))
        .collect();
    let mut version = None;
    for group in wanted.chunk_by(|a, b| (a.model, a.wire) == (b.model, b.wire)) {
        let (model, wire) = (group[0].model, group[0].wire);
        let mut ours = Vm::start(Kind::Nicvmm, model, wire, 1)?;
        let mut theirs =
            if arguments.alone { None } else { Some(Vm::start(Kind::Qemu, model, wire, 1)?) };
        version = theirs.as_ref().and_then(Vm::version).map(str::to_owned).or(version);
        for workload in group {
            let (mut our_samples, mut their_samples, mut checksum) = (vec![], vec![], vec![]);
            for _ in 0..arguments.rounds {
                our_samples.extend(ours.run(workload, arguments.ticks)?);
                if let Some(qemu) = &mut theirs {
                    their_samples.extend(qemu.run(workload, arguments.ticks)?);
                }
                checksum.push(baseline()?);
            }
            let workload = *workload;
            let row = Row { workload, ours: our_samples, theirs: their_samples, checksum };
            eprintln!("{}", table(std::slice::from_ref(&row)).lines().last().unwrap_or_default());
            rows.push(row);
            // A run that is cut off leaves what it has.
            save(&arguments, version.as_deref(), &rows, &[])?;
        }
    }
    println!("{}", table(&rows));
    let mut growth = Vec::new();
    if arguments.only.is_empty() {
        for model in [Model::Rtl8139, Model::VirtioNet] {
            println!(
                "{model}, super-frames, no wire\n\n| guests | NICs each | CPU ns/B |\n|---|---|---|"
            );
            let points = points(model, arguments.rounds, arguments.ticks)?;
            for point in &points {
                println!("{point}");
            }
            println!();
            growth.push(json!({ "model": model.to_string(), "points": points }));
        }
    }
    save(&arguments, version.as_deref(), &rows, &growth)?;
    println!("everything is in {}", arguments.json.display());
    Ok(ExitCode::SUCCESS)
}

fn save(
    arguments: &Arguments,
    version: Option<&str>,
    rows: &[Row],
    growth: &[Value],
) -> anyhow::Result<()> {
    let figures: Vec<_> = rows.iter().map(Row::json).collect();
    let rounds = arguments.rounds;
    let all = json!({ "qemu": version, "rounds": rounds, "rows": figures, "growth": growth });
    Ok(std::fs::write(&arguments.json, serde_json::to_string_pretty(&all)? + "\n")?)
}
