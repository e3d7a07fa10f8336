//! Our programs linked statically, so that they run in any guest.
//!
//! They have a target folder of their own: other flags in the shared one would make every build
//! rebuild everything.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo::{self, Program};

/// The guests' target; glibc links statically with `crt-static` (there need not be a musl target).
const TARGET: &str = "x86_64-unknown-linux-gnu";
const PACKAGE: &str = "dmmsg-user";
/// The name of dmmsg-user's integration tests, which are one program.
pub const TESTS: &str = "it";

/// Builds the programs `names` of dmmsg-user in the release profile; their paths, in that order.
///
/// # Errors
/// If they cannot be built here.
pub fn programs(names: &[&str]) -> Result<Vec<PathBuf>> {
    let mut cargo = command("build")?;
    for name in names {
        cargo.args(["--bin", name]);
    }
    let built = cargo::build(&names.join(", "), &mut cargo)?;
    let find = |name: &&str| {
        let program = built.iter().find(|program| program.name == **name);
        program.map(|program| program.path.clone()).with_context(|| format!("find {name}"))
    };
    names.iter().map(find).collect()
}

/// Builds every program of dmmsg-user, and the example that sends messages, in the release profile.
///
/// # Errors
/// If they cannot be built here.
pub fn all_programs() -> Result<Vec<Program>> {
    let what = "the programs for guests";
    cargo::build(what, command("build")?.args(["--bins", "--example", "flood"]))
}

/// Builds dmmsg-user's integration tests.
///
/// # Errors
/// If they cannot be built here.
pub fn integration_tests() -> Result<Program> {
    let what = "the tests for guests";
    let built = cargo::build(what, command("test")?.args(["--no-run", "--test", TESTS]))?;
    built.into_iter().find(|program| program.is_test).context("find the tests that were built")
}

fn command(subcommand: &str) -> Result<Command> {
    if cfg!(not(target_arch = "x86_64")) {
        bail!("build for {TARGET}: the guests are x86_64 machines, and so must be this one");
    }
    let mut cargo = cargo::command(subcommand);
    cargo.env("RUSTFLAGS", "-C target-feature=+crt-static").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo.args(["--release", "--package", PACKAGE, "--target", TARGET, "--target-dir"]);
    cargo.arg(cargo::workspace().join("target/static"));
    Ok(cargo)
}
