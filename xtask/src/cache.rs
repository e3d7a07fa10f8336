//! What is fetched or built once is kept in one folder of the user's cache.
//!
//! An entry is whole or absent: it is built in a draft beside its place and renamed into it. Its name
//! ends in a hash of its recipe, so a changed recipe means a new entry. Two runs at once take turns by
//! a file lock that the kernel releases when a run dies. Deleting the folder is always safe.

use std::env;
use std::fs::{self, File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::progress;

/// Goes up when the code that builds entries changes what is in them.
const FORMAT: u32 = 1;

/// The folder `dmmsg` in `$XDG_CACHE_HOME` or `~/.cache`.
pub struct Cache {
    root: PathBuf,
}

/// Held while one run builds; released when dropped.
pub struct Lock {
    _file: File,
}

impl Cache {
    /// Opens the folder, creating it if need be.
    ///
    /// # Errors
    /// If the environment names no home or the folder cannot be created.
    pub fn open() -> Result<Self> {
        let base = env::var_os("XDG_CACHE_HOME").filter(|base| !base.is_empty());
        let base = base
            .map(PathBuf::from)
            .or_else(|| env::home_dir().map(|home| home.join(".cache")))
            .context("find the cache folder: set XDG_CACHE_HOME or HOME")?;
        Self::at(base.join("dmmsg"))
    }

    fn at(root: PathBuf) -> Result<Self> {
        let cache = Self { root };
        cache.folder("locks")?;
        Ok(cache)
    }

    /// A folder for state that changes in place, unlike an entry.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.root.join(name);
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        Ok(folder)
    }

    /// The folder of entry `name`, built by `build` if there is none yet for that `recipe`: all that
    /// decides on the content, except the code of `build`.
    ///
    /// # Errors
    /// If `build` fails, in which case nothing is kept, or the result cannot be moved into its place.
    pub fn entry(
        &self,
        name: &str,
        recipe: impl Hash,
        build: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let mut hasher = DefaultHasher::new();
        (FORMAT, recipe).hash(&mut hasher);
        let name = format!("{name}-{:016x}", hasher.finish());
        let place = self.root.join(&name);
        if place.exists() {
            return Ok(place);
        }
        let _lock = self.lock(&name)?;
        if place.exists() {
            return Ok(place);
        }
        // We hold the lock: a draft that is there was left by a run that died.
        let draft = self.root.join(format!(".draft-{name}"));
        remove_folder(&draft)?;
        fs::create_dir(&draft).with_context(|| format!("create {}", draft.display()))?;
        if let Err(error) = build(&draft) {
            remove_folder(&draft)?;
            return Err(error);
        }
        fs::rename(&draft, &place)
            .with_context(|| format!("move the new entry to {}", place.display()))?;
        Ok(place)
    }

    /// Waits until no other run holds the lock `name`.
    ///
    /// # Errors
    /// If the lock file cannot be created or locked.
    pub fn lock(&self, name: &str) -> Result<Lock> {
        let path = self.root.join("locks").join(name);
        let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("lock {}", path.display()));
            }
        }
        progress::step(&format!("waiting for another run to finish {name}"), || file.lock())
            .with_context(|| format!("lock {}", path.display()))?;
        Ok(Lock { _file: file })
    }
}

fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_built_once_and_a_failed_one_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("dmmsg")).unwrap();

        let failed = cache.entry("kernel", 1, |draft| {
            fs::write(draft.join("half"), "half")?;
            anyhow::bail!("the mirror went away")
        });
        assert_eq!(format!("{:#}", failed.unwrap_err()), "the mirror went away");
        assert_eq!(names(&cache), ["locks"]);

        let place = cache.entry("kernel", 1, |draft| Ok(fs::write(draft.join("vmlinuz"), "1")?));
        assert_eq!(fs::read_to_string(place.unwrap().join("vmlinuz")).unwrap(), "1");
        cache.entry("kernel", 1, |_| panic!("built twice")).unwrap();
        assert_eq!(names(&cache).len(), 2);
    }

    #[test]
    fn a_changed_recipe_is_another_entry() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().to_owned()).unwrap();
        let entry = |recipe: &str| cache.entry("rootfs", recipe, |_| Ok(())).unwrap();
        assert_ne!(entry("lvm2"), entry("lvm2 strace"));
        assert_eq!(entry("lvm2"), entry("lvm2"));
    }

    fn names(cache: &Cache) -> Vec<String> {
        let entries = fs::read_dir(&cache.root).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}
