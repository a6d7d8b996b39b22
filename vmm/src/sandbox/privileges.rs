//! Rights beyond an ordinary user's: given up, and not to be had again.
//!
//! What they were for is open by now: /dev/kvm, taps, images. Only what is done to files later may still
//! need some where root runs the guest, and there the files' wall stands around it.

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs,
};

use super::{Error, Result};

/// Gives up all capabilities but those in `kept`, and the way to new ones by set-user-ID programs.
pub fn drop_all_but(kept: CapabilitySet) -> Result<()> {
    let refused = |what| move |errno: rustix::io::Errno| Error::Refused(what, errno.to_string());
    set_no_new_privs(true).map_err(refused("give up new privileges"))?;
    let now = capabilities(None).map_err(refused("read the capabilities"))?;
    let sets = CapabilitySets {
        effective: now.effective & kept,
        permitted: now.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets).map_err(refused("give up capabilities"))
}
