//! Our programs linked statically, so that they run in any guest.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The guests' target; glibc links statically with `crt-static` (there need not be a musl target).
const TARGET: &str = "x86_64-unknown-linux-gnu";
const PACKAGE: &str = "dmmsg-user";

/// The folder of the workspace.
pub fn workspace() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Builds the programs `names` of dmmsg-user in the release profile; their paths, in that order.
///
/// They have a target folder of their own: other flags in the shared one would make every build
/// rebuild everything.
///
/// # Errors
/// If they cannot be built here.
pub fn programs(names: &[&str]) -> Result<Vec<PathBuf>> {
    if cfg!(not(target_arch = "x86_64")) {
        bail!("build for {TARGET}: the guests are x86_64 machines, and so must be this one");
    }
    let folder = workspace().join("target/static");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).env("RUSTFLAGS", "-C target-feature=+crt-static");
    cargo.args(["build", "--release", "--package", PACKAGE, "--target", TARGET, "--target-dir"]);
    cargo.arg(&folder);
    for name in names {
        cargo.args(["--bin", name]);
    }
    // cargo shows its own progress.
    let status = cargo.status().context("start cargo")?;
    if !status.success() {
        bail!("build {}: cargo ended with {status}", names.join(", "));
    }
    let built = folder.join(TARGET).join("release");
    Ok(names.iter().map(|name| built.join(name)).collect())
}
