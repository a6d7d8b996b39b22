//! PID 1 of a test guest.
//!
//! Called by the kernel as `/init`, it brings the guest up and starts itself again as
//! `/init serve`, which answers the host; see [`guest_init::guest`].

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

use guest_init::guest::parameters::Parameters;
use guest_init::guest::service::{self, Ending, Sender};
use guest_init::guest::{ENTER, PATH, channel, enter, modules, mounts, network, shares, timer};
use guest_init::protocol::Stage;
use nix::errno::Errno;
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::wait::waitpid;

/// Where PID 1 leaves what went wrong for the service to tell.
const WARNINGS: &str = "/run/nicvmm-warnings";
/// Where the kernel takes its host name from, and what it is.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
const NAME: &str = "nicvmm";
/// Time between two tries to serve a host that closed the device.
const REOPEN: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(word) if word == "serve" => serve(),
        Some(word) if word == ENTER => {
            eprintln!("{}", enter(arguments));
            ExitCode::from(127)
        }
        _ if std::process::id() == 1 => boot(),
        _ => {
            eprintln!("guest-init is PID 1 of a test guest; it does nothing elsewhere");
            ExitCode::FAILURE
        }
    }
}

fn boot() -> ExitCode {
    let start = Instant::now();
    let mut warnings = mounts::mount_all();
    timer::mark(Stage::Init);
    warnings.extend(set_host_name().err());
    let command_line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let parameters = Parameters::parse(&command_line);
    warnings.extend(parameters.warnings.iter().cloned());
    warnings.extend(network::skip_duplicate_detection().err());
    let mut loader = match find_modules() {
        Ok(loader) => Some(loader),
        Err(why) => {
            warnings.push(format!("no modules: {why}"));
            None
        }
    };
    if let Some(loader) = &mut loader {
        loader.load_for_devices();
        parameters.modules.iter().for_each(|name| loader.load(name));
    }
    warnings.extend(mount_shares(loader.as_mut()));
    warnings.extend(loader.into_iter().flat_map(modules::Loader::into_warnings));
    let mut networks = vec![network_result("lo", network::bring_up_loopback)];
    for wanted in &parameters.networks {
        networks.push(network_result(&wanted.interface, || network::configure(wanted)));
    }
    warnings.extend(networks.into_iter().filter_map(Result::err));
    warnings.extend(network::ask_name_servers(&parameters.name_servers).err());
    for warning in &warnings {
        eprintln!("nicvmm: {warning}");
    }
    // The service reads this; without /run it only tells less.
    let _ = fs::write(WARNINGS, warnings.join("\n"));
    eprintln!("nicvmm: guest is up, init took {} ms", start.elapsed().as_millis());
    let child = if parameters.shell { shell() } else { start_service() };
    match child {
        Ok(child) => collect_until(child.id() as i32),
        Err(error) => eprintln!("nicvmm: {error}"),
    }
    nix::unistd::sync();
    let _ = reboot(RebootMode::RB_POWER_OFF); // returns where the machine has no power switch
    let _ = reboot(RebootMode::RB_AUTOBOOT);
    ExitCode::FAILURE
}

fn set_host_name() -> Result<(), String> {
    fs::write(HOST_NAME, NAME).map_err(|error| format!("{HOST_NAME}: {error}"))
}

fn network_result(name: &str, set_up: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    set_up().map_err(|why| format!("interface {name}: {why}"))
}

/// A loader of the running kernel's modules, if it has any.
fn find_modules() -> Result<modules::Loader, String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let directory = Path::new("/lib/modules").join(release.trim());
    modules::Index::read(&directory).map(modules::Loader::new)
}

/// Mounts what the host shares. Without a loader the kernel may have the driver in it.
fn mount_shares(loader: Option<&mut modules::Loader>) -> Vec<String> {
    let places = shares::places();
    if let Some(loader) = loader.filter(|_| !places.is_empty()) {
        loader.load("9p");
    }
    places.iter().filter_map(|place| shares::mount_at(place).err()).collect()
}

fn start_service() -> Result<Child, String> {
    child("/proc/self/exe", &["serve"])
}

/// A shell on the console, with job control; the service runs beside it.
fn shell() -> Result<Child, String> {
    let _service = start_service()?; // collected by PID 1 like any other
    let active = fs::read_to_string("/sys/class/tty/console/active").unwrap_or_default();
    let console = active.split_whitespace().last().unwrap_or("ttyS0");
    let script = format!("exec setsid -c bash -l </dev/{console} >/dev/{console} 2>&1");
    child("/bin/sh", &["-c", &script])
}

fn child(program: &str, arguments: &[&str]) -> Result<Child, String> {
    Command::new(program)
        .args(arguments)
        .env_clear()
        .envs([("PATH", PATH), ("HOME", "/root"), ("TERM", "linux")])
        .spawn()
        .map_err(|error| format!("starting {program}: {error}"))
}

/// Collects every process that ends, until this one does.
fn collect_until(last: i32) {
    loop {
        match waitpid(None, None) {
            Ok(status) if status.pid().is_some_and(|pid| pid.as_raw() == last) => return,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}

fn serve() -> ExitCode {
    let command_line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let name = Parameters::parse(&command_line).control;
    let warnings: Vec<String> =
        fs::read_to_string(WARNINGS).unwrap_or_default().lines().map(Into::into).collect();
    loop {
        let (device, kind) = match channel::open(&name) {
            Ok(opened) => opened,
            Err(why) => {
                eprintln!("nicvmm: {why}");
                return ExitCode::FAILURE;
            }
        };
        let ending = device.try_clone().and_then(|writer| {
            service::serve(&device, &Sender::new(writer, kind), warnings.clone())
        });
        match ending {
            Ok(ending @ (Ending::PowerOff | Ending::Reboot)) => {
                service::end_machine(ending, &device);
            }
            // A virtio port reads as ended while no host is there.
            Ok(Ending::Closed) | Err(_) => std::thread::sleep(REOPEN),
        }
    }
}
