//! `nicvmm compare`: the same download over different NICs.

mod plan;
mod results;

use std::fmt::Display;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::exit;
use super::host::{Host, directory_of, enter_nested, line_of, same_command};
use super::time::time;
use crate::lab::outcome::RunOutcome;
use crate::lab::scenario::file::{FILE_MIB, FILE_MIB_MAX, SECONDS, Seconds};
use crate::lab::scenario::profile::{MTU_MAX, MTU_MIN, Profile, profiles};
use crate::lab::scenario::{find, library};
use crate::lab::{
    Measured, Progress, SignalWatch, Stop, Story, Variant, Vmm, host_facts, measure, report, story,
};
use crate::nested::{Request, is_inside};
use crate::path::units::Rate;
use crate::path::{IcmpPolicy, MssClamp};
use crate::streams::{print, say};
use plan::Task;
use results::Results;

/// Sets NICs against each other: all else the same, and another NIC.
///
/// A server guest with the NIC in question offers a file over HTTP, a client guest behind a router
/// with a smaller MTU fetches it with GNU wget. Shown for each variant: goodput, what the router
/// dropped and answered, segment sizes, retransmits, and what it means.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  nicvmm compare                                  the 2022 incident, the corrected NIC, virtio-net
  nicvmm compare --mtu 1492 --runs 3              behind PPPoE, three interleaved runs each
  nicvmm compare --variant virtio-net --variant qemu:e1000 --json result.json
  nicvmm compare incident                         the whole report, row by row
  nicvmm compare incident/row-07                  the route with the locked MTU
  nicvmm compare incident/row-01 --variant qemu:rtl8139   your hypervisor's NIC beside it
  nicvmm compare incident --json all.json --html all.html
  nicvmm compare --from all.json --markdown all.md        the same result once more, another way
  nicvmm compare physics --resume runs.json       long; stopped, the same command goes on
  nicvmm compare --show incident/row-07 >mine.toml && nicvmm compare mine.toml

