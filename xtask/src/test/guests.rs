//! The integration tests that need a device-mapper: one guest for each kernel.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{fs, iter, thread};

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::report::{Outcome, TestResult};
use super::{Filter, host, libtest};
use crate::cache::Cache;
use crate::cargo::Program;
use crate::console::Console;
use crate::initramfs::GuestFile;
use crate::kernel::Version;
use crate::prometheus::Prometheus;
use crate::qemu::Boot;
use crate::{prerequisites, rootfs, static_build};

/// How long all tests of one kernel may take, emulated.
const PATIENCE: Duration = Duration::from_mins(30);

/// What tests compare dmmsg with, besides strace; too large for every guest.
const WITNESSES: &[&str] = &["bpftrace"];
/// Of these, the packages above take 300.
const MEMORY_MIB: u32 = 2048;

/// Where tests run for which one kernel is enough.
const ONE_KERNEL: Version = Version::V6_12;

/// Tests of what user space does with what any kernel gives it, by parts of their names.
///
/// Each takes some seconds, emulated, four times over.
const FOR_ONE_KERNEL: &[&str] = &[
    "prometheus",
    "vm::captures::vm_a_capture_shows_what_the_run_showed",
    "vm::captures::vm_a_filter_holds_for_the_capture",
    "vm::direct_filters::",
    "vm::export::vm_series_stay_bounded_whatever_is_sent",
    "vm::hist::vm_histograms_come_at_intervals",
    "vm::ioctls::vm_filters_hold_for_ioctls",
    "vm::lifecycle::vm_a_reader_that_goes_away_ends_the_run",
    "vm::lifecycle::vm_a_run_ends_after_a_count_or_a_time",
    "vm::load::vm_losses_are_an_error_if_that_is_asked_for",
    "vm::text::vm_texts_cannot_act_on_a_terminal",
    "vm::top::",
];

/// Whether a test runs in guests alone: it is named so, or the module it is in.
pub fn is_for_guests(name: &str) -> bool {
    is_named(name, "vm_")
}

/// Whether a test runs in guests too: verifiers of old kernels have mistakes of their own.
fn is_for_old_kernels(name: &str) -> bool {
    is_for_guests(name) || is_named(name, "root_")
}

/// Whether a test runs on this kernel.
fn runs_on(version: Version, name: &str) -> bool {
    version == ONE_KERNEL || !FOR_ONE_KERNEL.iter().any(|part| name.contains(part))
}

fn is_named(name: &str, prefix: &str) -> bool {
    name.split("::").any(|part| part.starts_with(prefix))
}

/// Builds programs and tests and runs the tests on each kernel.
///
/// # Errors
/// If something cannot be built.
pub fn run(filter: Filter) -> Result<Vec<TestResult>> {
    let mut names = Vec::new();
    for program in host::build()?.iter().filter(|program| program.name == static_build::TESTS) {
        names.extend(host::names(program)?);
    }
    names.retain(|name| is_for_old_kernels(name));
    let wanted = |version: Version| -> Vec<String> {
        let names = names.iter().filter(|name| runs_on(version, name));
        names.filter(|name| filter.admits(&full(version, name))).cloned().collect()
    };
    let versions = Version::value_variants().iter();
    let runs = versions.map(|&version| (version, wanted(version)));
    let runs: Vec<_> = runs.filter(|(_, names)| !names.is_empty()).collect();
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    prerequisites::ensure(prerequisites::VM)?;
    let tests = static_build::integration_tests()?;
    let programs = static_build::all_programs()?;
    // One after the other, since they download what is missing.
    let guests = runs.into_iter().map(|(version, names)| {
        let boot = boot(version, &names, &tests, &programs);
        Guest { version, names, boot }
    });
    let results = two_at_a_time(guests.collect(), Guest::run);
    Ok(results.into_iter().flatten().collect())
}

/// Does `work` for each of `items` in two threads; returns the results in the order of the items.
///
/// Two guests of two processors keep two cores busy, which one does not, since it waits a lot.
fn two_at_a_time<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let waiting = Mutex::new(items.into_iter().enumerate());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let lane = || iter::from_fn(next).map(|(nth, item)| (nth, work(item))).collect::<Vec<_>>();
    let mut done = thread::scope(|scope| {
        let other = scope.spawn(lane);
        let mut done = lane();
        match other.join() {
            Ok(others) => done.extend(others),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        done
    });
    done.sort_by_key(|(nth, _)| *nth);
    done.into_iter().map(|(_, result)| result).collect()
}

fn full(version: Version, name: &str) -> String {
    format!("linux-{} {name}", version.series())
}

/// A guest and the tests that it runs.
struct Guest {
    version: Version,
    names: Vec<String>,
    /// Or why there can be none.
    boot: Result<Boot>,
}

