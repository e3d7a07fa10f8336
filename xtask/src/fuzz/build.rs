//! The fuzz targets, built so that libFuzzer sees which code an input reaches.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{cargo, tool};

/// What makes LLVM count the edges that are taken and report what is compared with what.
///
/// Source: cargo-fuzz, `src/project.rs`, 0.13; all of it is stable, unlike the sanitizers, which safe
/// code needs least.
const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg",
    "fuzzing",
];

/// Builds the targets; a way to find each by its name.
///
/// # Errors
/// If they cannot be built.
pub fn targets() -> Result<impl Fn(&str) -> Result<PathBuf>> {
    let folder = cargo::workspace().join("target/fuzz/build");
    let mut build = cargo::command("build");
    build.args(["--package", "fuzz", "--profile", "fuzz", "--bins", "--target"]).arg(host()?);
    build.arg("--target-dir").arg(folder);
    // With a target named, what runs while building is built without.
    build.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
    let programs = cargo::build("the fuzz targets", &mut build)?;
    Ok(move |name: &str| {
        let is_it = |found: &&cargo::Program| found.name == format!("fuzz-{name}");
        let program = programs.iter().find(is_it);
        Ok(program.with_context(|| format!("find the fuzz target {name}"))?.path.clone())
    })
}

/// Writes inputs to start from.
///
/// # Errors
/// If they cannot be made.
pub fn seeds(folder: &Path) -> Result<()> {
    let mut build = cargo::command("build");
    build.args(["--package", "dmmsg-user", "--example", "seeds"]);
    let programs = cargo::build("the seeds", &mut build)?;
    let program = programs.iter().find(|program| program.name == "seeds");
    let program = program.context("find what makes seeds")?;
    tool::output(Command::new(&program.path).arg(folder)).map(drop)
}

/// The triple of this machine.
fn host() -> Result<String> {
    let version = tool::text(tool::command("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("read what rustc -vV says")?.to_owned())
}