Exit status: 0 all runs made and all expectations met, 1 an expectation was not met, 124 something
took too long, 125 the lab could not go on, 126 the nested machine was lost each time it was tried,
128 + N stopped by signal N; what was finished until then is still shown and written, and after 126
is in the files of --json and --resume.")]
pub struct CompareArgs {
    /// Scenarios: names or groups of --list, or files or directories of your own. They say what is
    /// compared and what has to come out.
    #[arg(value_name = "SCENARIO",
          conflicts_with_all = ["mtu", "delay", "rate", "mss_clamp", "icmp", "profile"])]
    scenarios: Vec<String>,
    /// Lists the scenarios and path profiles that come with the program.
    #[arg(long, exclusive = true)]
    list: bool,
    /// Prints the file of a scenario that comes with the program.
    #[arg(long, value_name = "SCENARIO", exclusive = true)]
    show: Option<String>,
    /// NIC of the server guest, as [VMM:]MODEL[,KEY=VALUE...]; repeat it to compare several. The
    /// others are compared with the first. With a SCENARIO, NICs that join it under the conditions
    /// of its first variant. [default: rtl8139,tso=mtu1500 rtl8139,tso=mss virtio-net]
    #[arg(long = "variant", value_name = "NIC")]
    variants: Vec<Variant>,
    /// VMM of variants that do not name one: nicvmm or qemu.
    #[arg(long, value_name = "VMM", default_value = "nicvmm")]
    vmm: Vmm,
    /// Path as people know it, by a name of --list; the options below change parts of it.
    #[arg(long, value_name = "NAME")]
    profile: Option<Profile>,
    /// MTU of the path towards the client, bytes. [default: 1420]
    #[arg(long, value_name = "BYTES",
          value_parser = clap::value_parser!(u16).range(i64::from(MTU_MIN)..=i64::from(MTU_MAX)))]
    mtu: Option<u16>,
    /// Delay of the path, each way. [default: 12ms]
    #[arg(long, value_name = "TIME")]
    delay: Option<humantime::Duration>,
    /// Rate limit of the path, such as 50mbit. [default: none]
    #[arg(long, value_name = "RATE", value_parser = written::<Rate>)]
    rate: Option<String>,
    /// MSS that the path clamps SYNs to, as tunnel routers do: bytes, or pmtu. [default: none]
    #[arg(long, value_name = "BYTES|pmtu", value_parser = written::<MssClamp>)]
    mss_clamp: Option<String>,
    /// Which too-big packets the router answers: all (as Linux), none, every=TIME, cisco or junos.
    /// [default: all]
    #[arg(long, value_name = "POLICY", value_parser = written::<IcmpPolicy>)]
    icmp: Option<String>,
    /// The longest a download may take, seconds. [default: 10, or the scenario's]
    #[arg(long, value_name = "N", value_parser = seconds)]
    seconds: Option<f64>,
    /// Runs of each variant, interleaved: A B C A B C. [default: 1, or the scenario's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: Option<u32>,
    /// Rounds over all variants before the runs, whose figures are thrown away.
    #[arg(long, value_name = "N", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(0..=100))]
    warm_up: u32,
    /// Size of the file, MiB; both guests hold it in memory. [default: 64, or the scenario's]
    #[arg(long, value_name = "MIB",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(FILE_MIB_MAX)))]
    file_size: Option<u32>,
    /// Where guests run: on /dev/kvm, or in a nested software machine. `auto` takes the first that
    /// works.
    #[arg(long, value_enum, default_value_t = Host::Auto)]
    host: Host,
    /// Runs guests by QEMU's translator, without KVM; for variants under qemu only.
    #[arg(long, conflicts_with = "host")]
    tcg: bool,
    /// Writes the result as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the result as Markdown, for an issue.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Writes the result as one page with plots, that needs no network.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Measures nothing: shows and writes the result in this file, which --json wrote.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scenarios", "variants", "keep", "runs"])]
    from: Option<PathBuf>,
    /// Keeps every finished run in this file, and measures no run again that is in it already: a
    /// comparison that was stopped goes on where it was.
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    resume: Option<PathBuf>,
    /// Leaves consoles, logs and the path's counters of every run in this directory.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Captures what passes both ends of the path as pcapng, in the directory of --keep.
    #[arg(long, requires = "keep")]
    pcap: bool,
    /// Image of both guests other than the default one: a name of `nicvmm guest list`, or the
    /// beginning of it.
    #[arg(long, value_name = "NAME", conflicts_with = "kernel")]
    guest: Option<String>,
    /// Kernel of both guests. [default: the default guest's]
    #[arg(long, value_name = "FILE", requires = "initrd")]
    kernel: Option<PathBuf>,
    /// Initial file system of both guests. [default: the default guest's]
    #[arg(long, value_name = "FILE", requires = "kernel")]
    initrd: Option<PathBuf>,
    /// The longest a guest may take to boot. [default: 180s; 90s in the nested machine, where a run
    /// whose guest hangs is tried again]
    #[arg(long, value_name = "TIME", value_parser = time)]
    boot_timeout: Option<Duration>,
    /// The longest the whole comparison may take. [default: as long as its parts may take]
    #[arg(long, value_name = "TIME", value_parser = time)]
    timeout: Option<Duration>,
    /// Shows no progress, only the result.
    #[arg(long, short)]
    quiet: bool,
}

/// Checks a text as the path will, and hands it on as it was written.
fn written<T: FromStr<Err: Display>>(text: &str) -> Result<String, String> {
    text.parse::<T>().map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn seconds(text: &str) -> Result<f64, &'static str> {
    text.parse::<Seconds>().map(|seconds| seconds.0)
}

/// How often the nested machine is started, should it fail: it goes on after the last finished run.
const NESTED_TRIES: u32 = 5;

