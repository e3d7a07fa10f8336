//! What became of the tests, for people.

use std::fmt;
use std::time::Instant;

use anyhow::Result;

use crate::tool;

/// How many last lines of a failed test's output are shown.
const TAIL_LINES: usize = 60;
/// How many characters of such a line are shown.
const LINE_CHARS: usize = 500;

/// One test and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// Unique among all tests of a run.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What becomes of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it should.
    Passed,
    /// It did not; what it wrote.
    Failed(String),
    /// It could not run here; why.
    Skipped(String),
}

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// Collects results part by part and shows them as they come.
#[derive(Default)]
pub struct Report {
    counts: Counts,
    failed: Vec<String>,
    times: Vec<String>,
}

impl Report {
    /// Runs one part; a part that cannot run is a failed test.
    pub fn part(&mut self, what: &str, run: impl FnOnce() -> Result<Vec<TestResult>>) {
        println!("── {what}");
        let started = Instant::now();
        let results = run().unwrap_or_else(|error| {
            vec![TestResult { name: what.into(), outcome: Outcome::Failed(format!("{error:#}")) }]
        });
        let counts = Counts::of(&results);
        let seconds = started.elapsed().as_secs_f32();
        self.show(results);
        println!("   {counts} in {seconds:.1} s\n");
        self.times.push(format!("{what} {seconds:.0} s"));
        self.counts = self.counts.plus(counts);
    }

    /// Shows the summary; whether there were tests and none failed.
    pub fn end(self) -> bool {
        println!("time: {}", self.times.join(", "));
        if self.counts == Counts::default() {
            println!("no test has that in its name");
        }
        for name in &self.failed {
            println!("failed: {name}");
        }
        println!("{}", self.counts);
        self.failed.is_empty() && self.counts != Counts::default()
    }

    fn show(&mut self, results: Vec<TestResult>) {
        for TestResult { name, outcome } in results {
            match outcome {
                Outcome::Passed => {}
                Outcome::Skipped(reason) => println!("   skipped: {name}: {reason}"),
                Outcome::Failed(output) => {
                    println!("   failed: {name}");
                    for line in tool::tail(&output, TAIL_LINES).lines() {
                        println!("{}", clip(line));
                    }
                    self.failed.push(name);
                }
            }
        }
    }
}

/// A line as far as it can be read: a failed comparison of two long values is one line each.
fn clip(line: &str) -> String {
    match line.char_indices().nth(LINE_CHARS) {
        Some((end, _)) => format!("{} …", line.get(..end).unwrap_or(line)),
        None => line.to_owned(),
    }
}

impl Counts {
    fn of(results: &[TestResult]) -> Self {
        results.iter().fold(Self::default(), |mut counts, result| {
            *match result.outcome {
                Outcome::Passed => &mut counts.passed,
                Outcome::Failed(_) => &mut counts.failed,
                Outcome::Skipped(_) => &mut counts.skipped,
            } += 1;
            counts
        })
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_between_characters() {
        assert_eq!(clip("kurz"), "kurz");
        let long = "ä".repeat(LINE_CHARS + 1);
        assert_eq!(clip(&long), format!("{} …", "ä".repeat(LINE_CHARS)));
    }

    #[test]
    fn every_result_counts_once() {
        let result = |outcome| TestResult { name: String::new(), outcome };
        let results = [
            result(Outcome::Passed),
            result(Outcome::Failed("why".into())),
            result(Outcome::Skipped("why".into())),
            result(Outcome::Passed),
        ];
        let counts = Counts::of(&results);
        assert_eq!(counts.to_string(), "2 passed, 1 failed, 1 skipped");
        assert_eq!(counts.plus(counts).to_string(), "4 passed, 2 failed, 2 skipped");
    }
}
