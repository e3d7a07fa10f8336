//! What one boot brings along: our files on top of the cached archives, joined into one initramfs.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, copy};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::archive::Writer;

const INIT: &str = include_str!("../guest/init");

/// A file of the host for the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestFile {
    /// Absolute path in the guest; folders are made as needed.
    pub guest: String,
    /// Path on the host.
    pub host: PathBuf,
    /// Permissions in the guest.
    pub mode: u32,
}

impl GuestFile {
    /// A program: the file of the host, executable in the guest.
    pub fn program(host: impl Into<PathBuf>, guest: impl Into<String>) -> Self {
        Self { guest: guest.into(), host: host.into(), mode: 0o755 }
    }
}

/// Writes an initramfs to `output`: the `archives`, then init, the command and the `files`.
///
/// # Errors
/// If a file cannot be read or the initramfs cannot be written.
pub fn write(
    mut output: &File,
    archives: &[PathBuf],
    files: &[GuestFile],
    command: &[String],
) -> Result<()> {
    for archive in archives {
        let mut input =
            File::open(archive).with_context(|| format!("open {}", archive.display()))?;
        copy(&mut input, &mut output)
            .with_context(|| format!("copy {} to the initramfs", archive.display()))?;
    }
    let mut archive = Writer::new(BufWriter::new(output));
    archive.file("init", 0o755, INIT.as_bytes())?;
    archive.file("command", 0o644, shell_words(command).as_bytes())?;
    for folder in folders(files.iter().map(|file| file.guest.as_str())) {
        archive.directory(&folder)?;
    }
    for file in files {
        archive.copy(&file.guest, file.mode, &file.host)?;
    }
    archive.finish()
}

/// Every folder above the given absolute paths, each after the one it is in.
fn folders<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let above = paths.flat_map(|path| Path::new(path).ancestors().skip(1));
    above
        .filter(|folder| folder.parent().is_some())
        .map(|folder| folder.display().to_string())
        .collect()
}

/// `command` as a line for a POSIX shell, every word quoted.
fn shell_words(command: &[String]) -> String {
    let quote = |word: &String| format!("'{}'", word.replace('\'', r"'\''"));
    command.iter().map(quote).collect::<Vec<_>>().join(" ") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_after_the_ones_they_are_in() {
        let made: Vec<_> =
            folders(["/usr/local/bin/x", "/etc/y", "/z"].into_iter()).into_iter().collect();
        assert_eq!(made, ["/etc", "/usr", "/usr/local", "/usr/local/bin"]);
    }

    #[test]
    fn words_survive_the_shell() {
        let words = ["echo", "it's", "$HOME", ""].map(str::to_owned);
        assert_eq!(shell_words(&words), "'echo' 'it'\\''s' '$HOME' ''\n");
    }
}
