//! What the command line asks for, as a schedule and a plan.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::CompareArgs;
use crate::cli::run::NicSpec;
use crate::lab::scenario::{Scenario, Schedule, find};
use crate::lab::{
    Accelerator, Arm, Download, Image, IpVersion, Limits, PathPlan, Plan, Variant, Vmm,
};
use crate::nested::is_inside;

/// What is compared where nothing else was asked for.
const DEFAULT_VARIANTS: [&str; 3] = ["rtl8139,tso=mtu1500", "rtl8139,tso=mss", "virtio-net"];
/// The longest the path may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// The longest a guest may take to boot, where nothing else was asked for.
const BOOT: Duration = Duration::from_secs(180);
/// The same in the nested machine, whose emulation now and then loses an interrupt, and a guest.
const BOOT_NESTED: Duration = Duration::from_secs(90);
/// How often a run is tried there.
const TRIES_NESTED: u32 = 3;
/// The longest a command in a guest may take.
const COMMAND: Duration = Duration::from_secs(90);

/// What is to be measured.
#[derive(Debug)]
pub enum Task {
    /// NICs under one set of conditions.
    Variants(Vec<Arm>),
    /// Scenarios.
    Scenarios(Schedule),
}

impl Task {
    /// As `args` ask for it.
    pub fn of(args: &CompareArgs) -> Result<Self> {
        if args.scenarios.is_empty() {
            let arms = variants(args)?;
            check_nics(&arms)?;
            return Ok(Self::Variants(arms));
        }
        let mut scenarios: Vec<Scenario> = Vec::new();
        for name in &args.scenarios {
            for scenario in find(name)? {
                scenarios.push(scenario.with(args.vmm, &args.variants)?);
            }
        }
        for (arm, _) in scenarios.iter_mut().flat_map(|scenario| &mut scenario.variants) {
            arm.download = override_download(args, arm.download);
        }
        let schedule = Schedule::of(scenarios);
        check_nics(&schedule.arms)?;
        Ok(Self::Scenarios(schedule))
    }

    /// What to measure.
    pub fn arms(&self) -> &[Arm] {
        match self {
            Self::Variants(arms) => arms,
            Self::Scenarios(schedule) => &schedule.arms,
        }
    }

    /// How it is measured.
    pub fn plan(&self, args: &CompareArgs) -> Result<Plan> {
        let arms = self.arms().to_vec();
        let runs = args.runs.unwrap_or(match self {
            Self::Variants(_) => 1,
            Self::Scenarios(schedule) => schedule.runs(),
        });
        let nested = is_inside();
        let boot = args.boot_timeout.unwrap_or(if nested { BOOT_NESTED } else { BOOT });
        let tries = if nested { TRIES_NESTED } else { 1 };
        let one = |arm: &Arm| (boot * tries) + arm.download.time + COMMAND * 4;
        let parts: Duration = arms.iter().map(one).sum();
        Ok(Plan {
            accelerator: accelerator(args, &arms)?,
            image: image(args)?,
            runs,
            tries,
            warm_up: args.warm_up,
            limits: Limits {
                boot,
                silence: SILENCE,
                command: COMMAND,
                overall: args.timeout.unwrap_or(parts * (args.warm_up + runs)),
            },
            keep: args.keep.clone(),
            capture: args.pcap,
            program: std::env::current_exe().context("cannot find this program's own file")?,
            arms,
        })
    }
}

/// Whether nicvmm knows the NICs that it is to emulate, before any guest has been started for them.
fn check_nics(arms: &[Arm]) -> Result<()> {
    for arm in arms.iter().filter(|arm| arm.nic.vmm() == Vmm::Nicvmm) {
        let nic = arm.nic.nic();
        nic.parse::<NicSpec>().map_err(|why| anyhow!("variant {nic}: {why}"))?;
    }
    Ok(())
}

fn variants(args: &CompareArgs) -> Result<Vec<Arm>> {
    let written =
        if args.variants.is_empty() { default_variants(args.vmm) } else { args.variants.clone() };
    let base = args.profile.as_ref().map_or_else(PathPlan::default, |known| known.path.clone());
    let path = PathPlan {
        mtu: args.mtu.unwrap_or(base.mtu),
        delay: args.delay.map_or(base.delay, Duration::from),
        rate: args.rate.clone().or(base.rate),
        mss_clamp: args.mss_clamp.clone().or(base.mss_clamp),
        icmp: args.icmp.clone().unwrap_or(base.icmp),
        ..base
    };
    let download = override_download(
        args,
        Download {
            time: Duration::from_secs_f64(super::SECONDS),
            file_mib: super::FILE_MIB,
            ip: IpVersion::V4,
        },
    );
    let arm = |variant: &Variant| -> Result<Arm> {
        let nic = variant.under(args.vmm)?;
        let name = nic.to_string();
        Ok(Arm { name, nic, path: path.clone(), server: Vec::new(), during: Vec::new(), download })
    };
    written.iter().map(arm).collect()
}

fn override_download(args: &CompareArgs, download: Download) -> Download {
    Download {
        time: args.seconds.map_or(download.time, Duration::from_secs_f64),
        file_mib: args.file_size.unwrap_or(download.file_mib),
        ..download
    }
}

/// QEMU's rtl8139 has one cut only, so there the incident is compared with what it is.
fn default_variants(vmm: Vmm) -> Vec<Variant> {
    let written: &[&str] = match vmm {
        Vmm::Nicvmm => &DEFAULT_VARIANTS,
        Vmm::Qemu => &["rtl8139", "virtio-net"],
    };
    written.iter().filter_map(|text| text.parse().ok()).collect()
}

fn accelerator(args: &CompareArgs, arms: &[Arm]) -> Result<Accelerator> {
    if !args.tcg {
        return Ok(Accelerator::Kvm);
    }
    if arms.iter().any(|arm| arm.nic.vmm() != Vmm::Qemu) {
        bail!("--tcg is for variants under qemu only; write qemu:MODEL or --vmm qemu");
    }
    Ok(Accelerator::Tcg)
}

/// The files that were named, or the default guest, which is built if need be.
fn image(args: &CompareArgs) -> Result<Image> {
    let (Some(kernel), Some(initrd)) = (&args.kernel, &args.initrd) else {
        let guest = crate::cli::guest::chosen(args.guest.as_deref(), args.quiet)?;
        return Ok(Image { kernel: guest.kernel, initrd: guest.initrd });
    };
    for file in [kernel, initrd] {
        fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    }
    Ok(Image { kernel: kernel.clone(), initrd: initrd.clone() })
}
