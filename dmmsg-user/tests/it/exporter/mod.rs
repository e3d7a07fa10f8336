//! The exporter, from what the probes have counted to what a client reads.

mod document;
mod formats;
mod protobuf;
mod snapshots;