/// Runs the command.
pub fn run(args: &CompareArgs) -> Result<ExitCode> {
    if args.list {
        print(&list()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(name) = &args.show {
        return show(name);
    }
    if let Some(file) = &args.from {
        return again(args, file);
    }
    let task = Task::of(args)?;
    if !args.tcg && args.host.is_nested(args.quiet)? {
        // Found out here, since in there it would take a while.
        task.plan(args)?;
        return nested(args);
    }
    let stop = Stop::default();
    let _signals = SignalWatch::start(&stop).context("cannot watch for signals")?;
    let plan = task.plan(args)?;
    let results = Results::prepare(args)?;
    let progress = Progress::new(args.quiet);
    let host = host_facts(if is_inside() { "nested" } else { plan.accelerator.name() });
    let earlier = match &args.resume {
        Some(file) => results::earlier(file, &plan, &host)?,
        None => Vec::new(),
    };
    let there = count(&earlier);
    if there > 0 {
        progress.warn(&format!("{there} runs were made before; going on after them"));
    }
    let story = |measured: &Measured| match &task {
        Task::Variants(_) => Story::of(measured.whole(&plan, host.clone())),
        Task::Scenarios(schedule) => schedule.story(&plan, measured, host.clone()),
    };
    let measured = measure(&plan, earlier, &progress, &stop, |so_far| {
        if let Err(error) = results.write_so_far(&story(so_far)) {
            progress.warn(&format!("{error:#}"));
        }
    });
    let story = story(&measured);
    let gets_on = count(&measured.runs) > there;
    if let Some(error) = &measured.error
        && is_inside()
        && args.resume.is_some()
        && gets_on
        && error.is_of_a_guest()
    {
        // Another machine goes on from the file, and tells all.
        say(format_args!("nicvmm: {error}"));
        results.write(&story)?;
        return Ok(exit::LOST.into());
    }
    tell(&story)?;
    results.write(&story)?;
    Ok(match measured.error {
        Some(error) => {
            say(format_args!("nicvmm: {error}"));
            error.exit_status().into()
        }
        None => status(&story),
    })
}

fn count(runs: &[Vec<RunOutcome>]) -> usize {
    runs.iter().map(Vec::len).sum()
}

/// Does all of it in the nested machine. Where no file was named for it, finished runs are kept for as
/// long as this takes: that machine may fail, and the next one goes on after them.
fn nested(args: &CompareArgs) -> Result<ExitCode> {
    let words: Vec<_> = std::env::args_os().collect();
    let (mut line, mut writable) = (line_of(&words), writable(args)?);
    let kept = tempfile::tempdir().context("cannot make a temporary directory")?;
    if args.resume.is_none() {
        line = line.with("resume", kept.path().join("runs.json"));
        writable.push(kept.path().to_owned());
    }
    let request = Request { writable, ..same_command(line)? };
    enter_nested(&request, NESTED_TRIES, args.quiet)
}

/// Shows and writes a result that was measured earlier.
fn again(args: &CompareArgs, file: &Path) -> Result<ExitCode> {
    let story = results::read(file)?;
    let results = Results::prepare(args)?;
    tell(&story)?;
    results.write(&story)?;
    Ok(status(&story))
}

fn status(story: &Story) -> ExitCode {
    if story.holds() { ExitCode::SUCCESS } else { exit::NOT_AS_EXPECTED.into() }
}

/// Shows the result; nothing if no run was finished.
fn tell(story: &Story) -> Result<()> {
    let text = match &story.chapters[..] {
        chapters if chapters.iter().all(|chapter| chapter.variants.is_empty()) => return Ok(()),
        [chapter] if chapter.scenario.is_none() => report::render(chapter),
        _ => story::render(story),
    };
    print(&text).context("cannot write to standard output")
}

/// Directories that results go to.
fn writable(args: &CompareArgs) -> Result<Vec<PathBuf>> {
    let files = [&args.json, &args.markdown, &args.html, &args.resume].into_iter().flatten();
    let mut writable: Vec<PathBuf> = files.map(|file| directory_of(file)).collect();
    if let Some(directory) = &args.keep {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        writable.push(directory.clone());
    }
    Ok(writable)
}

/// The scenarios and profiles that come with the program.
fn list() -> Result<String> {
    let mut text =
        String::from("Scenarios, for `nicvmm compare NAME`; a group's name runs all of it\n");
    let mut group = "";
    for entry in &library::ENTRIES {
        let (of, _) = entry.name.split_once('/').unwrap_or_default();
        if of != group {
            group = of;
            let _ = writeln!(text, "\n{group}");
        }
        for scenario in find(entry.name)? {
            let _ = writeln!(text, "  {:<29} {}", scenario.name, scenario.title);
        }
    }
    text.push_str("\nPaths, for `nicvmm compare --profile NAME` and for scenarios\n\n");
    for Profile { name, about, path } in profiles() {
        let _ =
            writeln!(text, "  {name:<13} {about}\n  {:<13} {}", "", report::path(&path.facts()));
    }
    Ok(text)
}

fn show(name: &str) -> Result<ExitCode> {
    let Some(text) = library::text(name) else {
        // Either an error about the name, or a group or a file.
        find(name)?;
        bail!("`{name}` is not one scenario of --list");
    };
    print(text)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
