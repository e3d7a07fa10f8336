//! The exporter, from what the probes have counted to what a client reads.

mod cli;
mod client;
mod document;
mod formats;
mod hostile;
mod http;
mod page;
mod process;
mod protobuf;
mod server;
mod snapshots;
