//! The lab with guests that stand in for real ones: its order, its judgement, and its endings.

use std::fs;
use std::process::{Child, Output};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tests::lab::{self, PATIENCE, assert_gone, children};
use tests::program::complaint;
use tests::wait::wait;

/// A lab whose guests stand in for real ones.
struct Lab(lab::Lab);

impl Lab {
    fn new() -> Self {
        let guest = env!("CARGO_BIN_EXE_stand-in-guest");
        Self(lab::Lab::new(&format!("exec '{guest}' \"$@\"")))
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.0.compare(arguments);
        command.arg("--json").arg(self.0.path("result.json")).spawn().unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.start(arguments).wait_with_output().unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&fs::read(self.0.path("result.json")).unwrap()).unwrap()
    }

    /// Starts a comparison and waits until its second run downloads; answers it, and the parts that
    /// run then: path, server, client.
    fn in_its_second_download(&self) -> (Child, [Pid; 3]) {
        let child = self.start(&["--variant", "rtl8139", "--runs", "2", "--seconds", "3"]);
        wait("the second download", PATIENCE, || {
            let notes = self.0.notes();
            (notes.iter().filter(|name| name.starts_with("downloading-")).count() == 2)
                .then_some(())
        });
        let parts = wait("path, server and client", PATIENCE, || children(&child).try_into().ok());
        (child, parts)
    }

    /// The first run is kept, and nothing is left of the second.
    fn assert_first_run_is_kept(&self, parts: &[Pid], why: &str) {
        let result = self.json();
        assert_eq!(result["complete"], false);
        assert!(result["ended_early"].as_str().unwrap().contains(why), "{}", result["ended_early"]);
        assert_eq!(result["variants"][0]["runs"].as_array().unwrap().len(), 1);
        self.0.assert_clean(parts);
    }
}

#[test]
fn runs_are_interleaved_and_the_warm_up_does_not_count() {
    let lab = Lab::new();
    let output = lab.run(&[
        "--variant",
        "rtl8139",
        "--variant",
        "e1000",
        "--warm-up",
        "1",
        "--runs",
        "3",
        "--seconds",
        "0.5",
    ]);
    let said = complaint(&output);
    assert!(output.status.success(), "{said}");
    let begun: Vec<&str> = said.lines().filter_map(|line| line.split("  [").nth(1)).collect();
    let begun: Vec<&str> = begun.into_iter().filter(|line| !line.contains(": ")).collect();
    let expected = [
        "1/8] qemu:rtl8139, to warm up",
        "2/8] qemu:e1000, to warm up",
        "3/8] qemu:rtl8139",
        "4/8] qemu:e1000",
        "5/8] qemu:rtl8139",
        "6/8] qemu:e1000",
        "7/8] qemu:rtl8139",
        "8/8] qemu:e1000",
    ];
    assert_eq!(begun, expected, "{said}");
    let result = lab.json();
    let second = &result["variants"][1];
    assert_eq!(second["runs"].as_array().unwrap().len(), 3);
    // The same figures every time, so there is an interval, and it does not exclude 1.
    assert_eq!(second["ratio"]["low"], 1.0);
    assert_eq!(second["ratio"]["judgement"], "undecided");
}

#[test]
fn a_wrong_expectation_is_missed_by_a_figure_and_status_1() {
    let lab = Lab::new();
    let file = lab.0.path("mine.toml");
    let scenario = "title = \"Mine\"\nbecause = \"It is so.\"\n[[variant]]\nnic = \"rtl8139\"\n\
                    expect = { goodput = \"1500..2500\", icmp-sent = \"3..\" }\n";
    fs::write(&file, scenario).unwrap();
    let output = lab.run(&[file.to_str().unwrap(), "--seconds", "0.5", "--quiet"]);
    assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("ok     rtl8139: goodput is 2000, as expected (1500 to 2500)"), "{text}");
    let missed = "rtl8139: icmp-sent is 0, expected at least 3: 3 too low";
    assert!(text.contains(&format!("MISSED {missed}")), "{text}");
    assert!(text.contains("1 of 2 expectations are NOT met:"), "{text}");
    assert!(text.trim_end().ends_with(missed), "{text}");
    assert_eq!(complaint(&output), "");
    assert_eq!(lab.json()["checks"][1]["missed"], "3 too low");
}

