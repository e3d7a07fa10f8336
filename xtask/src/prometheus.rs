//! Debian's Prometheus, for tests: its `promtool` on this machine, and the server in a guest.
//!
//! The programs take 100 MB, so they come to the guest on a [`disk`] and not in its initramfs. They
//! need the C library alone, of Debian 12 or later.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::apt::Apt;
use crate::cache::Cache;
use crate::{disk, progress, tool};

const SUITE: &str = "bookworm";
/// The package, and the server in it.
const PROMETHEUS: &str = "prometheus";
const PROMTOOL: &str = "promtool";

/// Prometheus on this machine's disk.
#[derive(Clone, Debug)]
pub struct Prometheus {
    folder: PathBuf,
}

impl Prometheus {
    /// The newest of the suite, or the one that was newest when this machine first asked.
    ///
    /// # Errors
    /// If it is not cached and cannot be downloaded or unpacked.
    pub fn fetch(cache: &Cache) -> Result<Self> {
        let folder = cache.entry(PROMETHEUS, (SUITE, PROMETHEUS, PROMTOOL), |draft| {
            take(&Apt::open(cache, SUITE)?, draft)
        });
        Ok(Self { folder: folder.context("get Debian's Prometheus")? })
    }

    /// The program that checks rules and metrics, for this machine.
    pub fn promtool(&self) -> PathBuf {
        self.folder.join("bin").join(PROMTOOL)
    }

    /// A disk that has both programs in its folder `bin`, for a guest.
    pub fn disk(&self) -> PathBuf {
        self.folder.join("disk")
    }
}

fn take(apt: &Apt, draft: &Path) -> Result<()> {
    let scratch = tempfile::tempdir_in(draft).context("create a scratch folder")?;
    let (debs, package) = (scratch.path().join("debs"), scratch.path().join("package"));
    let tree = scratch.path().join("tree");
    let bin = tree.join("bin");
    for folder in [&debs, &bin] {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    for deb in apt.fetch_alone(&[PROMETHEUS], &debs)? {
        let mut unpack = tool::command("dpkg-deb");
        unpack.arg("--extract").arg(&deb).arg(&package);
        progress::step("unpacking Prometheus", || tool::output(&mut unpack))?;
    }
    for program in [PROMETHEUS, PROMTOOL] {
        fs::rename(package.join("usr/bin").join(program), bin.join(program))
            .with_context(|| format!("take {program} from its package"))?;
    }
    progress::step("making a disk of Prometheus", || disk::make(&tree, &draft.join("disk")))?;
    fs::rename(&bin, draft.join("bin")).context("keep the programs")
}
