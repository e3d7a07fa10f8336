//! A Debian kernel to boot: its image, its release and the modules that a guest needs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::apt::Apt;
use crate::archive::Writer;
use crate::cache::Cache;
use crate::{modules, progress, tool};

/// The flavour for virtual machines: with kprobes, BTF, BPF LSM and nearly every DM target.
const METAPACKAGE: &str = "linux-image-cloud-amd64";

/// The kernels that the project tests on, named by their series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Version {
    /// Debian 12, bookworm.
    #[value(name = "6.1")]
    V6_1,
    /// Debian 13, trixie.
    #[value(name = "6.12")]
    V6_12,
}

/// A kernel on this machine's disk.
#[derive(Clone, Debug)]
pub struct Kernel {
    folder: PathBuf,
    /// What `uname -r` says in the guest.
    pub release: String,
}

impl Version {
    /// The series, as people say it.
    pub const fn series(self) -> &'static str {
        match self {
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
        }
    }

    const fn suite(self) -> &'static str {
        match self {
            Self::V6_1 => "bookworm",
            Self::V6_12 => "trixie",
        }
    }
}

impl Kernel {
    /// The newest kernel of that series, or the one that was newest when this machine first asked.
    ///
    /// # Errors
    /// If it is not cached and cannot be downloaded or unpacked.
    pub fn fetch(cache: &Cache, version: Version) -> Result<Self> {
        let name = format!("kernel-{}", version.series());
        let folder = cache
            .entry(&name, modules::WANTED, |draft| build(cache, version, draft))
            .with_context(|| format!("get a {} kernel to boot", version.series()))?;
        let release = fs::read_to_string(folder.join("release")).context("read the release")?;
        Ok(Self { folder, release })
    }

    /// The image, for QEMU's `-kernel`.
    pub fn vmlinuz(&self) -> PathBuf {
        self.folder.join("vmlinuz")
    }

    /// A cpio archive of `/lib/modules`.
    pub fn modules(&self) -> PathBuf {
        self.folder.join("modules.cpio")
    }
}

fn build(cache: &Cache, version: Version, draft: &Path) -> Result<()> {
    let scratch = tempfile::tempdir_in(draft).context("create a scratch folder")?;
    let package = scratch.path().join("package");
    let reduced = scratch.path().join("reduced");
    let apt = Apt::open(cache, version.suite())?;
    let image = apt.resolve(METAPACKAGE)?;
    for deb in apt.fetch_alone(&image, scratch.path())? {
        let mut unpack = tool::command("dpkg-deb");
        unpack.arg("--extract").arg(&deb).arg(&package);
        progress::step(&format!("unpacking {image}"), || tool::output(&mut unpack))?;
    }
    let release = image.trim_start_matches("linux-image-");
    let folder = ["usr/lib/modules", "lib/modules"]
        .into_iter()
        .find(|folder| package.join(folder).join(release).is_dir())
        .with_context(|| format!("find the modules in {image}"))?;
    progress::step(&format!("selecting modules of {release}"), || {
        modules::reduce(&package, folder, release, &reduced)
    })?;
    let mut archive = Writer::create(&draft.join("modules.cpio"))?;
    archive.tree(&reduced, &|_| true)?;
    archive.finish()?;
    take_image(&package, release, draft)?;
    fs::write(draft.join("release"), release).context("write the release")
}

fn take_image(package: &Path, release: &str, draft: &Path) -> Result<()> {
    let image = package.join(format!("boot/vmlinuz-{release}"));
    if !image.is_file() {
        bail!("find {} in the package", image.display());
    }
    fs::rename(&image, draft.join("vmlinuz")).context("take the kernel image")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_what_the_command_line_takes() {
        for &version in Version::value_variants() {
            assert_eq!(Version::from_str(version.series(), false), Ok(version));
        }
    }
}