#[test]
fn a_path_that_dies_ends_it_and_what_was_finished_is_kept() {
    let lab = Lab::new();
    let (child, parts) = lab.in_its_second_download();
    kill(parts[0], Signal::SIGKILL).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", complaint(&output));
    let why = "the path ended (killed by SIGKILL)";
    assert!(complaint(&output).contains(why), "{}", complaint(&output));
    lab.assert_first_run_is_kept(&parts, why);
}

#[test]
fn a_server_that_dies_ends_it_and_what_was_finished_is_kept() {
    let lab = Lab::new();
    let (child, parts) = lab.in_its_second_download();
    kill(parts[1], Signal::SIGKILL).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", complaint(&output));
    lab.assert_first_run_is_kept(&parts, "the server guest's VMM ended (killed by SIGKILL)");
}

#[test]
fn a_client_that_dies_ends_it_and_what_was_finished_is_kept() {
    let lab = Lab::new();
    let (child, parts) = lab.in_its_second_download();
    kill(parts[2], Signal::SIGKILL).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", complaint(&output));
    lab.assert_first_run_is_kept(&parts, "the client guest's VMM ended (killed by SIGKILL)");
}

#[test]
fn a_signal_during_a_download_ends_it_and_what_was_finished_is_kept() {
    let lab = Lab::new();
    let (child, parts) = lab.in_its_second_download();
    kill(lab::id(&child), Signal::SIGTERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143), "{}", complaint(&output));
    lab.assert_first_run_is_kept(&parts, "stopped by SIGTERM");
}

#[test]
fn a_lab_that_is_killed_takes_its_parts_along_and_what_was_finished_is_kept() {
    let lab = Lab::new();
    let (mut child, parts) = lab.in_its_second_download();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_gone(&parts);
    let result = lab.json();
    assert_eq!(result["complete"], false);
    assert_eq!(result["variants"][0]["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn a_comparison_that_was_stopped_goes_on_where_it_was() {
    let lab = Lab::new();
    let (mut child, parts) = lab.in_its_second_download();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_gone(&parts);
    let runs = lab.0.path("result.json");
    let arguments = ["--variant", "rtl8139", "--runs", "2", "--seconds", "3", "--resume"];
    let output = lab.run(&[&arguments[..], &[runs.to_str().unwrap()]].concat());
    let said = complaint(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 runs were made before; going on after them"), "{said}");
    let begun = lab.0.notes().into_iter().filter(|name| name.starts_with("downloading-")).count();
    assert_eq!(begun, 3);
    let result = lab.json();
    assert_eq!(result["complete"], true);
    let numbers: Vec<_> = result["variants"][0]["runs"].as_array().unwrap().iter().collect();
    assert_eq!([&numbers[0]["number"], &numbers[1]["number"]], [1, 2]);

    // What was measured elsewhere is not mixed with what is measured here.
    let text = fs::read_to_string(&runs).unwrap().replace("\"kind\": \"tcg\"", "\"kind\": \"kvm\"");
    fs::write(&runs, text).unwrap();
    let output = lab.run(&[&arguments[..], &[runs.to_str().unwrap()]].concat());
    assert!(complaint(&output).contains("was measured elsewhere"), "{}", complaint(&output));
}

#[test]
fn where_a_nested_machine_loses_its_guests_what_was_finished_is_for_the_next_one() {
    let guest = env!("CARGO_BIN_EXE_stand-in-guest");
    let loses = "ls $STAND_IN_NOTES | grep -q downloading && { echo lost >&2; exit 3; }";
    let lab = Lab(lab::Lab::new(&format!("{loses}; exec '{guest}' \"$@\"")));
    let runs = lab.0.path("runs.json");
    let output = lab
        .0
        .compare(&["--variant", "rtl8139", "--runs", "2", "--seconds", "0.5", "--resume"])
        .arg(&runs)
        .env(vmm::nested::MARK, "1")
        .output()
        .unwrap();
    let said = complaint(&output);
    assert_eq!(output.status.code(), Some(126), "{said}");
    assert_eq!(said.matches("trying again").count(), 2, "{said}");
    assert!(output.stdout.is_empty());
    let result: Value = serde_json::from_slice(&fs::read(&runs).unwrap()).unwrap();
    assert_eq!(result["complete"], false);
    assert_eq!(result["variants"][0]["runs"].as_array().unwrap().len(), 1);

    // One that got no further fares no better elsewhere: that is no matter of the machine.
    let output = lab
        .0
        .compare(&["--variant", "rtl8139", "--runs", "2", "--seconds", "0.5", "--resume"])
        .arg(&runs)
        .env(vmm::nested::MARK, "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", complaint(&output));
}
