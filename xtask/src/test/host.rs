//! The tests that need no guest: those of every crate, on this machine.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::geteuid;

use super::report::TestResult;
use super::{Filter, guests, libtest};
use crate::cache::Cache;
use crate::cargo::{self, Program};
use crate::child::{self, Guarded};
use crate::prometheus::Prometheus;
use crate::{progress, tool};

/// How long one test program may take; the slowest takes seconds.
const PATIENCE: Duration = Duration::from_mins(10);

/// Runs those tests of the default members that need no guest.
///
/// # Errors
/// If they cannot be built or started.
pub fn run(filter: Filter) -> Result<Vec<TestResult>> {
    let mut results = Vec::new();
    for program in build()? {
        results.extend(run_program(&program, filter)?);
    }
    Ok(results)
}

/// Builds every test of the default members.
///
/// # Errors
/// If that fails.
pub fn build() -> Result<Vec<Program>> {
    let mut built = cargo::build("the tests", cargo::command("test").arg("--no-run"))?;
    built.retain(|program| program.is_test);
    Ok(built)
}

/// The names of the tests in `program`.
///
/// # Errors
/// If it cannot be started.
pub fn names(program: &Program) -> Result<Vec<String>> {
    let mut list = tool::command(&program.path.to_string_lossy());
    let list = tool::text(list.args(libtest::LIST));
    Ok(libtest::names(&list.with_context(|| format!("list the tests in {}", program.name))?))
}

fn run_program(program: &Program, filter: Filter) -> Result<Vec<TestResult>> {
    let full = |name: &str| format!("{} {name}", program.name);
    let mut names = names(program)?;
    names.retain(|name| !guests::is_for_guests(name) && filter.admits(&full(name)));
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let promtool = if names.iter().any(|name| needs_promtool(name)) { promtool() } else { None };
    let what = format!("{} tests in {}", names.len(), program.name);
    let run = || print(program, &names, promtool.as_deref());
    let printed = progress::step(&what, run).with_context(|| what)?;
    let outcomes = libtest::outcomes(&names, &printed);
    let results = names.iter().zip(outcomes);
    Ok(results.map(|(name, outcome)| TestResult { name: full(name), outcome }).collect())
}

/// Whether a test is named after the program that it needs.
fn needs_promtool(name: &str) -> bool {
    name.contains("promtool")
}

/// Debian's promtool, or a word on why there is none.
fn promtool() -> Option<PathBuf> {
    let fetched = Cache::open().and_then(|cache| Prometheus::fetch(&cache));
    let fetched = fetched.inspect_err(|error| progress::note(&format!("no promtool: {error:#}")));
    Some(fetched.ok()?.promtool())
}

/// What `program` prints as it runs the tests `names`, until it ends or takes too long.
fn print(program: &Program, names: &[String], promtool: Option<&Path>) -> Result<String> {
    let mut command = child::command(&program.path.to_string_lossy());
    // As cargo does: tests find their files by these.
    command.current_dir(&program.package).env("CARGO_MANIFEST_DIR", &program.package);
    command.args(libtest::ARGUMENTS).args(names);
    if let Some(promtool) = promtool {
        command.env("DMMSG_PROMTOOL", promtool);
    }
    if geteuid().is_root() {
        command.env("DMMSG_REQUIRE", "root,promtool");
    }
    let (mut running, mut stdout) = Guarded::spawn(&mut command)?;
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut printed = Vec::new();
            stdout.read_to_end(&mut printed).map(|_| printed)
        });
        running.wait(Instant::now() + PATIENCE, || false)?;
        drop(running);
        let Ok(printed) = reader.join() else { bail!("read what it prints: the reader panicked") };
        Ok(String::from_utf8_lossy(&printed?).into_owned())
    })
}
