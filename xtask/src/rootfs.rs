//! The guest's userland: real tools from Debian 12 in one cpio archive.
//!
//! Packages are unpacked, not installed: no maintainer script runs. What nobody reads in a test guest
//! (manuals, translations, perl) is left out, for every MiB costs boot time.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::apt::Apt;
use crate::archive::Writer;
use crate::cache::Cache;
use crate::{progress, tool};

const SUITE: &str = "bookworm";

/// Always in the guest. busybox is its shell and core utilities, kmod its `modprobe`.
const BASE: &[&str] = &[
    "busybox-static",
    "cryptsetup-bin",
    "dmsetup",
    "kmod",
    "lvm2",
    "strace",
    "thin-provisioning-tools",
];

/// Where a path begins that the guest can do without.
const LEFT_OUT: &[&str] = &[
    "boot/",
    "etc/init.d",
    "etc/lvm/",
    "lib/systemd",
    "lib/udev",
    "usr/bin/perl",
    "usr/include",
    "usr/lib/python",
    "usr/lib/systemd",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/x86_64-linux-gnu/perl",
    "usr/share/bash-completion",
    "usr/share/bug",
    "usr/share/doc",
    "usr/share/gcc",
    "usr/share/gdb",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/perl",
    "usr/share/python",
    "usr/share/zoneinfo",
];

const LVM_CONF: &str = include_str!("../guest/lvm.conf");

/// Fetches and packs the guest's base system; the path of its cpio archive.
///
/// # Errors
/// If it is not cached and its packages cannot be downloaded or unpacked.
pub fn base(cache: &Cache) -> Result<PathBuf> {
    let entry = cache.entry("rootfs", (BASE, LEFT_OUT, LVM_CONF), |draft| {
        pack(cache, BASE, draft, |archive| {
            archive.directory("etc/lvm")?;
            archive.file("etc/lvm/lvm.conf", 0o644, LVM_CONF.as_bytes())?;
            archive.file("etc/passwd", 0o644, b"root:x:0:0:root:/root:/bin/sh\n")?;
            archive.file("etc/group", 0o644, b"root:x:0:\n")
        })
    });
    Ok(entry.context("make the guest's userland")?.join("rootfs.cpio"))
}

/// Packs more Debian packages as an archive to put on top of [`base`].
///
/// # Errors
/// As [`base`].
pub fn layer(cache: &Cache, packages: &[&str]) -> Result<PathBuf> {
    let name = format!("layer-{}", packages.join("+"));
    let entry = cache.entry(&name, LEFT_OUT, |draft| pack(cache, packages, draft, |_| Ok(())));
    Ok(entry.with_context(|| format!("pack {}", packages.join(" ")))?.join("rootfs.cpio"))
}

/// An archive that goes to a file.
type FileWriter = Writer<BufWriter<File>>;

fn pack(
    cache: &Cache,
    packages: &[&str],
    draft: &Path,
    add: impl FnOnce(&mut FileWriter) -> Result<()>,
) -> Result<()> {
    let scratch = tempfile::tempdir_in(draft).context("create a scratch folder")?;
    let root = scratch.path().join("root");
    let debs = Apt::open(cache, SUITE)?.fetch(packages, scratch.path())?;
    progress::step(&format!("unpacking {} packages", debs.len()), || unpack(&debs, &root))?;
    let mut archive = Writer::create(&draft.join("rootfs.cpio"))?;
    archive.tree(&root, &is_kept)?;
    add(&mut archive)?;
    archive.finish()?;
    let names: Vec<&str> = debs.iter().filter_map(|deb| deb.file_name()?.to_str()).collect();
    fs::write(draft.join("packages"), names.join("\n")).context("write the list of packages")
}

fn unpack(debs: &[PathBuf], root: &Path) -> Result<()> {
    for deb in debs {
        tool::output(tool::command("dpkg-deb").arg("--extract").arg(deb).arg(root))
            .with_context(|| format!("unpack {}", deb.display()))?;
    }
    Ok(())
}

fn is_kept(path: &str) -> bool {
    !LEFT_OUT.iter().any(|prefix| path.starts_with(prefix))
}
