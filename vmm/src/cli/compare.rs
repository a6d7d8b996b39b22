//! `nicvmm compare`: the same download over different NICs.

use std::fmt::Display;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use tempfile::NamedTempFile;

use super::host::{Host, directory_of, enter_nested};
use crate::lab::{
    Accelerator, Arm, Comparison, Download, Image, IpVersion, Limits, PathPlan, Plan, Progress,
    SignalWatch, Stop, Variant, Vmm, host_facts, measure, report,
};
use crate::nested::is_inside;
use crate::path::units::Rate;
use crate::path::{IcmpPolicy, MssClamp};

/// What is compared where nothing else was asked for.
const DEFAULT_VARIANTS: [&str; 3] = ["rtl8139,tso=mtu1500", "rtl8139,tso=mss", "virtio-net"];
/// The longest the path may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// The longest a command in a guest may take.
const COMMAND: Duration = Duration::from_secs(90);
/// IPv4's smallest MTU that every host must take; a path below it is not worth measuring.
const SMALLEST_MTU: u16 = 576;

/// Sets NICs against each other: the same guests, file and path, and another NIC in each variant.
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

Exit status: 0 all runs made, 124 something took too long, 125 the lab could not go on,
128 + N stopped by signal N; what was finished until then is still shown and written.")]
pub struct CompareArgs {
    /// NIC of the server guest, as [VMM:]MODEL[,KEY=VALUE...]; repeat it to compare several. The
    /// others are compared with the first. [default: rtl8139,tso=mtu1500 rtl8139,tso=mss virtio-net]
    #[arg(long = "variant", value_name = "NIC")]
    variants: Vec<Variant>,
    /// VMM of variants that do not name one: nicvmm or qemu.
    #[arg(long, value_name = "VMM", default_value = "nicvmm")]
    vmm: Vmm,
    /// MTU of the path towards the client, bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 1420,
          value_parser = clap::value_parser!(u16).range(i64::from(SMALLEST_MTU)..=1500))]
    mtu: u16,
    /// Delay of the path, each way.
    #[arg(long, value_name = "TIME", default_value = "12ms")]
    delay: humantime::Duration,
    /// Rate limit of the path, such as 50mbit. [default: none]
    #[arg(long, value_name = "RATE", value_parser = written::<Rate>)]
    rate: Option<String>,
    /// MSS that the path clamps SYNs to, as tunnel routers do: bytes, or pmtu. [default: none]
    #[arg(long, value_name = "BYTES|pmtu", value_parser = written::<MssClamp>)]
    mss_clamp: Option<String>,
    /// Which too-big packets the router answers: all (as Linux), none, every=TIME, cisco or junos.
    #[arg(long, value_name = "POLICY", default_value = "all", value_parser = written::<IcmpPolicy>)]
    icmp: String,
    /// The longest a download may take, seconds.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = seconds)]
    seconds: f64,
    /// Runs of each variant, interleaved: A B C A B C.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Size of the file, MiB; both guests hold it in memory.
    #[arg(long, value_name = "MIB", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(1..=128))]
    file_size: u32,
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
    /// Leaves consoles, logs and the path's counters of every run in this directory.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Captures what passes both ends of the path as pcapng, in the directory of --keep.
    #[arg(long, requires = "keep")]
    pcap: bool,
    /// Kernel of both guests. [default: the default guest's]
    #[arg(long, value_name = "FILE", requires = "initrd")]
    kernel: Option<PathBuf>,
    /// Initial file system of both guests. [default: the default guest's]
    #[arg(long, value_name = "FILE", requires = "kernel")]
    initrd: Option<PathBuf>,
    /// The longest a guest may take to boot.
    #[arg(long, value_name = "TIME", default_value = "180s")]
    boot_timeout: humantime::Duration,
    /// The longest the whole comparison may take. [default: as long as its parts may take]
    #[arg(long, value_name = "TIME")]
    timeout: Option<humantime::Duration>,
    /// Shows no progress, only the result.
    #[arg(long, short)]
    quiet: bool,
}

/// Checks a text as the path will, and hands it on as it was written.
fn written<T: FromStr<Err: Display>>(text: &str) -> Result<String, String> {
    text.parse::<T>().map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.5..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("not a number of seconds between 0.5 and 3600".to_owned()),
    }
}