impl Guest {
    fn run(self) -> Vec<TestResult> {
        let Self { version, names, boot } = self;
        let (console, ended) =
            boot.map_or_else(|error| (String::new(), Err(error)), |boot| Self::watch(&boot));
        let mut outcomes = libtest::outcomes(&names, &console);
        if let Err(error) = ended {
            blame(&mut outcomes, &format!("{error:#}"));
        }
        let result =
            |(name, outcome): (&String, _)| TestResult { name: full(version, name), outcome };
        names.iter().zip(outcomes).map(result).collect()
    }

    /// Runs the guest; gives what its console had, and why it ended badly.
    fn watch(boot: &Boot) -> (String, Result<()>) {
        let folder = match tempfile::tempdir().context("create a temporary folder") {
            Ok(folder) => folder,
            Err(error) => return (String::new(), Err(error)),
        };
        let ended = boot.run(folder.path()).map(drop);
        // A guest that died has said something before, maybe; one that never came up has no console.
        let console = fs::read(folder.path().join("console.txt")).unwrap_or_default();
        (String::from_utf8_lossy(&console).into_owned(), ended)
    }
}

/// Tells the first test that did not pass why: the guest died in it.
fn blame(outcomes: &mut [Outcome], error: &str) {
    let first = outcomes.iter_mut().find_map(|outcome| match outcome {
        Outcome::Failed(output) => Some(output),
        _ => None,
    });
    if let Some(output) = first {
        output.push('\n');
        output.push_str(error);
    }
}

fn boot(version: Version, names: &[String], tests: &Program, programs: &[Program]) -> Result<Boot> {
    let cache = Cache::open()?;
    let mut boot = Boot::new(&cache, version)?;
    boot.archives.push(rootfs::layer(&cache, WITNESSES)?);
    let mut required = "root,vm".to_owned();
    if version == ONE_KERNEL {
        boot.disk = Some(Prometheus::fetch(&cache)?.disk());
        required.push_str(",prometheus");
    }
    boot.memory_mib = MEMORY_MIB;
    boot.timeout = PATIENCE;
    boot.console = Console::Lines { start: "test ", label: version.series() };
    boot.command = vec!["env".into(), format!("DMMSG_REQUIRE={required}")];
    for Program { name, path, .. } in programs {
        let place = format!("/usr/bin/{name}");
        boot.command.push(format!("{}={place}", variable(name)));
        boot.files.push(GuestFile::program(path, place));
    }
    boot.files.push(GuestFile::program(&tests.path, "/usr/bin/it"));
    boot.command.extend(["it", "--test-threads=1"].map(str::to_owned));
    boot.command.extend(libtest::ARGUMENTS.iter().copied().map(str::to_owned));
    boot.command.extend_from_slice(names);
    Ok(boot)
}

/// The environment variable by which the tests find a program: DMMSG_TRACE for dmmsg-trace.
fn variable(program: &str) -> String {
    program.to_uppercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_a_module_is_for_guests() {
        assert!(is_for_guests("vm_thin") && is_for_guests("trace::vm_thin"));
        assert!(is_for_guests("vm_trace::thin"));
        assert!(!is_for_guests("vm::tests::times") && !is_for_guests("a_vm_b"));
    }

    #[test]
    fn one_kernel_is_enough_for_what_is_not_the_kernels() {
        let runs = |name| Version::value_variants().iter().filter(|v| runs_on(**v, name)).count();
        assert_eq!(runs("vm::scrape::vm_prometheus_counts_what_was_sent"), 1);
        assert_eq!(runs("vm::top::vm_a_screen_needs_a_terminal"), 1);
        assert_eq!(runs("vm::hist::vm_histograms_count_what_rows_show"), 4);
    }

    #[test]
    fn results_of_two_threads_are_in_order() {
        let (started, first) = std::sync::mpsc::channel();
        let first = Mutex::new(first);
        let results = two_at_a_time(vec![0, 1, 2, 3], |item| {
            // The first ends after another has, which takes a second thread.
            if item == 0 {
                first.lock().unwrap().recv().unwrap();
            } else {
                started.send(()).unwrap();
            }
            item * 10
        });
        assert_eq!(results, [0, 10, 20, 30]);
        assert!(two_at_a_time(Vec::<u8>::new(), |item| item).is_empty());
    }

    #[test]
    fn the_variable_of_a_program() {
        assert_eq!(variable("dmmsg-trace"), "DMMSG_TRACE");
    }

    #[test]
    fn the_first_test_that_did_not_pass_is_told_why() {
        let mut outcomes =
            [Outcome::Passed, Outcome::Failed("a".into()), Outcome::Failed("b".into())];
        blame(&mut outcomes, "the guest died");
        assert_eq!(outcomes[1], Outcome::Failed("a\nthe guest died".into()));
        assert_eq!(outcomes[2], Outcome::Failed("b".into()));
    }
}
