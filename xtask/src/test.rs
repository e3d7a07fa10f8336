//! `cargo xtask test`: everything that decides whether the project is sound.
//!
//! Its parts run one after the other, the quick ones first, and none stops the others. The last line
//! is the sum over all parts and stands alone: `N passed, N failed, N skipped`.

mod checks;
mod guests;
mod host;
mod libtest;
mod page;
mod report;

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use report::{Report, TestResult};

const EXAMPLES: &str = "\
Examples:
  cargo xtask test            everything
  cargo xtask test clippy     only what has clippy in its name
  cargo xtask test vm_        only what runs in a guest
  cargo xtask test page-in    only the exporter's page in a browser
  cargo xtask test linux-6.1  only what runs on that kernel

As root on Debian or a relative of it, missing packages are installed. A test that cannot run here
counts as skipped and says why.";

/// What the command line says.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only tests whose name contains this
    filter: Option<String>,
}

/// Which tests are wanted.
#[derive(Clone, Copy, Debug)]
struct Filter<'a>(&'a str);

impl Filter<'_> {
    fn admits(self, name: &str) -> bool {
        name.contains(self.0)
    }
}

/// A part of the tests: given what is wanted, the results.
type Part = fn(Filter) -> Result<Vec<TestResult>>;

/// All parts, with what they say of themselves.
const PARTS: &[(&str, Part)] = &[
    ("format and lints", checks::source),
    ("tests on this machine", host::run),
    ("kernel programs", checks::kernel_programs),
    ("page in a browser", page::run),
    ("tests in guests", guests::run),
];

/// Runs the tests and prints the report; whatever goes wrong is a failed test.
pub fn run(arguments: &Arguments) -> ExitCode {
    let filter = Filter(arguments.filter.as_deref().unwrap_or_default());
    let mut report = Report::default();
    for &(what, part) in PARTS {
        report.part(what, || part(filter));
    }
    if report.end() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
