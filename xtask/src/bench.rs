//! `cargo xtask bench`: what tracing costs those who are traced.

mod cost;
mod median;
mod totals;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// What the command line says.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Instructions that a message costs its sender, untraced and traced
    Cost(cost::Arguments),
}

/// Runs the benchmark.
///
/// # Errors
/// As the benchmark.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    match arguments {
        Arguments::Cost(arguments) => cost::run(arguments),
    }
}
