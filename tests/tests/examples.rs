//! Every example in a command's help does what it says: each is run as it stands there, by a shell.
//!
//! [`EXAMPLES`] says of each how it is run; an example that is not in the table, or no more in any
//! help, is told. Those that need a guest share one nested machine. What takes minutes is only
//! parsed, which is said loudly.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use indicatif::ProgressBar;
use tempfile::TempDir;
use tests::linux::with_kvm;
use tests::program::{self, complaint, nicvmm, skip, tried};
use tests::wait::{wait, wait_for_file};

/// How an example is run.
enum How {
    /// As it stands, on this host; it prints this.
    Here(&'static str),
    /// The same, with this on its standard input, beside others in one nested machine.
    InAGuest(&'static str, &'static str),
    /// The same; it starts a nested machine itself.
    Nested(&'static str, &'static str),
    /// By a test of its own.
    Apart,
    /// Not at all: it is a minute and more of work that other tests do.
    Parsed(&'static str),
}
use How::{Apart, Here, InAGuest, Nested, Parsed};

const COMPARES: &str = "it measures for minutes; tests/lab.rs and `make demo` compare";
const DOWNLOADS: &str = "it downloads another kernel";

const EXAMPLES: &[(&str, How)] = &[
    ("nicvmm run -- uname -a", InAGuest("", "Linux nicvmm ")),
    (
        "nicvmm run --cpus 2 --nic rtl8139,tso=mtu1500 --nic virtio-net -- lspci",
        InAGuest("", "RTL-8100"),
    ),
    ("echo hi | nicvmm run -- tr a-z A-Z", InAGuest("", "HI\n")),
    ("nicvmm run", InAGuest("echo $0\n", "bash\n")),
    ("nicvmm run --kernel host -- uname -r", Apart),
    ("nicvmm run --kernel vmlinuz --initrd initrd --append debug", Apart),
    ("nicvmm compare", Parsed(COMPARES)),
    ("nicvmm compare --mtu 1492 --runs 3", Parsed(COMPARES)),
    (
        "nicvmm compare --variant virtio-net --variant qemu:e1000 --json result.json",
        Parsed(COMPARES),
    ),
    ("nicvmm compare incident", Parsed(COMPARES)),
    ("nicvmm compare incident/row-07", Parsed(COMPARES)),
    ("nicvmm compare incident/row-01 --variant qemu:rtl8139", Parsed(COMPARES)),
    ("nicvmm compare incident --json all.json --html all.html", Parsed(COMPARES)),
    ("nicvmm compare physics --resume runs.json", Parsed(COMPARES)),
    ("nicvmm compare --from all.json --markdown all.md", Here("rtl8139,tso=mtu1500: sent ")),
    (
        "nicvmm compare --show incident/row-07 >mine.toml && nicvmm compare mine.toml",
        Parsed(COMPARES),
    ),
    (
        "nicvmm path --port stream:/run/a.sock,ip=10.0.1.1/24 \
         --port stream:/run/b.sock,mtu=1420,ip=10.0.2.1/24 --delay 12ms --rate 50mbit --icmp cisco",
        Apart,
    ),
    ("nicvmm path show --control /run/path.sock", Apart),
    ("nicvmm path set --control /run/path.sock mtu=1492 rate=none", Apart),
    ("nicvmm path show --control /run/path.sock --json", Apart),
    ("nicvmm path set --control /run/path.sock mtu=1492 b.rate=50mbit", Apart),
    ("nicvmm nested -- uname -r", Nested("", ".")),
    ("nicvmm nested -- sh experiment.sh", Nested("", "the experiment\n")),
    ("nicvmm nested --cpus 4 -- bash", Nested("nproc\n", "4\n")),
    ("nicvmm guest build", Here("/guest/")),
    ("nicvmm guest list", Here("*")),
    ("nicvmm guest list --json", Here("\"current\": true")),
    ("nicvmm guest show | head", Here("kernel   ")),
    ("nicvmm guest remove --old", Apart),
    ("nicvmm guest build --kernel linux-image-rt-amd64", Parsed(DOWNLOADS)),
    ("nicvmm run --guest linux-image-rt -- uname -r", Parsed(DOWNLOADS)),
    ("nicvmm doctor", Here("nicvmm run and nicvmm compare work here")),
    ("nicvmm doctor --json", Here("\"schema\": \"nicvmm-doctor/1\"")),
    ("nicvmm doctor --host kvm && nicvmm compare --host kvm", Parsed(COMPARES)),
    ("nicvmm completions bash >~/.local/share/bash-completion/completions/nicvmm", Here("")),
    ("nicvmm completions zsh >~/.zfunc/_nicvmm", Here("")),
    ("nicvmm completions fish >~/.config/fish/completions/nicvmm.fish", Here("")),
];

/// The commands that are in a help, and those below them.
fn commands(of: &[&str]) -> Vec<Vec<String>> {
    let help = help(of);
    let list = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let names = list.lines().take_while(|line| line.starts_with("  "));
    let names = names.filter(|line| !line.starts_with("   "));
    let names =
        names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let mut all = vec![of.iter().map(ToString::to_string).collect()];
    for name in names {
        all.extend(commands(&[of, &[name]].concat()));
    }
    all
}

fn help(command: &[&str]) -> String {
    let output = nicvmm(command).arg("--help").output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", complaint(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The examples of a help: lines that start with the program, or that lead into it, without what is
/// said about them behind a wide gap.
fn examples(help: &str) -> Vec<String> {
    let text = help.split("Example").skip(1).collect::<String>().replace(": nicvmm", "\n  nicvmm");
    let text = text.replace("\\\n   ", "");
    let lines = text.lines().filter(|line| line.starts_with("  "));
    let lines = lines.map(|line| words(line.trim().split("   ").next().unwrap_or_default()));
    lines.filter(|line| line.starts_with("nicvmm ") || line.contains("| nicvmm ")).collect()
}

/// The same with single gaps.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_table_has_every_example_and_no_other() {
    let mut found = BTreeSet::new();
    for command in commands(&[]).iter().skip(1) {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let its = examples(&help(&command));
        assert!(!its.is_empty(), "{command:?} has no example");
        found.extend(its);
    }
    let known: BTreeSet<String> = EXAMPLES.iter().map(|(line, _)| words(line)).collect();
    assert_eq!(found, known);
    for (line, how) in EXAMPLES {
        if let Parsed(why) = how {
            skip(&format!("`{line}` is only parsed"), why);
        }
    }
}

/// A shell that runs `line` in `directory`, where the program is found by its name.
fn shell(line: &str, directory: &Path) -> Command {
    let program = program::path();
    let bin = program.parent().unwrap().display();
    let path = format!("{bin}:{}", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(directory).env("PATH", path);
    command
}

fn run(line: &str, input: &str, directory: &Path) -> Output {
    let file = directory.join("input");
    fs::write(&file, input).unwrap();
    shell(line, directory).stdin(fs::File::open(file).unwrap()).output().unwrap()
}

fn assert_prints(line: &str, input: &str, expected: &str, directory: &Path) {
    let output = run(line, input, directory);
    let said = String::from_utf8_lossy(&output.stdout);
    let fine = output.status.success() && said.contains(expected);
    assert!(fine, "`{line}`: {}: {said}{}", output.status, complaint(&output));
}

#[test]
fn examples_without_a_guest_do_what_they_say() {
    let directory = TempDir::new().unwrap();
    let result = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/lab/compare.json");
    fs::copy(result, directory.path().join("all.json")).unwrap();
    // The first image takes a download; the doctor tells of it, and so does whoever builds it.
    vmm::guest::default(&ProgressBar::hidden()).expect("there is a default guest");
    for (line, how) in EXAMPLES {
        let Here(expected) = how else { continue };
        if line.starts_with("nicvmm completions") {
            let (_, place) = line.split_once(">~/").unwrap();
            let place = directory.path().join(place);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            let status = shell(line, directory.path()).env("HOME", directory.path()).status();
            assert!(status.unwrap().success(), "{line}");
            assert!(fs::read_to_string(place).unwrap().contains("nicvmm"), "{line}");
            continue;
        }
        assert_prints(line, "", expected, directory.path());
    }
    // Nobody's own images are removed by a test.
    let remove = shell("nicvmm guest remove --old", directory.path())
        .env("XDG_CACHE_HOME", directory.path().join("cache"))
        .status();
    assert!(remove.unwrap().success());
    assert!(fs::read_to_string(directory.path().join("all.md")).unwrap().contains("rtl8139"));
}

#[test]
fn examples_of_the_path_do_what_they_say() {
    let directory = TempDir::new().unwrap();
    // Not everybody may write to /run.
    let here = format!("{}/", directory.path().display());
    let lines: Vec<String> = EXAMPLES
        .iter()
        .filter(|(line, _)| line.starts_with("nicvmm path"))
        .map(|(line, _)| line.replace("/run/", &here))
        .collect();
    let [start, rest @ ..] = &lines[..] else { panic!("there are examples") };
    let with_control = format!("exec {start} --control {here}path.sock");
    let mut path = shell(&with_control, directory.path()).stdout(Stdio::null()).spawn().unwrap();
    wait_for_file(&directory.path().join("path.sock"), Duration::from_secs(20));
    for line in rest {
        assert_prints(line, "", "mtu", directory.path());
    }
    terminate(path.id());
    assert!(path.wait().unwrap().success());
}

#[test]
fn examples_with_a_guest_do_what_they_say() {
    with_kvm("examples_with_a_guest_do_what_they_say", || {
        let directory = TempDir::new().unwrap();
        for (line, how) in EXAMPLES {
            if let InAGuest(input, expected) = how {
                assert_prints(line, input, expected, directory.path());
            }
        }
        // A kernel of one's own has its console on standard output, and goes on until it is ended.
        let guest = vmm::guest::default(&ProgressBar::hidden()).unwrap();
        symlink(guest.kernel, directory.path().join("vmlinuz")).unwrap();
        symlink(guest.initrd, directory.path().join("initrd")).unwrap();
        let line = "exec nicvmm run --kernel vmlinuz --initrd initrd --append debug >console";
        let mut child = shell(line, directory.path()).stdin(Stdio::null()).spawn().unwrap();
        let console = directory.path().join("console");
        wait("the kernel's first words", Duration::from_secs(60), || {
            let said = fs::read(&console).unwrap_or_default();
            String::from_utf8_lossy(&said).contains("Linux version").then_some(())
        });
        terminate(child.id());
        assert_eq!(child.wait().unwrap().code(), Some(128 + libc::SIGTERM));
        run_the_kernel_of_this_host(directory.path());
    });
}

/// Lays kernel and modules of the default guest, which are the nested machine's, where a distribution
/// has its own; but for one module, by whose absence they are told from the guest's.
const INSTALL: &str = "
    mount -t tmpfs none /boot
    mkdir /boot/upper /boot/work
    mount -t overlay -o lowerdir=/usr/lib,upperdir=/boot/upper,workdir=/boot/work none /usr/lib
    nicvmm run -- tar -c -C /usr/lib modules | tar -x -C /usr/lib
    find /usr/lib/modules -name e1000.ko -delete
    cp vmlinuz /boot/vmlinuz-$(uname -r)
";
/// The example, and a NIC whose driver is a module of that kernel.
const LOOK: &str = "
    nicvmm run --kernel host -- uname -r
    nicvmm run --kernel host --nic rtl8139 -- sh -c '
        ls -l /sys/class/net/eth0/device/driver
        ip link set eth0 up && ip -br link show eth0
        grep -c /e1000.ko /lib/modules/*/modules.dep'
";

fn run_the_kernel_of_this_host(directory: &Path) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let release = release.trim();
    let inside = vmm::nested::is_inside();
    if !inside && fs::File::open(format!("/boot/vmlinuz-{release}")).is_err() {
        skip("--kernel host", "this host's kernel is not in /boot, or not to be read");
        return;
    }
    // What is mounted is gone with the shell.
    let (install, shell) = if inside { (INSTALL, "unshare --mount sh") } else { ("", "sh") };
    fs::write(directory.join("look.sh"), [install, LOOK].concat()).unwrap();
    let output = run(&format!("exec {shell} -eu look.sh"), "", directory);
    let (said, complaint) = (String::from_utf8_lossy(&output.stdout), complaint(&output));
    let [first, driver, link, modules] = said.lines().collect::<Vec<_>>()[..] else {
        panic!("{said}{complaint}");
    };
    assert_eq!(first, release);
    assert!(driver.ends_with("/8139cp"), "{said}{complaint}");
    assert!(link.contains("UP"), "{said}{complaint}");
    assert!(!inside || modules == "0", "{said}{complaint}");
}

fn terminate(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(pid as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
}

#[test]
fn examples_of_the_nested_machine_do_what_they_say() {
    tried(|| {
        let directory = TempDir::new().unwrap();
        let script = directory.path().join("experiment.sh");
        fs::write(script, "test -c /dev/kvm && echo the experiment\n").unwrap();
        for (line, how) in EXAMPLES {
            if let Nested(input, expected) = how {
                assert_prints(line, input, expected, directory.path());
            }
        }
    });
}
