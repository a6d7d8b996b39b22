use clap::Parser;

use super::*;
use crate::lab::{Accelerator, Plan};

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    args: CompareArgs,
}

fn parse(line: &str) -> Result<CompareArgs, clap::Error> {
    let words = std::iter::once("compare").chain(line.split_ascii_whitespace());
    Program::try_parse_from(words).map(|program| program.args)
}

fn planned(line: &str) -> Result<Plan> {
    let this = std::env::current_exe().unwrap();
    let image = format!("--kernel {0} --initrd {0}", this.display());
    let args = parse(&format!("{line} {image}")).unwrap();
    Task::of(&args)?.plan(&args)
}

fn names(plan: &Plan) -> Vec<String> {
    plan.order().map(|(run, arm)| format!("{run} {}", plan.arms[arm].name)).collect()
}

#[test]
fn without_arguments_the_incident_is_compared_with_its_cures() {
    let plan = planned("").unwrap();
    assert_eq!(names(&plan), ["1 rtl8139,tso=mtu1500", "1 rtl8139,tso=mss", "1 virtio-net"]);
    assert_eq!((plan.arms[0].path.mtu, plan.arms[0].path.delay), (1420, Duration::from_millis(12)));
}

#[test]
fn runs_are_interleaved() {
    let plan = planned("--variant rtl8139 --variant virtio-net --runs 2").unwrap();
    assert_eq!(names(&plan), ["1 rtl8139", "1 virtio-net", "2 rtl8139", "2 virtio-net"]);
}

#[test]
fn qemu_may_stand_beside_nicvmm() {
    let plan = planned("--variant rtl8139 --variant qemu:rtl8139").unwrap();
    let vmms: Vec<Vmm> = plan.arms.iter().map(|arm| arm.nic.vmm()).collect();
    assert_eq!(vmms, [Vmm::Nicvmm, Vmm::Qemu]);
}

#[test]
fn without_kvm_only_qemu_can_run_guests() {
    assert_eq!(planned("--vmm qemu --tcg").unwrap().accelerator, Accelerator::Tcg);
    let error = planned("--tcg").unwrap_err().to_string();
    assert!(error.contains("qemu:MODEL"), "{error}");
}

#[test]
fn a_wrong_value_is_named() {
    let error = parse("--variant rtl8139,tso").unwrap_err().to_string();
    assert!(error.contains("`tso` is not KEY=VALUE"), "{error}");
    let error = parse("--mtu 100").unwrap_err().to_string();
    assert!(error.contains("100 is not in 576..=1500"), "{error}");
    let error = parse("--rate fast").unwrap_err().to_string();
    assert!(error.contains("'fast' is not a rate"), "{error}");
    assert!(parse("--delay 12").is_err());
}

#[test]
fn a_nic_that_nicvmm_does_not_have_is_named_before_anything_starts() {
    let error = planned("--variant virtio-net --variant e1000").unwrap_err().to_string();
    assert!(error.contains("e1000") && error.contains("rtl8139 or virtio-net"), "{error}");
    assert!(planned("--variant virtio-net --variant qemu:e1000").is_ok());
}

#[test]
fn a_missing_kernel_is_named_before_anything_starts() {
    let args = parse("--kernel /nonexistent/vmlinux --initrd /dev/null").unwrap();
    let error = format!("{:#}", Task::of(&args).unwrap().plan(&args).unwrap_err());
    assert!(error.contains("cannot read /nonexistent/vmlinux"), "{error}");
}

#[test]
fn a_profile_is_a_path_of_which_parts_may_differ() {
    let plan = planned("--profile pppoe-vdsl --mtu 1480").unwrap();
    let path = &plan.arms[0].path;
    assert_eq!((path.mtu, path.mss_clamp.as_deref()), (1480, Some("1452")));
    assert!(parse("--profile dsl").unwrap_err().to_string().contains("pppoe-vdsl"));
}

#[test]
fn a_scenario_brings_its_own_conditions() {
    let plan = planned("incident/row-07 --seconds 5 --runs 2").unwrap();
    let [before, after] = &plan.arms[..] else { panic!("{plan:?}") };
    assert!(before.server.is_empty());
    assert!(after.server[0].contains("mtu lock 1320"));
    assert_eq!((plan.runs, after.download.time), (2, Duration::from_secs(5)));
    let error = parse("incident/row-07 --mtu 1492").unwrap_err().to_string();
    assert!(error.contains("cannot be used with"), "{error}");
}

#[test]
fn another_nic_may_join_a_scenario() {
    let plan = planned("incident/row-03 --variant qemu:rtl8139").unwrap();
    let joined = plan.arms.last().unwrap();
    assert_eq!((joined.name.as_str(), joined.path.mtu), ("qemu:rtl8139", 1492));
}

#[test]
fn the_whole_incident_measures_what_its_rows_share_once() {
    let plan = planned("incident").unwrap();
    assert_eq!(plan.arms.len(), 10);
}

#[test]
fn the_list_names_every_scenario_and_every_profile() {
    let text = list().unwrap();
    assert!(library::ENTRIES.iter().all(|entry| text.contains(entry.name)), "{text}");
    assert!(profiles().all(|profile| text.contains(&profile.name)), "{text}");
}
