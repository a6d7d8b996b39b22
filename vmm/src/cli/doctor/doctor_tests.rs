use super::*;
use crate::machine::Error;
use crate::machine::probe::Verdict;

/// A trial of /dev/kvm that ended so.
fn trial(kvm: Level) -> Trial {
    match kvm {
        Level::Ok => Ok(Verdict::Yes),
        Level::Missing => Err(Error::NoKvm),
        Level::Failed => Err(Error::KvmPermission),
    }
}

/// A host with this KVM and this QEMU, and everything else in order.
fn host(kvm: Level, qemu: Level) -> Vec<Check> {
    let check = |name, level| Check { level, ..Check::of(name, "something").ok("found") };
    vec![check(kvm::NAME, kvm), check(host::QEMU, qemu), check("guest", Level::Ok)]
}

fn verdict(wanted: Host, kvm: Level, qemu: Level) -> (bool, Option<&'static str>) {
    let diagnosis = conclude(wanted, &trial(kvm), host(kvm, qemu));
    (diagnosis.works, diagnosis.host)
}

#[test]
fn a_kvm_that_runs_linux_is_taken_first() {
    assert_eq!(verdict(Host::Auto, Level::Ok, Level::Ok), (true, Some("kvm")));
    assert_eq!(verdict(Host::Kvm, Level::Ok, Level::Missing), (true, Some("kvm")));
}

#[test]
fn qemu_stands_in_for_a_kvm_that_is_missing() {
    assert_eq!(verdict(Host::Auto, Level::Missing, Level::Ok), (true, Some("nested")));
    assert_eq!(verdict(Host::Auto, Level::Missing, Level::Missing), (false, None));
    assert_eq!(verdict(Host::Kvm, Level::Missing, Level::Ok), (false, None));
}

#[test]
fn a_right_that_is_missing_is_no_reason_to_fall_back() {
    assert_eq!(verdict(Host::Auto, Level::Failed, Level::Ok), (false, None));
    assert_eq!(verdict(Host::Nested, Level::Failed, Level::Ok), (true, Some("nested")));
}

#[test]
fn what_stands_in_the_way_is_marked() {
    let diagnosis =
        conclude(Host::Auto, &trial(Level::Missing), host(Level::Missing, Level::Missing));
    let text = describe(&diagnosis);
    assert!(text.contains("FAIL  qemu"), "{text}");
    assert!(text.contains("-     kvm"), "{text}");
    let diagnosis = conclude(Host::Kvm, &trial(Level::Missing), host(Level::Missing, Level::Ok));
    assert!(describe(&diagnosis).contains("FAIL  kvm"));
}

#[test]
fn without_a_guest_nothing_works() {
    let mut checks = host(Level::Ok, Level::Ok);
    checks[2].level = Level::Failed;
    assert!(!conclude(Host::Auto, &trial(Level::Ok), checks).works);
}
