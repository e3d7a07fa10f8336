//! Giving up what only attaching needs.

use anyhow::{Context as _, Result};
use rustix::{
    io::Errno,
    thread::{
        CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
        remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
    },
};

/// Gives up all capabilities but these, for good.
///
/// Capabilities are a thread's own: there must be no other thread yet.
///
/// # Errors
/// The kernel lets us keep what we want to give up.
pub fn give_up(all_but: CapabilitySet) -> Result<()> {
    set_no_new_privs(true).context("rule out new privileges")?;
    clear_ambient_capability_set().context("clear the ambient capabilities")?;
    narrow_bounds(all_but)?;
    let kept = capabilities(None).context("read the capabilities")?.permitted & all_but;
    let sets =
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).context("drop the capabilities")
}

/// Narrows what a program that we started could get, which takes `CAP_SETPCAP`.
///
/// Without that, we have nothing that such a program could get, but for what no new privileges rule
/// out.
fn narrow_bounds(all_but: CapabilitySet) -> Result<()> {
    for capability in CapabilitySet::all() - all_but {
        match remove_capability_from_bounding_set(capability) {
            // The kernel does not know this one, or does not let us.
            Ok(()) | Err(Errno::INVAL | Errno::PERM) => {}
            Err(error) => return Err(error).context("narrow the bounding set"),
        }
    }
    Ok(())
}
