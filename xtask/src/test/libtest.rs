//! What a Rust test program printed, read as the results of its tests.
//!
//! The program runs with `--show-output`: each test's captured output comes after all tests, under a
//! line of its own, for those that passed too. What a test's children write is not captured and comes
//! between the lines, hence the names asked for before: a test counts as passed only if that was said.

use std::collections::{BTreeMap, BTreeSet};

use super::report::Outcome;

/// Arguments by which a test program runs exactly the tests named after them.
pub const ARGUMENTS: &[&str] = &["--show-output", "--color=never", "--exact"];
/// Arguments by which a test program lists its tests.
pub const LIST: &[&str] = &["--list", "--format=terse"];

/// The names in what a test program printed for [`LIST`].
pub fn names(list: &str) -> Vec<String> {
    list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

/// What became of each test in `names`, given what the program printed.
pub fn outcomes(names: &[String], printed: &str) -> Vec<Outcome> {
    let run = Run::read(printed);
    names.iter().map(|name| run.outcome(name)).collect()
}

/// What one run of a test program said.
#[derive(Default)]
struct Run<'a> {
    /// Every test has run, and whether that was a success.
    end: Option<bool>,
    passed: BTreeSet<&'a str>,
    failed: BTreeSet<&'a str>,
    ignored: BTreeSet<&'a str>,
    /// Started without a word about the end, so far.
    started: Option<&'a str>,
    /// Tests that said themselves that they cannot run here, with the reason.
    skipped: Vec<(&'a str, &'a str)>,
    outputs: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Run<'a> {
    fn read(printed: &'a str) -> Self {
        let mut run = Self::default();
        let mut section = None;
        for line in printed.lines() {
            if let Some(name) = heading(line) {
                section = Some(name);
            } else if line == "successes:" || line == "failures:" {
                section = None;
            } else if let Some(result) = line.strip_prefix("test result: ") {
                section = None;
                run.end = Some(result.starts_with("ok"));
            } else if let Some(name) = section {
                run.outputs.entry(name).or_default().push(line);
                if let Some(skip) = line.strip_prefix("SKIP ") {
                    run.skipped.push((name, reason(skip)));
                }
            } else {
                run.progress(line);
            }
        }
        run
    }

    /// Takes a line from before the sections.
    fn progress(&mut self, line: &'a str) {
        match line.strip_prefix("test ").and_then(|line| line.split_once(" ... ")) {
            Some((name, word)) => {
                self.started = Some(name);
                self.said(word);
            }
            None => self.said(line),
        }
    }

    /// Takes a word about the test that started last, if it is one.
    fn said(&mut self, word: &'a str) {
        if let Some(skip) = word.strip_prefix("SKIP ") {
            self.skipped.extend(skip.split_once(": "));
            return;
        }
        let set = match word.split(',').next().unwrap_or_default().trim() {
            "ok" => &mut self.passed,
            "FAILED" => &mut self.failed,
            "ignored" => &mut self.ignored,
            _ => return,
        };
        set.extend(self.started.take());
    }

    fn outcome(&self, name: &str) -> Outcome {
        let output = self.outputs.get(name).map(|lines| lines.join("\n")).unwrap_or_default();
        let skip = self.skipped.iter().find(|(skipped, _)| {
            name == *skipped || name.rsplit_once("::").is_some_and(|(_, last)| last == *skipped)
        });
        let passed = self.passed.contains(name) || self.end == Some(true);
        match skip {
            _ if self.failed.contains(name) => Outcome::Failed(output),
            _ if self.ignored.contains(name) => Outcome::Skipped("ignored".into()),
            Some((_, reason)) if passed => Outcome::Skipped((*reason).into()),
            None if passed => Outcome::Passed,
            _ if self.started == Some(name) => Outcome::Failed("it started and did not end".into()),
            _ if self.end.is_some() => {
                Outcome::Failed(format!("{output}\nno word of how it ended"))
            }
            _ => Outcome::Failed("it did not run: the tests ended before it".into()),
        }
    }
}

/// The test that the output after this line is of.
fn heading(line: &str) -> Option<&str> {
    let name = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    name.strip_suffix(" stdout").or_else(|| name.strip_suffix(" stderr"))
}

/// What follows the name that a test gives itself.
fn reason(skip: &str) -> &str {
    skip.split_once(": ").map_or(skip, |(_, reason)| reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(output: &str) -> Outcome {
        Outcome::Failed(output.into())
    }

    fn check(names: &[&str], printed: &str, expected: &[Outcome]) {
        let names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
        assert_eq!(outcomes(&names, printed), expected);
    }

    #[test]
    fn names_are_those_of_tests() {
        assert_eq!(names("a::b: test\nc: benchmark\nd: test\n"), ["a::b", "d"]);
    }

    #[test]
    fn a_whole_run() {
        let printed = "
running 5 tests
test a::good ... ok
test a::bad ... FAILED
test lazy ... ignored, for a reason
test root_one ... ok
test talks ... ok

successes:

---- root_one stdout ----
SKIP root_one: needs root

---- talks stdout ----
test a::bad ... ok

successes:
    a::good
    root_one
    talks

failures:

---- a::bad stdout ----
thread 'a::bad' panicked at src/lib.rs:1:1:
no

failures:
    a::bad

test result: FAILED. 3 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out
";
        check(
            &["a::good", "a::bad", "lazy", "root_one", "talks"],
            printed,
            &[
                Outcome::Passed,
                failed("thread 'a::bad' panicked at src/lib.rs:1:1:\nno\n"),
                Outcome::Skipped("ignored".into()),
                Outcome::Skipped("needs root".into()),
                Outcome::Passed,
            ],
        );
    }

    #[test]
    fn children_write_between_the_lines() {
        let skipped = Outcome::Skipped("no module".into());
        let printed = "\
test vm_a ... dmmsg-trace: tracing by fentry, Ctrl-C ends
more
ok
test m::vm_b ... SKIP vm_b: no module
ok
test m::vm_c ... 
SKIP vm_c: no module
ok
test result: ok. 3 passed; 0 failed
";
        check(
            &["vm_a", "m::vm_b", "m::vm_c"],
            printed,
            &[Outcome::Passed, skipped.clone(), skipped],
        );
    }

    #[test]
    fn a_line_that_a_child_garbled() {
        let names = &["a", "b"];
        check(
            names,
            "sometest a ... ok\ntest b ... ok\ntest result: ok. 2 passed\n",
            &[Outcome::Passed, Outcome::Passed],
        );
        check(
            names,
            "sometest a ... ok\ntest b ... FAILED\ntest result: FAILED. 1 passed\n",
            &[failed("\nno word of how it ended"), failed("")],
        );
    }

    #[test]
    fn a_run_that_was_cut_short() {
        check(
            &["vm_a", "vm_b", "vm_c"],
            "running 3 tests\ntest vm_a ... ok\ntest vm_b ... [    9.1] Kernel panic\n",
            &[
                Outcome::Passed,
                failed("it started and did not end"),
                failed("it did not run: the tests ended before it"),
            ],
        );
    }
}
