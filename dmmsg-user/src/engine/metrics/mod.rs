//! Metrics: what the probes have counted, as a fleet's tools read it.

mod snapshot;

pub use snapshot::{ProbeState, Series, Snapshot};
