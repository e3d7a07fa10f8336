//! bpf-linker, built for one LLVM and kept in the cache.
//!
//! It reads what the compiler's LLVM wrote, so it must be of the same release or a later one; that of
//! the compiler is what is built.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::{cargo, progress, tool};

/// The version whose objects are in the repository.
const VERSION: &str = "0.13.0";
/// Releases of LLVM that it can be built with.
pub const LLVMS: &[u32] = &[21, 22, 23];

/// The folder with bpf-linker in it, for release `llvm`, which is installed in the folder `prefix`.
///
/// # Errors
/// If it is not cached and cannot be built.
pub fn folder(cache: &Cache, llvm: u32, prefix: &Path) -> Result<PathBuf> {
    let entry = cache.entry("bpf-linker", (VERSION, llvm), |draft| {
        let mut install = cargo::command("install");
        install.env("LLVM_PREFIX", prefix).args(["bpf-linker", "--version", VERSION, "--locked"]);
        install.args(["--no-default-features", "--features", &format!("llvm-{llvm}"), "--root"]);
        install.arg(draft);
        let what = format!("building bpf-linker {VERSION} for LLVM {llvm}");
        progress::step(&what, || tool::output(&mut install)).with_context(|| what)?;
        Ok(())
    });
    Ok(entry?.join("bin"))
}
