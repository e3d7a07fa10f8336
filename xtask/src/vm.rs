//! `cargo xtask vm`: one command in a fresh guest.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use crate::cache::Cache;
use crate::console::Console;
use crate::initramfs::GuestFile;
use crate::kernel::Version;
use crate::qemu::Boot;
use crate::{progress, rootfs};

const EXAMPLES: &str = "\
Examples:
  cargo xtask vm -- uname -a
  cargo xtask vm --kernel 6.1 -- dmsetup targets
  cargo xtask vm -- sh -c 'pvcreate /dev/ram0 && pvs'
  cargo xtask vm --file ./script.sh:/root/script.sh -- /root/script.sh
  cargo xtask vm --package bpftrace --memory 3072 -- bpftrace -V
  cargo xtask vm --keep /tmp/results -- sh -c 'dmsetup version > /out/version'
  cargo xtask vm --icount -- dmsetup targets

The guest has lvm2, dmsetup, cryptsetup, thin-provisioning-tools, strace, busybox and sixteen ram
disks of 64 MiB (/dev/ram0 to /dev/ram15). Files reach it through --file, results leave it through
/out. The exit status is the command's.";

/// What the command line says.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Kernel series
    #[arg(long, value_enum, default_value = "6.12")]
    kernel: Version,
    /// Virtual processors
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    smp: u8,
    /// Memory in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    memory: u32,
    /// Make the guest's clock count instructions (one emulated processor)
    #[arg(long)]
    icount: bool,
    /// Give up after this time, as in 90s, 10m, 1h
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    timeout: Duration,
    /// Put a file into the guest, with its permissions
    #[arg(long, value_name = "HOST:GUEST", value_parser = guest_file)]
    file: Vec<GuestFile>,
    /// Put a package of Debian 12 into the guest, with all it depends on
    #[arg(long, value_name = "NAME")]
    package: Vec<String>,
    /// Do not show the console
    #[arg(long)]
    quiet: bool,
    /// Keep console and results in this folder
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true)]
    command: Vec<String>,
}

/// Boots the guest and runs the command.
///
/// # Errors
/// As [`Boot::new`] and [`Boot::run`].
pub fn run(arguments: Arguments) -> Result<ExitCode> {
    let cache = Cache::open()?;
    let mut boot = Boot::new(&cache, arguments.kernel)?;
    for package in &arguments.package {
        boot.archives.push(rootfs::layer(&cache, &[package])?);
    }
    boot.smp = arguments.smp;
    boot.memory_mib = arguments.memory;
    boot.icount = arguments.icount;
    boot.timeout = arguments.timeout;
    boot.files = arguments.file;
    boot.command = arguments.command;
    if arguments.quiet {
        boot.console = Console::Hide;
    }

    let scratch = tempfile::tempdir().context("create a temporary folder")?;
    let results = arguments.keep.as_deref().unwrap_or(scratch.path());
    let outcome = boot.run(results)?;
    if arguments.keep.is_some() {
        let (console, out) = (outcome.console.display(), outcome.out.display());
        progress::note(&format!("console: {console}, /out: {out}"));
    }
    Ok(ExitCode::from(outcome.exit_code))
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(['s', 'm', 'h']);
    let number: u64 = digits.parse().map_err(|_| format!("`{text}` is not a time like 90s"))?;
    match text.strip_prefix(digits).unwrap_or_default() {
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3600))),
        _ => Err(format!("`{text}` needs one unit: s, m or h")),
    }
}

fn guest_file(text: &str) -> Result<GuestFile, String> {
    use std::os::unix::fs::PermissionsExt;
    let (host, guest) = text.rsplit_once(':').ok_or("write HOST:GUEST")?;
    if !guest.starts_with('/') {
        return Err(format!("`{guest}` is not an absolute path"));
    }
    let metadata = std::fs::metadata(host).map_err(|error| format!("read {host}: {error}"))?;
    let mode = metadata.permissions().mode() & 0o7777;
    Ok(GuestFile { guest: guest.to_owned(), host: host.into(), mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_one_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        assert!(duration("10").is_err());
        assert!(duration("10ms").is_err());
        assert!(duration("m").is_err());
    }

    #[test]
    fn a_guest_file_needs_both_ends() {
        let file = guest_file("/bin/sh:/usr/bin/x").unwrap();
        assert_eq!((file.guest.as_str(), file.mode & 0o111), ("/usr/bin/x", 0o111));
        assert!(guest_file("/bin/sh").is_err());
        assert!(guest_file("/bin/sh:relative").is_err());
        assert!(guest_file("/no/such/file:/x").is_err());
    }
}
