//! A Debian kernel to boot: its image, its release and the modules that a guest needs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::apt::Apt;
use crate::archive::Writer;
use crate::cache::Cache;
use crate::{modules, progress, tool};

/// The flavour for virtual machines: with kprobes, BTF, BPF LSM and nearly every DM target.
const METAPACKAGE: &str = "linux-image-cloud-amd64";
const IMAGE: &str = "linux-image-";
const FLAVOUR: &str = "-cloud-amd64";

/// The kernels that the project tests on, named by their series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Version {
    /// Debian 11, bullseye.
    #[value(name = "5.10")]
    V5_10,
    /// Debian 12, bookworm.
    #[value(name = "6.1")]
    V6_1,
    /// Debian 13, trixie.
    #[value(name = "6.12")]
    V6_12,
    /// Debian's unstable branch, sid.
    #[value(name = "7.2")]
    V7_2,
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
            Self::V5_10 => "5.10",
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
            Self::V7_2 => "7.2",
        }
    }

    const fn suite(self) -> &'static str {
        match self {
            Self::V5_10 => "bullseye",
            Self::V6_1 => "bookworm",
            Self::V6_12 => "trixie",
            Self::V7_2 => "sid",
        }
    }

    /// Whether `release` is of this series.
    fn covers(self, release: &str) -> bool {
        let rest = release.strip_prefix(self.series());
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
    }
}

impl Kernel {
    /// The newest kernel of that series, or the one that was newest when this machine first asked.
    ///
    /// Where Debian has left the series behind, it is the newest of the same suite, and said so.
    ///
    /// # Errors
    /// If it is not cached and cannot be downloaded or unpacked.
    pub fn fetch(cache: &Cache, version: Version) -> Result<Self> {
        let name = format!("kernel-{}", version.series());
        let folder = cache
            .entry(&name, modules::WANTED, |draft| build(cache, version, draft))
            .with_context(|| format!("get a {} kernel to boot", version.series()))?;
        let release = fs::read_to_string(folder.join("release")).context("read the release")?;
        if !version.covers(&release) {
            let (series, suite) = (version.series(), version.suite());
            progress::note(&format!(
                "NOT A {series} KERNEL: Debian's {suite} has none any more, this is {release}"
            ));
        }
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
    // A failed download has renewed the package lists, and they may name another kernel now.
    let fetched = fetch_packages(&apt, version, &scratch.path().join("debs"))
        .or_else(|_| fetch_packages(&apt, version, &scratch.path().join("debs-again")));
    let (image, debs) = fetched?;
    for deb in debs {
        let mut unpack = tool::command("dpkg-deb");
        unpack.arg("--extract").arg(&deb).arg(&package);
        let name = deb.file_name().unwrap_or_default().display();
        progress::step(&format!("unpacking {name}"), || tool::output(&mut unpack))?;
    }
    let release = release_of(&image);
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

/// Downloads the kernel to the new folder `folder`; its name, and its packages.
fn fetch_packages(apt: &Apt, version: Version, folder: &Path) -> Result<(String, Vec<PathBuf>)> {
    fs::create_dir(folder).with_context(|| format!("create {}", folder.display()))?;
    let image = find_image(apt, version)?;
    let parts = parts(&image, &apt.dependencies(&image)?);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let debs = apt.fetch_alone(&parts, folder)?;
    Ok((image, debs))
}

/// The package of the newest kernel of the series, or of the newest that the suite has.
fn find_image(apt: &Apt, version: Version) -> Result<String> {
    let current = apt.dependencies(METAPACKAGE)?;
    let current = current.into_iter().find(|name| name.starts_with(IMAGE));
    let current = current.with_context(|| format!("find what {METAPACKAGE} stands for"))?;
    if version.covers(release_of(&current)) {
        return Ok(current);
    }
    let names = apt.names(&format!("{IMAGE}{}", version.series()))?;
    Ok(newest_of(version, names).unwrap_or(current))
}

/// The newest image of the series among the packages `names`.
fn newest_of(version: Version, names: Vec<String>) -> Option<String> {
    let is_ours = |name: &String| name.ends_with(FLAVOUR) && version.covers(release_of(name));
    names.into_iter().filter(is_ours).max_by_key(|name| numbers(name))
}

/// The numbers in a name, by which a release is newer than another.
fn numbers(name: &str) -> Vec<u64> {
    let digits = name.split(|c: char| !c.is_ascii_digit());
    digits.filter_map(|digits| digits.parse().ok()).collect()
}

/// The packages that hold the kernel `image`: in 7.2 it is split, and the image itself is empty.
fn parts(image: &str, dependencies: &[String]) -> Vec<String> {
    let release = release_of(image);
    let others = dependencies.iter().filter(|name| name.ends_with(release) && *name != image);
    std::iter::once(image.to_owned()).chain(others.cloned()).collect()
}

fn release_of(image: &str) -> &str {
    image.strip_prefix(IMAGE).unwrap_or(image)
}

fn take_image(package: &Path, release: &str, draft: &Path) -> Result<()> {
    let places = [format!("boot/vmlinuz-{release}"), format!("usr/lib/modules/{release}/vmlinuz")];
    let mut places = places.iter().map(|place| package.join(place));
    let image = places.find(|place| place.is_file());
    let image = image.with_context(|| format!("find the image of {release} in its packages"))?;
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

    #[test]
    fn a_series_covers_its_releases_alone() {
        assert!(Version::V6_1.covers("6.1.0-56-cloud-amd64"));
        assert!(!Version::V6_1.covers("6.12.118+deb13-cloud-amd64"));
        assert!(!Version::V7_2.covers("7.20.1+deb14-cloud-amd64"));
    }

    #[test]
    fn the_newest_of_a_series_is_that_of_the_highest_number() {
        let names = [
            "linux-image-7.2.9+deb14-cloud-amd64",
            "linux-image-7.2.13+deb14-cloud-amd64",
            "linux-image-7.2.13+deb14-cloud-amd64-dbg",
            "linux-image-7.2.14+deb14-amd64",
            "linux-image-7.20.1+deb14-cloud-amd64",
        ];
        let names = || names.map(str::to_owned).to_vec();
        let newest = newest_of(Version::V7_2, names());
        assert_eq!(newest.as_deref(), Some("linux-image-7.2.13+deb14-cloud-amd64"));
        assert_eq!(newest_of(Version::V6_1, names()), None);
    }

    #[test]
    fn an_image_may_be_split() {
        let dependencies = ["dracut", "linux-binary-7.2.13+x", "linux-modules-7.2.13+x"];
        let dependencies = dependencies.map(str::to_owned);
        let expected = ["linux-image-7.2.13+x", "linux-binary-7.2.13+x", "linux-modules-7.2.13+x"];
        assert_eq!(parts("linux-image-7.2.13+x", &dependencies), expected);
    }
}
