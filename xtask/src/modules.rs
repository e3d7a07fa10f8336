//! The few kernel modules that a test guest needs, out of the thousands that a package holds.
//!
//! They are unpacked on the host, because a guest under emulation is slow at it, and indexed with
//! `depmod`, so that `modprobe` and the kernel's own requests work in the guest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};

use crate::tool;

/// Folders and modules below `kernel/` that are wanted; what these depend on comes along.
pub const WANTED: &[&str] = &[
    "arch/x86/crypto/",
    "crypto/",
    "drivers/block/brd.",
    "drivers/block/loop.",
    "drivers/block/null_blk/",
    "drivers/block/virtio_blk.",
    "drivers/char/virtio_console.",
    "drivers/dax/",
    "drivers/md/",
    "drivers/net/virtio_net.",
    "drivers/nvdimm/",
    "drivers/scsi/scsi_debug.",
    "drivers/virtio/virtio_pci",
    "fs/fuse/",
    "fs/overlayfs/",
    "fs/xfs/",
    "lib/",
];

/// Index files that depmod reads.
const INDEXES: &[&str] = &["modules.order", "modules.builtin", "modules.builtin.modinfo"];

/// Makes the module tree of `release` in `base/lib/modules`, from the package unpacked in `package`,
/// whose own modules are in `folder` below that.
///
/// # Errors
/// If a module cannot be unpacked or depmod fails.
pub fn reduce(package: &Path, folder: &str, release: &str, base: &Path) -> Result<()> {
    let source = package.join(folder).join(release);
    let target = base.join("lib/modules").join(release);
    fs::create_dir_all(&target).with_context(|| format!("create {}", target.display()))?;
    // depmod looks in lib/modules alone; newer packages put their modules in usr/lib/modules.
    let merged = package.join("lib");
    if !merged.exists() {
        std::os::unix::fs::symlink("usr/lib", &merged).context("link lib to usr/lib")?;
    }
    depmod(package, release)?;
    let dependencies =
        fs::read_to_string(source.join("modules.dep")).context("read modules.dep")?;
    for module in closure(&dependencies) {
        copy_module(&source.join(module), &target.join(module.trim_end_matches(".xz")))?;
    }
    for index in INDEXES {
        fs::copy(source.join(index), target.join(index))
            .with_context(|| format!("copy {index} of {release}"))?;
    }
    depmod(base, release)
}

fn depmod(base: &Path, release: &str) -> Result<()> {
    tool::output(tool::command("depmod").arg("--basedir").arg(base).arg(release))
        .with_context(|| format!("index the modules of {release}"))?;
    Ok(())
}

fn copy_module(from: &Path, to: &Path) -> Result<()> {
    let copy = || -> Result<()> {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        if from.extension().is_some_and(|extension| extension == "xz") {
            let mut unpack = tool::command("xz");
            unpack.args(["--decompress", "--stdout"]).arg(from).stdout(File::create(to)?);
            tool::output(&mut unpack)?;
        } else {
            fs::copy(from, to)?;
        }
        Ok(())
    };
    copy().with_context(|| format!("unpack the module {}", from.display()))
}

/// The wanted modules with all they depend on, given lines like `kernel/a.ko: kernel/b.ko kernel/c.ko`.
fn closure(modules_dep: &str) -> BTreeSet<&str> {
    // modules.dep names every dependency of a module, the indirect ones too.
    let dependencies: BTreeMap<&str, &str> =
        modules_dep.lines().filter_map(|line| line.split_once(':')).collect();
    let wanted = dependencies.iter().filter(|(module, _)| is_wanted(module));
    wanted
        .flat_map(|(module, needs)| std::iter::once(*module).chain(needs.split_whitespace()))
        .collect()
}

fn is_wanted(module: &str) -> bool {
    let path = module.strip_prefix("kernel/").unwrap_or(module);
    WANTED.iter().any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wanted_modules_bring_their_dependencies() {
        let dep = "kernel/drivers/md/dm-crypt.ko.xz: kernel/drivers/md/dm-mod.ko.xz kernel/mm/z.ko.xz\n\
                   kernel/drivers/net/e1000.ko.xz:\n\
                   kernel/drivers/block/brd.ko.xz:\n\
                   kernel/mm/z.ko.xz:\n";
        let expected = [
            "kernel/drivers/block/brd.ko.xz",
            "kernel/drivers/md/dm-crypt.ko.xz",
            "kernel/drivers/md/dm-mod.ko.xz",
            "kernel/mm/z.ko.xz",
        ];
        assert_eq!(closure(dep).into_iter().collect::<Vec<_>>(), expected);
    }
}
