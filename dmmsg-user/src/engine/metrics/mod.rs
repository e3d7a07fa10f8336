//! Metrics: what the probes have counted, as a fleet's tools read it.
//!
//! One [table](METRICS) declares every metric. What is served, the bound on its series and
//! `docs/metrics.md` all come from it.

mod bound;
mod buckets;
mod document;
mod encode;
mod format;
mod native;
mod sample;
mod snapshot;
mod table;

pub use bound::series_at_most;
pub use buckets::{BYTES, Bounds, NANOSECONDS};
pub use document::{DEVICES_MAX, document};
pub use encode::{EncodeError, encode};
pub use format::Format;
pub use native::{Native, native};
pub use sample::{Sample, Value, device_label, errno_label, type_label};
pub use snapshot::{ProbeState, Series, Snapshot};
pub use table::{METRICS, Metric, Type};
