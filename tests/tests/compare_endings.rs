//! However `nicvmm compare` ends, nothing it started is left, and its exit status says why.
//!
//! A shell script stands in for QEMU: it writes its process id down and does what the test wants. Only
//! the last test kills a real one, the nested machine.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tests::lab::{self, Lab, PATIENCE, QEMU, assert_gone, children};
use tests::program::{complaint, nicvmm, tried};
use tests::wait::wait;

/// A lab whose QEMU does this; `$CONSOLE` is the file of its console.
fn lab_of(script: &str) -> Lab {
    let console = "for word; do case $word in file:*) CONSOLE=${word#file:};; esac; done";
    Lab::new(&format!("{console}\n{script}"))
}

fn start(lab: &Lab, arguments: &[&str]) -> Child {
    lab.compare(&["--variant", "rtl8139"]).args(arguments).spawn().unwrap()
}

/// Process ids of the VMMs, once both are there.
fn vmms(lab: &Lab) -> Vec<Pid> {
    wait("both VMMs to start", PATIENCE, || {
        let ids = lab.notes().into_iter().filter_map(|name| name.parse().ok());
        let ids: Vec<Pid> = ids.map(Pid::from_raw).collect();
        (ids.len() == 2).then_some(ids)
    })
}

const WAITS: &str = "echo waiting >$CONSOLE; touch \"$STAND_IN_NOTES/$$\"; exec sleep 600";

#[test]
fn sigterm_while_guests_boot_leaves_nothing() {
    let lab = lab_of(WAITS);
    let child = start(&lab, &[]);
    let vmms = vmms(&lab);
    kill(lab::id(&child), Signal::SIGTERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143), "{}", complaint(&output));
    lab.assert_clean(&vmms);
}

#[test]
fn ctrl_c_while_guests_boot_leaves_nothing() {
    let lab = lab_of(WAITS);
    let child = start(&lab, &[]);
    let vmms = vmms(&lab);
    kill(lab::id(&child), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", complaint(&output));
    lab.assert_clean(&vmms);
}

#[test]
fn vmms_die_with_a_lab_that_is_killed() {
    let lab = lab_of(WAITS);
    let mut child = start(&lab, &[]);
    let vmms = vmms(&lab);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_gone(&vmms);
}

#[test]
fn a_vmm_that_dies_is_named_with_its_last_words() {
    let lab = lab_of("echo Kernel panic >$CONSOLE; echo no such device >&2; exit 3");
    let output = start(&lab, &[]).wait_with_output().unwrap();
    let text = complaint(&output);
    assert_eq!(output.status.code(), Some(125), "{text}");
    assert!(text.contains("guest's VMM ended (exit status 3)"), "{text}");
    assert!(text.contains("| no such device"), "{text}");
    assert!(text.contains("| Kernel panic"), "{text}");
    lab.assert_clean(&[]);
}

#[test]
fn a_guest_that_does_not_boot_runs_out_of_time() {
    let lab = lab_of(WAITS);
    let output = start(&lab, &["--boot-timeout", "1s"]).wait_with_output().unwrap();
    let text = complaint(&output);
    assert_eq!(output.status.code(), Some(124), "{text}");
    assert!(text.contains("booting the guests took longer than 1 s"), "{text}");
    assert!(text.contains("| waiting"), "{text}");
    lab.assert_clean(&vmms(&lab));
}

#[test]
fn a_missing_vmm_is_named_with_the_remedy() {
    let lab = lab_of(WAITS);
    fs::remove_file(lab.path(QEMU)).unwrap();
    let child =
        lab.compare(&["--variant", "rtl8139"]).env("PATH", lab.path("bin")).output().unwrap();
    let text = complaint(&child);
    assert_eq!(child.status.code(), Some(125), "{text}");
    assert!(text.contains(&format!("({})", vmm::qemu::PROGRAM)), "{text}");
    assert!(text.contains(vmm::qemu::REMEDY), "{text}");
    lab.assert_clean(&[]);
}

/// Longest wait for the nested machine to boot and make a run; both are tried again in there.
const NESTED: Duration = Duration::from_secs(600);

#[test]
fn a_nested_machine_that_dies_costs_a_comparison_the_run_that_was_on() {
    tried(kill_the_nested_machine);
}

/// How many runs there are in a result, if it is written yet, and whether these are all.
fn runs(result: &Path) -> Option<(usize, bool)> {
    let result: Value = serde_json::from_slice(&fs::read(result).ok()?).ok()?;
    let variants = result["variants"].as_array()?;
    let runs = variants.iter().filter_map(|variant| variant["runs"].as_array());
    Some((runs.map(Vec::len).sum(), result["complete"].as_bool()?))
}

fn kill_the_nested_machine() {
    let [left, results] = [(); 2].map(|()| TempDir::new().unwrap());
    let result = results.path().join("result.json");
    let arms = ["--variant", "virtio-net", "--variant", "rtl8139", "--seconds", "1"];
    let child = nicvmm(&["compare", "--host", "nested", "--json"])
        .arg(&result)
        .args(arms)
        .env("TMPDIR", left.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let first = wait("the first run", NESTED, || runs(&result));
    assert_eq!(first, (1, false));
    let machine = children(&child);
    assert_eq!(machine.len(), 1);
    kill(machine[0], Signal::SIGKILL).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = complaint(&output);
    assert!(output.status.success(), "{}: {said}", output.status);
    assert!(said.contains("QEMU ended (killed by SIGKILL)"), "{said}");
    assert!(said.contains("starting it again"), "{said}");
    assert!(said.contains("1 runs were made before; going on after them"), "{said}");
    assert_eq!(runs(&result), Some((2, true)));
    assert_gone(&machine);
    assert_eq!(fs::read_dir(left.path()).unwrap().count(), 0);
}
