//! Checks of the source and of what is built from it; each counts as one test.

use std::process::Command;

use anyhow::{Context, Result};

use super::Filter;
use super::report::{Outcome, TestResult};
use crate::ebpf::{self, Comparison};
use crate::{cargo, progress};

/// Format, lints and documentation of the source.
///
/// # Errors
/// If a check cannot be started.
pub fn source(filter: Filter) -> Result<Vec<TestResult>> {
    let named = |name: &str, words| (name.to_owned(), cargo_with(name, words));
    let mut checks = vec![
        named("fmt", &["--all", "--check", "--", "--color=never"]),
        named("clippy", &["--all-targets", "--", "-D", "warnings"]),
    ];
    checks.extend(ebpf::clippies().map(|(suffix, lint)| (format!("clippy-ebpf{suffix}"), lint)));
    checks.push(("doc-tests".into(), cargo_with("test", &["--doc"])));
    let wanted = checks.into_iter().filter(|(name, _)| filter.admits(name));
    wanted
        .map(|(name, mut command)| {
            let outcome = progress::step(&name, || judge(&mut command))?;
            Ok(TestResult { name, outcome })
        })
        .collect()
}

/// The kernel programs in the repository are those of the source.
///
/// # Errors
/// If they cannot be built or are others.
pub fn kernel_programs(filter: Filter) -> Result<Vec<TestResult>> {
    const NAME: &str = "ebpf-check";
    if !filter.admits(NAME) {
        return Ok(Vec::new());
    }
    let outcome = match ebpf::check()? {
        Comparison::Same => Outcome::Passed,
        Comparison::OtherTools => {
            Outcome::Skipped("other tools than the repository's give other bytes".into())
        }
    };
    Ok(vec![TestResult { name: NAME.into(), outcome }])
}

fn cargo_with(subcommand: &str, words: &[&str]) -> Command {
    let mut cargo = cargo::command(subcommand);
    cargo.args(words);
    cargo
}

/// Whether `command` succeeds.
fn judge(command: &mut Command) -> Result<Outcome> {
    let output = command.output().context("start cargo")?;
    if output.status.success() {
        return Ok(Outcome::Passed);
    }
    let printed = [output.stdout, output.stderr].concat();
    Ok(Outcome::Failed(String::from_utf8_lossy(&printed).into_owned()))
}
