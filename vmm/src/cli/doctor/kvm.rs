//! /dev/kvm: there, allowed, and able to run Linux.

use std::fs;

use super::check::Check;
use crate::cli::host::Trial;
use crate::machine::Error;
use crate::machine::probe::Verdict;

/// Name of the check of KVM.
pub const NAME: &str = "kvm";

/// The modules that may stand behind /dev/kvm; which of them, decides how guests run.
const MODULES: [&str; 3] = ["kvm_intel", "kvm_amd", "kvm_pvm"];

/// What running a trial guest told.
pub fn check(trial: &Trial) -> Check {
    let check = Check::of(NAME, "guests at the speed of the hardware");
    let behind = module().map_or(String::new(), |module| format!(" ({module})"));
    match trial {
        Ok(Verdict::Yes) => check.ok(format!("/dev/kvm{behind} runs Linux")),
        Ok(Verdict::No(why)) => check.missing(
            format!("/dev/kvm{behind} cannot run Linux: {why}"),
            "a host with VMX or SVM, or a VM of which the host lets it nest",
        ),
        Err(Error::NoKvm) => check.missing(
            "no /dev/kvm",
            "load kvm_intel or kvm_amd; in a VM, nesting has to be allowed on its host; in a \
             container, give it --device /dev/kvm",
        ),
        Err(Error::KvmPermission) => check.failed(
            "no permission to open /dev/kvm",
            "sudo usermod -aG kvm $USER, then log in again; in CI, see docs/ci.md",
        ),
        Err(error) => check.missing(error.to_string(), ""),
    }
}

/// Whether guests could have a KVM of their own, as far as the module tells.
pub fn nesting() -> Check {
    let check = Check::of("nesting", "guests that run guests");
    let Some(module) = module() else {
        return check.missing("no hardware virtualization", "");
    };
    let on = fs::read_to_string(format!("/sys/module/{module}/parameters/nested"));
    match on.as_deref().map(str::trim) {
        Ok("Y" | "1") => check.ok(format!("{module} lets guests run guests")),
        Ok(_) => check.missing(
            format!("{module} has it switched off"),
            format!("modprobe -r {module} && modprobe {module} nested=1, as root"),
        ),
        Err(_) => check.missing(format!("{module} knows none"), ""),
    }
}

fn module() -> Option<&'static str> {
    MODULES.into_iter().find(|name| fs::exists(format!("/sys/module/{name}")).unwrap_or(false))
}
