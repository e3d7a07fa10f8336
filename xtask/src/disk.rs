//! A folder of the host as a read-only disk for guests.
//!
//! What a disk holds is read when it is used: unlike an initramfs, a large one costs neither boot time
//! nor memory.

use std::path::Path;

use anyhow::{Context, Result};

use crate::{prerequisites, tool};

/// What the file system itself takes, besides files and folders.
const OVERHEAD_KIB: u64 = 4096;
/// One of so many parts more is for inodes, of which mke2fs makes as many as suit the size.
const INODES_PART: u64 = 16;
/// Of blocks; also of what a small file takes.
const BLOCK_KIB: u64 = 4;

/// Makes the disk `image` of what is in `folder`. The file system is ext4, which Debian's kernels
/// for virtual machines have built in from 6.1 on.
///
/// # Errors
/// If `folder` cannot be read or the image cannot be written.
pub fn make(folder: &Path, image: &Path) -> Result<()> {
    prerequisites::ensure(prerequisites::DISK)?;
    let files_kib = size_kib(folder).context("add up the sizes of files")?;
    let size_kib = files_kib + files_kib / INODES_PART + OVERHEAD_KIB;
    let mut mke2fs = tool::command("mke2fs");
    mke2fs.args(["-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-b", "4096"]);
    mke2fs.args(["-E", "root_owner=0:0", "-d"]).args([folder, image]);
    tool::output(mke2fs.arg(format!("{size_kib}k")))
        .with_context(|| format!("make a disk of {}", folder.display()))?;
    Ok(())
}

/// What the files and folders below `folder` take, in whole blocks and with an inode each.
fn size_kib(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in folder.read_dir()? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += metadata.len().div_ceil(BLOCK_KIB * 1024) * BLOCK_KIB + BLOCK_KIB;
        if metadata.is_dir() {
            sum += size_kib(&entry.path())?;
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_take_whole_blocks() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        let before = size_kib(folder.path()).unwrap();
        fs::write(folder.path().join("bin/a"), [0; 4097]).unwrap();
        assert_eq!(size_kib(folder.path()).unwrap(), before + 8 + 4);
    }
}
