//! How the kernel programs are compiled, with nothing of this machine in the result.
//!
//! Type information (BTF) comes out of debug information, which names source files: every folder that
//! differs from machine to machine gets a name that does not.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::PACKAGE;
use super::toolchain::Tools;
use crate::{cargo, tool};

const TARGET: &str = "bpfel-unknown-none";

/// Compiler flags besides the names of folders. `v3` has 32-bit operations and loads on every kernel
/// that the project supports.
const FLAGS: &[&str] =
    &["-Cdebuginfo=2", "-Clink-arg=--btf", "-Clinker=bpf-linker", "-Ctarget-cpu=v3"];

/// What to build, by cargo's arguments: the library is another one for those that count, and for old
/// kernels.
pub const VARIANTS: [(&str, &[&str]); 4] = [
    ("", &[]),
    ("-5.10", &["--features", "kernel-5-10", "--bin", "trace-5-10"]),
    ("-count", &["--features", "counting", "--bin", "count"]),
    ("-count-5.10", &["--features", "counting,kernel-5-10", "--bin", "count-5-10"]),
];

/// Builds all kernel programs below the folder `target`.
///
/// # Errors
/// If the build fails; the error ends with what the compiler said.
pub fn build(tools: &Tools, target: &Path) -> Result<()> {
    for (_, words) in VARIANTS {
        build_variant(tools, target, words)?;
    }
    Ok(())
}

fn build_variant(tools: &Tools, target: &Path, words: &[&str]) -> Result<()> {
    let mut cargo = cargo::command("build");
    cargo.args(["--release", "--locked", "--package", PACKAGE, "--target", TARGET]).args(words);
    cargo.args(["-Zbuild-std=core", "--target-dir"]).arg(target);
    // The unstable option is all that a stable compiler lacks.
    cargo.env("RUSTC", &tools.rustc).env("RUSTC_BOOTSTRAP", "1");
    cargo.env("PATH", tools.path_with_linker()?);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(&renamed_folders(tools)?).join("\x1f"));
    tool::output(&mut cargo).context("build the kernel programs")?;
    Ok(())
}

/// The program `name` as the repository keeps it: with BTF, without debug information.
///
/// # Errors
/// If it has not been built.
pub fn strip(tools: &Tools, target: &Path, name: &str) -> Result<Vec<u8>> {
    let folder = target.join(TARGET).join("release");
    let stripped = folder.join(format!("{name}.stripped"));
    let mut strip = tool::command(&tools.objcopy.to_string_lossy());
    strip.arg("--strip-debug").arg(folder.join(name)).arg(&stripped);
    tool::output(&mut strip).with_context(|| format!("strip {name}"))?;
    fs::read(&stripped).with_context(|| format!("read {}", stripped.display()))
}

/// Folders of this machine, with the names they get.
fn renamed_folders(tools: &Tools) -> Result<Vec<(PathBuf, &'static str)>> {
    let cargo_home = cargo::home()?;
    let mut folders = vec![
        (tools.sysroot.join("lib/rustlib/src/rust"), "/rust"),
        (cargo_home.clone(), "/cargo"),
        (cargo::workspace().to_owned(), "/dmmsg"),
    ];
    // A registry's folder has the name of its host.
    let registries = cargo_home.join("registry/src");
    let entries =
        fs::read_dir(&registries).with_context(|| format!("read {}", registries.display()))?;
    for entry in entries {
        folders.push((entry.context("read a registry's folder")?.path(), "/registry"));
    }
    Ok(folders)
}

/// All compiler flags. Of several folders that a path is in, the one that comes last decides.
fn flags(folders: &[(PathBuf, &'static str)]) -> Vec<String> {
    let mut folders: Vec<_> = folders.iter().collect();
    folders.sort_by_key(|(folder, _)| folder.components().count());
    let renamed = folders
        .iter()
        .map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display()));
    FLAGS.iter().map(|&flag| flag.to_owned()).chain(renamed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_folder_decides() {
        let folders =
            [("/h/.cargo/registry/src/x".into(), "/registry"), ("/h/.cargo".into(), "/cargo")];
        let flags = flags(&folders);
        let (_, renamed) = flags.split_at(FLAGS.len());
        assert_eq!(
            renamed,
            [
                "--remap-path-prefix=/h/.cargo=/cargo",
                "--remap-path-prefix=/h/.cargo/registry/src/x=/registry"
            ]
        );
    }
}
