//! An object that goes into the repository says nothing of the machine it was built on.

use std::env;
use std::fs;

use anyhow::{Result, bail};

use crate::cargo;

/// Names of this machine that an object could have picked up: folders and registries' hosts.
///
/// # Errors
/// If cargo's folder cannot be found.
pub fn private_names() -> Result<Vec<String>> {
    let cargo_home = cargo::home()?;
    let folders = [Some(cargo::workspace().to_owned()), Some(cargo_home.clone()), env::home_dir()];
    let folders = folders.into_iter().flatten().map(|folder| folder.display().to_string());
    let registries = fs::read_dir(cargo_home.join("registry/src")).into_iter().flatten().flatten();
    let registries = registries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    // The root folder is the home of some users in containers, and in every path.
    Ok(folders.chain(registries).filter(|name| name.len() > 1).collect())
}

/// Checks that none of `names` is in the object.
///
/// # Errors
/// If one is.
pub fn check(object: &[u8], names: &[String]) -> Result<()> {
    let holds = |name: &&String| object.windows(name.len()).any(|part| part == name.as_bytes());
    if let Some(name) = names.iter().find(holds) {
        bail!("the object names `{name}`, which is of this machine: see the recipe's folders");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_this_machine_is_found() {
        let names = ["/home/me".to_owned()];
        assert!(check(b"\0/dmmsg/src/lib.rs\0", &names).is_ok());
        assert!(check(b"\0/home/me/dmmsg/src/lib.rs\0", &names).is_err());
        assert!(check(b"", &names).is_ok());
    }
}
