//! `cargo xtask demo`: dmmsg-trace at work on messages of real tools, in a guest.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use crate::cache::Cache;
use crate::initramfs::GuestFile;
use crate::kernel::Version;
use crate::qemu::Boot;
use crate::{prerequisites, static_build};

const TOUR: &str = include_str!("../guest/demo.sh");

/// What the command line says.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Kernel series
    #[arg(long, value_enum, default_value = "6.12")]
    kernel: Version,
}

/// Builds dmmsg-trace, boots a guest and shows the tour.
///
/// # Errors
/// As [`static_build::programs`], [`Boot::new`] and [`Boot::run`].
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    // Before the build: who lacks QEMU should not wait a minute to hear it.
    prerequisites::ensure(prerequisites::VM)?;
    let programs = static_build::programs(&["dmmsg-trace"])?;
    let mut boot = Boot::new(&Cache::open()?, arguments.kernel)?;
    let mut tour = tempfile::NamedTempFile::new().context("create a temporary file")?;
    tour.write_all(TOUR.as_bytes()).context("write the tour's script")?;
    boot.files.push(GuestFile::program(tour.path(), "/usr/bin/demo"));
    for program in programs {
        boot.files.push(GuestFile::program(program, "/usr/bin/dmmsg-trace"));
    }
    boot.command = vec!["sh".into(), "/usr/bin/demo".into()];

    let results = tempfile::tempdir().context("create a temporary folder")?;
    let outcome = boot.run(results.path())?;
    if outcome.exit_code == 0 {
        println!(
            "\nOn your own machine: cargo install --locked --path dmmsg-user && \
             sudo ~/.cargo/bin/dmmsg-trace"
        );
    }
    Ok(ExitCode::from(outcome.exit_code))
}
