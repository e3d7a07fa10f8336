//! The door to the kernel: what counts, and how its counts are read.

use anyhow::{Result, bail};
use rustix::thread::CapabilitySet;

use super::cli::Options;
use crate::{engine::metrics::Snapshot, shell::stop::Stop};

/// Probes that count, for as long as this lives.
pub struct Counts {
    /// Reads what they have counted until now.
    ///
    /// It is called on the runtime's one thread for every scrape, so it must not wait for anything.
    pub snapshot: Box<dyn Fn() -> Result<Snapshot>>,
    /// The loading of dm_mod whose end takes the probes away, where they sit on kprobes.
    pub module: Option<u64>,
    /// Capabilities without which this kernel would not let us read on.
    pub keeps: CapabilitySet,
}

/// Waits for dm_mod if it must, and attaches; `None` where the run was ended before.
///
/// # Errors
/// The probes cannot be attached.
pub async fn attach(_: &Options, _: &mut Stop) -> Result<Option<Counts>> {
    bail!("no counting programs are built in")
}