/// Runs the command.
pub fn run(args: &CompareArgs) -> Result<ExitCode> {
    if !args.tcg && args.host.is_nested(args.quiet)? {
        // Found out here, since in there it would take a while.
        plan(args)?;
        let files = args.json.iter().map(|file| directory_of(file));
        let mut writable: Vec<PathBuf> = files.collect();
        if let Some(directory) = &args.keep {
            fs::create_dir_all(directory)
                .with_context(|| format!("cannot make {}", directory.display()))?;
            writable.push(directory.clone());
        }
        return enter_nested(writable, false);
    }
    let stop = Stop::default();
    let _signals = SignalWatch::start(&stop).context("cannot watch for signals")?;
    let plan = plan(args)?;
    let json = args.json.as_deref().map(Destination::prepare).transpose()?;
    let progress = Progress::new(args.quiet);
    let kind = if is_inside() { "nested" } else { plan.accelerator.name() };
    let measured = measure(&plan, &progress, &stop);
    let comparison = measured.whole(&plan, host_facts(kind));
    if !comparison.variants.is_empty() {
        print!("{}", report::render(&comparison));
    }
    std::io::stdout().flush().context("cannot write to standard output")?;
    if let Some(json) = json {
        json.write(&comparison)?;
    }
    Ok(match measured.error {
        None => ExitCode::SUCCESS,
        Some(error) => {
            eprintln!("nicvmm: {error}");
            error.exit_status().into()
        }
    })
}

fn plan(args: &CompareArgs) -> Result<Plan> {
    let written =
        if args.variants.is_empty() { default_variants(args.vmm) } else { args.variants.clone() };
    let variants: Vec<Variant> =
        written.iter().map(|variant| variant.under(args.vmm)).collect::<Result<_, _>>()?;
    let path = PathPlan {
        mtu: args.mtu,
        delay: args.delay.into(),
        rate: args.rate.clone(),
        mss_clamp: args.mss_clamp.clone(),
        icmp: args.icmp.clone(),
        ..PathPlan::default()
    };
    let time = Duration::from_secs_f64(args.seconds);
    let download = Download { time, file_mib: args.file_size, ip: IpVersion::V4 };
    let arm = |nic: Variant| Arm {
        name: nic.to_string(),
        nic,
        path: path.clone(),
        server: Vec::new(),
        download,
    };
    let boot = Duration::from(args.boot_timeout);
    let parts = boot + time + COMMAND * 4;
    let runs = args.runs * variants.len() as u32;
    Ok(Plan {
        accelerator: accelerator(args, &variants)?,
        image: image(args)?,
        runs: args.runs,
        limits: Limits {
            boot,
            silence: SILENCE,
            command: COMMAND,
            overall: args.timeout.map_or(parts * runs, Duration::from),
        },
        keep: args.keep.clone(),
        capture: args.pcap,
        program: std::env::current_exe().context("cannot find this program's own file")?,
        arms: variants.into_iter().map(arm).collect(),
    })
}

/// QEMU's rtl8139 has one cut only, so there the incident is compared with what it is.
fn default_variants(vmm: Vmm) -> Vec<Variant> {
    let written: &[&str] = match vmm {
        Vmm::Nicvmm => &DEFAULT_VARIANTS,
        Vmm::Qemu => &["rtl8139", "virtio-net"],
    };
    written.iter().filter_map(|text| text.parse().ok()).collect()
}

fn accelerator(args: &CompareArgs, variants: &[Variant]) -> Result<Accelerator> {
    if !args.tcg {
        return Ok(Accelerator::Kvm);
    }
    if variants.iter().any(|variant| variant.vmm() != Vmm::Qemu) {
        bail!("--tcg is for variants under qemu only; write qemu:MODEL or --vmm qemu");
    }
    Ok(Accelerator::Tcg)
}

/// The files that were named, or the default guest, which is built if need be.
fn image(args: &CompareArgs) -> Result<Image> {
    let (Some(kernel), Some(initrd)) = (&args.kernel, &args.initrd) else {
        let guest = crate::guest::default(&super::guest::spinner())?;
        return Ok(Image { kernel: guest.kernel, initrd: guest.initrd });
    };
    for file in [kernel, initrd] {
        fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    }
    Ok(Image { kernel: kernel.clone(), initrd: initrd.clone() })
}

/// Where the JSON goes. Whether it can be written is found out before anything is measured, and a
/// file appears whole or not at all.
enum Destination {
    File { temporary: NamedTempFile, path: PathBuf },
    Stream(fs::File),
}

impl Destination {
    fn prepare(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot write {}", path.display());
        if path.exists() && !path.is_file() {
            let stream = fs::OpenOptions::new().write(true).open(path).with_context(cannot)?;
            return Ok(Self::Stream(stream));
        }
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let everyone_reads = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        let temporary = tempfile::Builder::new()
            .prefix(".nicvmm-")
            .permissions(everyone_reads)
            .tempfile_in(directory)
            .with_context(cannot)?;
        Ok(Self::File { temporary, path: path.to_owned() })
    }

    fn write(self, comparison: &Comparison) -> Result<()> {
        let text = serde_json::to_string_pretty(comparison).context("cannot write JSON")? + "\n";
        match self {
            Self::Stream(mut stream) => {
                stream.write_all(text.as_bytes()).context("cannot write JSON")?;
            }
            Self::File { mut temporary, path } => {
                let cannot = || format!("cannot write {}", path.display());
                temporary.write_all(text.as_bytes()).with_context(cannot)?;
                temporary.persist(&path).with_context(cannot)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
