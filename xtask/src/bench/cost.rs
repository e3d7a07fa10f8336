//! `cargo xtask bench cost`: instructions a message, arm by arm, in one guest.
//!
//! The guest's clock counts instructions, so a time in ns is a number of them. That is repeatable to
//! a percent and does not depend on the machine, and only differences within one boot mean anything.

mod table;

use std::fs;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::cache::Cache;
use crate::console::Console;
use crate::initramfs::GuestFile;
use crate::kernel::Version;
use crate::qemu::Boot;
use crate::{prerequisites, progress, rootfs, static_build};

const SCRIPT: &str = include_str!("../../guest/bench-cost.sh");
/// Messages a round, and rounds an arm: one to warm up and seven. All records of an arm must fit into
/// the ring of 8 MiB, which has room for about twice as many.
const COUNT: u64 = 2000;
const ROUNDS: u64 = 8;

/// bpftrace and what it needs take 300.
const MEMORY_MIB: u32 = 3072;

/// What the command line says.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Kernel series
    #[arg(long, value_enum, default_value = "6.12")]
    kernel: Version,
    /// Exit with 1 if a budget is exceeded
    #[arg(long)]
    strict: bool,
}

/// Runs all arms in one guest and prints the table.
///
/// # Errors
/// If something cannot be built, an arm fails, or one lost messages.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    prerequisites::ensure(prerequisites::VM)?;
    let mut boot = boot(arguments.kernel)?;
    for program in static_build::all_programs()? {
        let place = format!("/usr/bin/{}", program.name);
        boot.files.push(GuestFile::program(program.path, place));
    }
    let mut script = tempfile::NamedTempFile::new().context("create a temporary file")?;
    script.write_all(SCRIPT.as_bytes()).context("write the guest's script")?;
    boot.files.push(GuestFile::program(script.path(), "/usr/bin/bench-cost"));

    let results = tempfile::tempdir().context("create a temporary folder")?;
    let outcome = boot.run(results.path())?;
    let console = fs::read_to_string(&outcome.console).context("read the guest's console")?;
    if outcome.exit_code != 0 {
        bail!("the guest's script failed:\n{console}");
    }
    let arms =
        table::read(&console).with_context(|| format!("read what the arms say:\n{console}"))?;
    table::check(&arms, COUNT * ROUNDS)?;
    progress::note(&format!("Linux {}, no arm lost a message", boot.kernel.release));
    let table = table::Table(&arms);
    print!("{table}");
    let over = arguments.strict && !table.within_budget();
    Ok(if over { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn boot(version: Version) -> Result<Boot> {
    let cache = Cache::open()?;
    let mut boot = Boot::new(&cache, version)?;
    boot.archives.push(rootfs::layer(&cache, &["bpftrace"])?);
    boot.memory_mib = MEMORY_MIB;
    boot.icount = true;
    boot.console = Console::Lines { start: "arm ", label: version.series() };
    boot.timeout = Duration::from_mins(20);
    boot.command = vec!["sh".into(), "/usr/bin/bench-cost".into()];
    boot.command.extend([COUNT.to_string(), ROUNDS.to_string()]);
    Ok(boot)
}
