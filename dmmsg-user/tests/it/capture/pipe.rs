//! Captures that come, or go, by a pipe while the run goes on.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use dmmsg::engine::capture::{Decoder, Part};
use rustix::process::{Pid, Signal, kill_process};

use super::{
    file::{Entry, capture},
    replay::entries,
    run::{Run, command},
};

struct Running {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Running {
    fn start(words: &[&str]) -> Self {
        let mut command = command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }
}

/// Bytes of the capture up to its second record.
const FIRST: usize = 600;

#[test]
fn messages_are_shown_as_they_come() {
    let file = capture(&entries(), 1);
    let Running { mut child, mut stdin, stdout } = Running::start(&["-r", "-"]);
    stdin.write_all(&file[..FIRST]).unwrap();
    let mut lines = BufReader::new(stdout).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("TIME"));
    assert!(lines.next().unwrap().unwrap().ends_with("create_thin 7"));
    stdin.write_all(&file[FIRST..]).unwrap();
    drop(stdin);
    assert_eq!(lines.count(), 5);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn messages_are_captured_as_they_come() {
    let file = capture(&entries(), 1);
    let Running { mut child, mut stdin, mut stdout } = Running::start(&["-r", "-", "-w", "-"]);
    stdin.write_all(&file[..FIRST]).unwrap();
    let mut decoder = Decoder::default();
    let mut records = 0;
    while records < 2 {
        let mut bytes = [0; 4096];
        let count = stdout.read(&mut bytes).unwrap();
        assert!(count > 0, "the capture goes on");
        decoder.push(&bytes[..count]);
        while let Some(part) = decoder.next().unwrap() {
            records += usize::from(matches!(part, Part::Record(..)));
        }
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_signal_ends_a_replay_that_waits() {
    let file = capture(&entries(), 1);
    let Running { child, mut stdin, stdout } = Running::start(&["-r", "-"]);
    stdin.write_all(&file[..FIRST]).unwrap();
    let mut lines = BufReader::new(stdout).lines();
    assert!(lines.by_ref().take(3).all(|line| line.is_ok()));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.ends_with("seen 3 = delivered 2 + lost 1 + filtered 0\n"), "{}", run.stderr);
}

#[test]
fn a_reader_that_leaves_ends_the_run() {
    let record = entries().into_iter().find(|entry| matches!(entry, Entry::Record(..))).unwrap();
    let file = capture(&vec![record; 10_000], 100);
    for words in [&["-r", "-", "-w", "-"][..], &["-r", "-"]] {
        let Running { child, mut stdin, stdout } = Running::start(words);
        drop(stdout);
        // Fails when the run ends before it has read all.
        let _ = stdin.write_all(&file);
        drop(stdin);
        let run = Run::of(child.wait_with_output().unwrap());
        assert_eq!(run.code, Some(0), "{words:?}: {}", run.stderr);
    }
}
