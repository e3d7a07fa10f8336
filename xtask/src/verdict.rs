//! The last word of a guest, read from its status channel (see `guest/init`).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// How far a guest got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Init has not spoken.
    Silent,
    /// Init has spoken, the command has not ended.
    Running,
    /// The command ended and the results are sent.
    Exit {
        /// The command's exit status.
        code: u8,
        /// Length of the archive of results.
        archive_bytes: u64,
    },
}

/// Reads the status channel's file.
///
/// # Errors
/// If the file cannot be read.
pub fn read(status: &Path) -> Result<Verdict> {
    let text = fs::read(status).context("read the guest's status")?;
    Ok(parse(&String::from_utf8_lossy(&text)))
}

fn parse(text: &str) -> Verdict {
    text.lines().fold(Verdict::Silent, |verdict, line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (verdict, words.as_slice()) {
            (Verdict::Silent, ["init"]) => Verdict::Running,
            (Verdict::Running, ["exit", code, bytes]) => match (code.parse(), bytes.parse()) {
                (Ok(code), Ok(archive_bytes)) => Verdict::Exit { code, archive_bytes },
                _ => Verdict::Running,
            },
            _ => verdict,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_silent_then_runs_then_ends() {
        assert_eq!(parse(""), Verdict::Silent);
        assert_eq!(parse("ini"), Verdict::Silent);
        assert_eq!(parse("init\r\n"), Verdict::Running);
        assert_eq!(parse("init\r\nexit 1"), Verdict::Running);
        let exit = Verdict::Exit { code: 3, archive_bytes: 512 };
        assert_eq!(parse("init\r\nexit 3 512\r\n"), exit);
    }
}
