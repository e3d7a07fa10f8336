//! Newc cpio archives: the format that the kernel unpacks at boot and that a guest's results come in.
//!
//! The kernel accepts archives one after the other, the later ones adding to the earlier.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write, copy};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use cpio::newc;

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const TYPE_MASK: u32 = 0o170_000;
const PERMISSIONS: u32 = 0o7777;

/// An archive being written; everything in it belongs to root.
pub struct Writer<W: Write> {
    inner: W,
}

impl Writer<BufWriter<File>> {
    /// Starts an archive in a new file.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
        Ok(Self { inner: BufWriter::new(file) })
    }
}

impl<W: Write> Writer<W> {
    /// Starts an archive that goes to `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner }
    }

    /// Adds a directory; the one above it must be there already.
    ///
    /// # Errors
    /// If the archive cannot be written, as for all that follow.
    pub fn directory(&mut self, path: &str) -> Result<()> {
        self.add(path, DIRECTORY | 0o755, &mut [].as_slice(), 0)
    }

    /// Adds a file with the given content and permissions.
    ///
    /// # Errors
    /// If the archive cannot be written.
    pub fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        self.add(path, REGULAR | mode, &mut &*content, content.len() as u64)
    }

    /// Adds a copy of the file `host`.
    ///
    /// # Errors
    /// If `host` cannot be read or the archive cannot be written.
    pub fn copy(&mut self, path: &str, mode: u32, host: &Path) -> Result<()> {
        let mut file = File::open(host).with_context(|| format!("open {}", host.display()))?;
        let size = file.metadata().with_context(|| format!("stat {}", host.display()))?.len();
        self.add(path, REGULAR | mode, &mut file, size)
    }

    /// Adds a symbolic link at `path`.
    ///
    /// # Errors
    /// If the archive cannot be written.
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<()> {
        self.add(path, SYMLINK | 0o777, &mut target.as_bytes(), target.len() as u64)
    }

    /// Adds what is below the folder `root`, in order of names, except what `keep` refuses.
    ///
    /// # Errors
    /// If something cannot be read or the archive cannot be written.
    pub fn tree(&mut self, root: &Path, keep: &dyn Fn(&str) -> bool) -> Result<()> {
        self.subtree(root, root, keep)
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// If the archive cannot be written.
    pub fn finish(mut self) -> Result<()> {
        newc::trailer(&mut self.inner)?.flush().context("end the cpio archive")
    }

    fn subtree(&mut self, root: &Path, folder: &Path, keep: &dyn Fn(&str) -> bool) -> Result<()> {
        let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .with_context(|| format!("read {}", folder.display()))?;
        paths.sort();
        for path in paths {
            let name = path.strip_prefix(root)?.to_str();
            let name = name.with_context(|| format!("archive {}: not UTF-8", path.display()))?;
            if !keep(name) {
                continue;
            }
            let metadata = path.symlink_metadata()?;
            if metadata.is_symlink() {
                let target = fs::read_link(&path)?;
                self.symlink(name, &target.to_string_lossy())?;
            } else if metadata.is_dir() {
                self.directory(name)?;
                self.subtree(root, &path, keep)?;
            } else {
                self.copy(name, metadata.permissions().mode() & PERMISSIONS, &path)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &str, mode: u32, content: &mut dyn Read, size: u64) -> Result<()> {
        let name = path.trim_start_matches('/');
        let mut add = || -> Result<()> {
            let builder = newc::Builder::new(name).mode(mode);
            let mut entry = builder.write(&mut self.inner, u32::try_from(size)?);
            copy(content, &mut entry)?;
            entry.finish()?;
            Ok(())
        };
        add().with_context(|| format!("add /{name} to the cpio archive"))
    }
}

/// Unpacks the directories and plain files of `archive` into the folder `into`.
///
/// # Errors
/// If the archive is damaged, names a place outside of `into`, or a file cannot be written.
pub fn unpack(archive: &Path, into: &Path) -> Result<()> {
    let file = File::open(archive).with_context(|| format!("open {}", archive.display()))?;
    let mut input = BufReader::new(file);
    loop {
        let mut entry = newc::Reader::new(input)
            .with_context(|| format!("read the cpio archive {}", archive.display()))?;
        if entry.entry().is_trailer() {
            return Ok(());
        }
        let place = into.join(inside(entry.entry().name())?);
        unpack_entry(&mut entry, &place).with_context(|| format!("unpack {}", place.display()))?;
        input = entry.finish()?;
    }
}

fn unpack_entry<R: Read>(entry: &mut newc::Reader<R>, place: &Path) -> Result<()> {
    let mode = entry.entry().mode();
    match mode & TYPE_MASK {
        DIRECTORY => fs::create_dir_all(place)?,
        REGULAR => {
            copy(entry, &mut File::create(place)?)?;
            let readable = (mode & 0o777) | 0o600;
            fs::set_permissions(place, fs::Permissions::from_mode(readable))?;
        }
        // Links could lead the files after them out of the folder; devices mean nothing on the host.
        _ => {}
    }
    Ok(())
}

/// The path `name` of an archive that a guest wrote, if it stays below the folder it goes to.
fn inside(name: &str) -> Result<&Path> {
    let path = Path::new(name);
    if path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        bail!("refuse the path {name:?} in a guest's archive");
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        let mut writer = Writer::create(&archive).unwrap();
        writer.directory("/etc").unwrap();
        writer.file("etc/odd", 0o640, b"12345").unwrap();
        writer.file("empty", 0o755, b"").unwrap();
        writer.symlink("link", "etc/odd").unwrap();
        writer.finish().unwrap();
        assert_eq!(fs::metadata(&archive).unwrap().len() % 4, 0, "archives can be joined");

        let out = folder.path().join("out");
        fs::create_dir(&out).unwrap();
        unpack(&archive, &out).unwrap();
        assert_eq!(fs::read(out.join("etc/odd")).unwrap(), b"12345");
        assert!(!out.join("link").exists());
        assert_eq!(fs::read(out.join("empty")).unwrap(), b"");
        let mode = fs::metadata(out.join("etc/odd")).unwrap().permissions().mode();
        assert_eq!(mode & PERMISSIONS, 0o640);
    }

    #[test]
    fn a_tree_leaves_out_what_is_not_wanted() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("in/share/doc")).unwrap();
        fs::write(folder.path().join("in/share/doc/text"), "x").unwrap();
        fs::write(folder.path().join("in/tool"), "x").unwrap();
        let archive = folder.path().join("archive");
        let mut writer = Writer::create(&archive).unwrap();
        writer.tree(&folder.path().join("in"), &|name| name != "share/doc").unwrap();
        writer.finish().unwrap();

        let out = folder.path().join("out");
        unpack(&archive, &out).unwrap();
        assert!(out.join("tool").exists() && out.join("share").exists());
        assert!(!out.join("share/doc").exists());
    }

    #[test]
    fn a_guest_cannot_write_outside_of_its_folder() {
        assert!(inside("a/../../b").is_err());
        assert!(inside("/etc/passwd").is_err());
        assert!(inside("./a/b").is_ok());
    }
}
