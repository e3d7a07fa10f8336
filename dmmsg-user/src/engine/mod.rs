//! What dmmsg knows and decides, as functions from values to values.
//!
//! No module here reads a file, a clock, the environment or a socket, or names tokio or aya:
//! `clippy.toml` refuses it. What an engine needs to know of the machine, the shell hands to it.

pub mod answer;
pub mod btf;
pub mod capture;
pub mod catalogue;
pub mod clock;
pub mod decode;
mod digits;
pub mod direct;
pub mod doctor;
pub mod enrich;
pub mod event;
pub mod exit;
pub mod filter;
pub mod groups;
pub mod histogram;
pub mod in_flight;
pub mod ioctl;
pub mod layout;
pub mod metrics;
pub mod names;
pub mod plan;
pub mod quantity;
pub mod render;
pub mod suspension;
pub mod tally;
pub mod targets;
pub mod top;
