//! dmmsg: see device-mapper messages.

pub mod engine;
pub mod shell;
