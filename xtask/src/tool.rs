//! One outside program run to its end: found, started, judged.
//!
//! Administrators' programs (`depmod`) live in folders that an ordinary user's `PATH` leaves out, so
//! the search looks there as well.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// How many last lines of a failed program's output an error repeats.
const TAIL_LINES: usize = 8;

/// Where `name` is installed, if it is.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// A command for `name`, in the C locale because its output may be parsed.
pub fn command(name: &str) -> Command {
    let mut command = Command::new(find(name).unwrap_or_else(|| name.into()));
    command.env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// Runs `command` and returns what it wrote to standard output.
///
/// # Errors
/// If it cannot be started or does not exit with 0; the error ends with the last lines it wrote to
/// standard error.
pub fn output(command: &mut Command) -> Result<Vec<u8>> {
    let name = name_of(command);
    let output = command.output().with_context(|| format!("start {name}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{name}: {}\n{}", output.status, tail(&stderr, TAIL_LINES));
    }
    Ok(output.stdout)
}

/// Like [`output`], as text.
///
/// # Errors
/// As [`output`].
pub fn text(command: &mut Command) -> Result<String> {
    Ok(String::from_utf8_lossy(&output(command)?).into_owned())
}

/// The last `count` lines of `text`, indented to stand under an error.
pub fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(count);
    lines.iter().skip(from).map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program.file_name().unwrap_or(OsStr::new("program")).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_repeats_the_end_of_stderr() {
        let mut shell = command("sh");
        shell.args(["-c", "echo first >&2; echo last >&2; exit 3"]);
        let error = format!("{:#}", text(&mut shell).unwrap_err());
        assert_eq!(error, "sh: exit status: 3\n  first\n  last");
    }

    #[test]
    fn tail_skips_blank_lines() {
        assert_eq!(tail("a\n\nb\n \nc\n", 2), "  b\n  c");
    }
}
