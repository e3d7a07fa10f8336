//! What a guest writes to its console, kept in a file and shown if wanted.

use std::fs::File;
use std::io::{Read, Write, stdout};
use std::path::Path;

use anyhow::{Context, Result};

/// What becomes of the console besides the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Console {
    /// Copied to standard output as it comes.
    Show,
    /// Only kept.
    Hide,
    /// Of its lines those that begin with `start` are copied to standard output, when they are whole,
    /// each behind `label`.
    Lines { start: &'static str, label: &'static str },
}

impl Console {
    /// Copies `input` to the file `log` until it ends.
    ///
    /// # Errors
    /// If the file cannot be written. A closed standard output is no error: the guest goes on.
    pub fn record(self, mut input: impl Read, log: &Path) -> Result<()> {
        let mut file = File::create(log).with_context(|| format!("create {}", log.display()))?;
        let mut lines = LineEnds::default();
        let mut whole = WholeLines::default();
        let mut raw = [0; 4096];
        let mut clean = Vec::new();
        loop {
            let count = input.read(&mut raw).context("read the guest's console")?;
            clean.clear();
            lines.clean(raw.get(..count).unwrap_or_default(), &mut clean);
            if count == 0 {
                return Ok(());
            }
            file.write_all(&clean).with_context(|| format!("write {}", log.display()))?;
            match self {
                Self::Show => show(&clean),
                Self::Hide => {}
                Self::Lines { start, label } => whole.take(&clean, |line| {
                    if line.starts_with(start.as_bytes()) {
                        show(&[label.as_bytes(), b" ", line].concat());
                    }
                }),
            }
        }
    }
}

fn show(bytes: &[u8]) {
    let mut stdout = stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// Puts lines together that come in pieces.
#[derive(Default)]
struct WholeLines {
    pending: Vec<u8>,
}

impl WholeLines {
    fn take(&mut self, input: &[u8], mut each: impl FnMut(&[u8])) {
        for piece in input.split_inclusive(|&byte| byte == b'\n') {
            self.pending.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                each(&self.pending);
                self.pending.clear();
            }
        }
    }
}

/// Turns a serial line's CR LF into LF, also where a read ends between the two.
#[derive(Default)]
struct LineEnds {
    pending_cr: bool,
}

impl LineEnds {
    fn clean(&mut self, input: &[u8], output: &mut Vec<u8>) {
        for &byte in input {
            if self.pending_cr && byte != b'\n' && byte != b'\r' {
                output.push(b'\r');
            }
            self.pending_cr = byte == b'\r';
            if !self.pending_cr {
                output.push(byte);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reads: &[&str], expected: &str) {
        let (mut lines, mut output) = (LineEnds::default(), Vec::new());
        for read in reads {
            lines.clean(read.as_bytes(), &mut output);
        }
        assert_eq!(String::from_utf8(output).unwrap(), expected);
    }

    #[test]
    fn carriage_returns_go_only_before_a_line_feed() {
        check(&["one\r\ntwo\r\r\n"], "one\ntwo\n");
        check(&["one\r", "\ntwo\n"], "one\ntwo\n");
        check(&["10 %\r", "20 %\n"], "10 %\r20 %\n");
    }

    #[test]
    fn lines_come_whole() {
        let (mut lines, mut output) = (WholeLines::default(), Vec::new());
        for read in ["te", "st a ... ", "ok\n\ntest", " b"] {
            lines.take(read.as_bytes(), |line| {
                output.push(String::from_utf8_lossy(line).into_owned());
            });
        }
        assert_eq!(output, ["test a ... ok\n", "\n"]);
    }
}
