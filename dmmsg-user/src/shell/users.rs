//! Names of this machine's users.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::engine::enrich::passwd;

/// How long the file is taken to be unchanged, in ns.
const LIFETIME_NS: u64 = 1_000_000_000;

/// The users in `/etc/passwd`, read again when it has changed.
#[derive(Debug)]
pub struct Users {
    file: PathBuf,
    names: HashMap<u32, Vec<u8>>,
    version: Option<Version>,
    /// When the file was looked at last.
    boot_ns: Option<u64>,
}

/// What changes with the file: its inode, its time of change in s and ns.
type Version = (u64, i64, i64);

impl Default for Users {
    fn default() -> Self {
        Self::of(Path::new("/etc/passwd"))
    }
}

impl Users {
    /// The users in a file of the form `passwd(5)`.
    pub fn of(file: &Path) -> Self {
        Self { file: file.to_owned(), names: HashMap::new(), version: None, boot_ns: None }
    }

    /// Name of a user; asked for at some `CLOCK_BOOTTIME`, in ns.
    pub fn name(&mut self, uid: u32, boot_ns: u64) -> Option<&[u8]> {
        if self.boot_ns.is_none_or(|looked| boot_ns.abs_diff(looked) >= LIFETIME_NS) {
            self.boot_ns = Some(boot_ns);
            self.look();
        }
        self.names.get(&uid).map(Vec::as_slice)
    }

    fn look(&mut self) {
        let version =
            fs::metadata(&self.file).ok().map(|of| (of.ino(), of.ctime(), of.ctime_nsec()));
        if version.is_none() || version != self.version {
            self.names = passwd::names(&fs::read(&self.file).unwrap_or_default());
            self.version = version;
        }
    }
}
