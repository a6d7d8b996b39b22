//! `nicvmm guest`: makes, shows and removes the images that guests boot.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::guest::cache::{Cache, Image};
use crate::guest::{self, recipe};
use crate::streams::print;

/// Make, show or remove the images that guests boot.
///
/// An image is a stock Debian or Ubuntu kernel and an initramfs with real tools: GNU wget,
/// ethtool, iproute2, pciutils, tcpdump and busybox. It is made without root, out of packages
/// that apt downloads, and kept in $XDG_CACHE_HOME/nicvmm/guest.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nicvmm guest build
  nicvmm guest list
  nicvmm guest build --kernel linux-image-rt-amd64
  nicvmm run --guest linux-image-rt -- uname -r")]
pub struct GuestArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make the image of the newest packages, unless it is there.
    #[command(after_help = "Example: nicvmm guest build --kernel linux-image-rt-amd64")]
    Build {
        /// Package of another kernel, such as linux-image-rt-amd64; `run --guest` and `compare
        /// --guest` boot it.
        #[arg(long, value_name = "PACKAGE")]
        kernel: Option<String>,
    },
    /// List the images; `*` marks the one that guests boot.
    #[command(after_help = "Example: nicvmm guest list --json")]
    List {
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what an image is made of.
    #[command(after_help = "Example: nicvmm guest show | head")]
    Show {
        /// Name of the image, or the beginning of it; the one that guests boot where none is given.
        name: Option<String>,
        /// Print its manifest as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove images.
    #[command(after_help = "Example: nicvmm guest remove --old")]
    Remove {
        /// Names of the images.
        names: Vec<String>,
        /// Remove all of them.
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// Remove all but the one that guests boot, and those of kernels that were asked for.
        #[arg(long, conflicts_with_all = ["names", "all"])]
        old: bool,
    },
}

/// Runs the command.
pub fn run(args: &GuestArgs) -> anyhow::Result<ExitCode> {
    let cache = Cache::open()?;
    match &args.action {
        Action::Build { kernel } => {
            let progress = spinner(false);
            let image = guest::build(&cache, kernel.as_deref(), &progress)?;
            progress.finish_and_clear();
            print(&format!("{}\n", image.directory.display()))?;
        }
        Action::List { json } => list(&cache, *json)?,
        Action::Show { name, json } => {
            let image = match name {
                Some(name) => cache.find(name)?,
                None => cache.current()?.ok_or_else(|| {
                    anyhow::anyhow!("there is no image yet: make one with `nicvmm guest build`")
                })?,
            };
            show(&image, *json)?;
        }
        Action::Remove { names, all, old } => {
            let names = if *all || *old {
                let current = cache.current()?;
                let is_kept = |image: &Image| {
                    let is_wanted = !image.is_default() && image.has_our_recipe();
                    *old && (is_wanted || Some(image) == current.as_ref())
                };
                let images = cache.list()?.into_iter().filter(|image| !is_kept(image));
                images.map(|image| image.name).collect()
            } else if names.is_empty() {
                anyhow::bail!("which image? give names (`nicvmm guest list`), --old or --all")
            } else {
                names.clone()
            };
            for name in names {
                cache.remove(&name)?;
            }
            cache.sweep()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The image of this name, or the default one, which is built if need be.
pub fn chosen(name: Option<&str>, quiet: bool) -> anyhow::Result<guest::Guest> {
    Ok(match name {
        Some(name) => guest::named(name)?,
        None => guest::default(&spinner(quiet))?,
    })
}

/// A spinner on stderr with the elapsed time; nothing where stderr is no terminal, or if `quiet`.
pub fn spinner(quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let progress = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} guest image: {msg}") {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}

/// An image, as `list --json` has it.
#[derive(Serialize)]
struct Listed {
    name: String,
    directory: PathBuf,
    kernel: String,
    bytes: u64,
    /// Whether it is the one that guests boot.
    current: bool,
}

fn list(cache: &Cache, json: bool) -> anyhow::Result<()> {
    let current = cache.current()?.map(|image| image.name);
    let images: Vec<Listed> = cache
        .list()?
        .into_iter()
        .map(|Image { name, directory, manifest }| Listed {
            current: Some(&name) == current.as_ref(),
            name,
            directory,
            kernel: manifest.kernel_release,
            bytes: manifest.files.iter().map(|file| file.size).sum(),
        })
        .collect();
    if json {
        return Ok(print(&(serde_json::to_string_pretty(&images)? + "\n"))?);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "image", "kernel", "size"]);
    for Listed { name, kernel, bytes, current, .. } in &images {
        let mark = if *current { "*" } else { "" };
        table.add_row([mark, name, kernel, &HumanBytes(*bytes).to_string()]);
    }
    Ok(print(&format!("{table}\n"))?)
}

fn show(image: &Image, json: bool) -> anyhow::Result<()> {
    let manifest = &image.manifest;
    if json {
        return Ok(print(&(serde_json::to_string_pretty(manifest)? + "\n"))?);
    }
    let mut text = String::new();
    writeln!(text, "image    {}", image.name)?;
    writeln!(text, "place    {}", image.directory.display())?;
    writeln!(text, "kernel   {}", manifest.kernel_release)?;
    writeln!(text, "recipe   {} (this program's: {})", manifest.recipe, recipe::VERSION)?;
    writeln!(text, "programs {}, busybox", recipe::PROGRAMS.join(", "))?;
    for file in &manifest.files {
        writeln!(text, "file     {} {} sha256:{}", file.name, HumanBytes(file.size), file.sha256)?;
    }
    for package in &manifest.packages {
        writeln!(text, "package  {} {}", package.name, package.version)?;
    }
    writeln!(text, "modules  {}", manifest.modules.join(" "))?;
    Ok(print(&text)?)
}
