//! `cargo xtask ebpf`: the kernel programs, built the same everywhere.
//!
//! The objects are in the repository, so that nobody needs their toolchain who does not change them.
//! Beside them stand the versions of the tools that built them: with those the same source gives the
//! same bytes, in any folder on any machine, which `--check` holds; with others it need not.

mod linker;
mod object;
mod recipe;
mod toolchain;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::cache::Cache;
use crate::{cargo, progress};

const PACKAGE: &str = "dmmsg-ebpf";
/// Names the tools that built the objects beside it.
const RECORD: &str = "TOOLCHAIN";

/// What the command line says.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Build, and compare with the objects in the repository instead of replacing them
    #[arg(long)]
    check: bool,
}

/// How the objects in the repository compare to what their source builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Byte for byte the same.
    Same,
    /// They differ, and so do the tools that built them.
    OtherTools,
}

/// What a build gives.
struct Built {
    /// Each object's name in the repository, with its bytes.
    objects: Vec<(String, Vec<u8>)>,
    /// The versions of the tools.
    tools: String,
}

/// Builds the objects and puts them into the repository, or checks them.
///
/// # Errors
/// As [`check`].
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.check {
        let text = match check()? {
            Comparison::Same => "the kernel programs in the repository are up to date",
            Comparison::OtherTools => {
                "the kernel programs build; whether those in the repository are up to date these \
                 tools cannot tell"
            }
        };
        println!("{text}");
        return Ok(ExitCode::SUCCESS);
    }
    let built = build()?;
    for (name, bytes) in &built.objects {
        let place = prebuilt().join(name);
        fs::write(&place, bytes).with_context(|| format!("write {}", place.display()))?;
        println!("{name}: {} bytes", bytes.len());
    }
    fs::write(prebuilt().join(RECORD), &built.tools).context("write the tools' versions")?;
    Ok(ExitCode::SUCCESS)
}

/// Builds the objects and compares them with those in the repository.
///
/// # Errors
/// If they cannot be built, or the same tools give other bytes.
pub fn check() -> Result<Comparison> {
    let built = build()?;
    let record = fs::read_to_string(prebuilt().join(RECORD)).unwrap_or_default();
    let differs = |(name, bytes): &&(String, Vec<u8>)| {
        fs::read(prebuilt().join(name)).ok().as_ref() != Some(bytes)
    };
    let differing: Vec<&str> =
        built.objects.iter().filter(differs).map(|(name, _)| name.as_str()).collect();
    if differing.is_empty() {
        return Ok(Comparison::Same);
    }
    let differing = differing.join(", ");
    if record == built.tools {
        bail!(
            "{differing} in dmmsg-ebpf/prebuilt is not what the source builds: run `cargo xtask \
             ebpf` and commit the result"
        );
    }
    progress::note(&format!(
        "{differing} differs from what these tools build, and they are not the tools of the \
         repository\nhere:\n{}repository:\n{record}",
        built.tools
    ));
    Ok(Comparison::OtherTools)
}

/// Commands that lint the kernel programs, each with what its name ends in.
///
/// For this machine's target, because the linter must be of the compiler that built `core`; the
/// release profile, because without the standard library a panic must abort.
pub fn clippies() -> impl Iterator<Item = (&'static str, Command)> {
    recipe::VARIANTS.into_iter().map(|(suffix, variant)| {
        let mut clippy = cargo::command("clippy");
        clippy.env("RUSTC_BOOTSTRAP", "1");
        clippy.args(["--release", "--package", PACKAGE, "--no-deps"]).args(variant);
        clippy.arg("--target-dir").arg(target()).args(["--", "-D", "warnings"]);
        (suffix, clippy)
    })
}

fn build() -> Result<Built> {
    let cache = Cache::open()?;
    let tools = toolchain::obtain(&cache)?;
    progress::step("building the kernel programs", || recipe::build(&tools, &target()))?;
    let objects = cargo::binaries(PACKAGE)?.into_iter().map(|name| {
        let bytes = recipe::strip(&tools, &target(), &name)?;
        object::check(&bytes, &object::private_names()?)
            .with_context(|| format!("check {name}"))?;
        Ok((format!("{name}.o"), bytes))
    });
    Ok(Built { objects: objects.collect::<Result<_>>()?, tools: tools.versions()? })
}

fn target() -> PathBuf {
    cargo::workspace().join("target/ebpf")
}

fn prebuilt() -> PathBuf {
    cargo::workspace().join(PACKAGE).join("prebuilt")
}
