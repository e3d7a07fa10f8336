//! Which compiler, linker and stripper build the kernel programs, chosen from what is installed.
//!
//! The compiler needs the source of `core`, and the linker an LLVM no older than the compiler's.
//! rustup's nightly with `rust-src` comes first, where it is; else Debian's compiler for browsers,
//! which is recent and has both.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::process::geteuid;

use super::linker;
use crate::cache::Cache;
use crate::{cargo, prerequisites, tool};

/// Debian's compiler with the source of its library, and the LLVM it is built on.
const PACKAGES: &[&str] = &["llvm-22-dev", "rust-web-src", "rustc-web"];
const DEBIANS_RUSTC: &str = "/usr/bin/rustc";

/// The tools of one build.
pub struct Tools {
    /// The compiler.
    pub rustc: PathBuf,
    /// Where the compiler's library is.
    pub sysroot: PathBuf,
    /// Copies objects, without debug information.
    pub objcopy: PathBuf,
    /// The folder that holds bpf-linker.
    linker: PathBuf,
    /// What is known of that bpf-linker's LLVM, for people.
    linker_llvm: String,
}

/// A compiler, as far as the choice needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Compiler {
    rustc: PathBuf,
    sysroot: PathBuf,
    /// The minor version, as in 1.96.
    minor: u32,
    /// The release of its LLVM.
    llvm: u32,
    has_library_source: bool,
}

/// What is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Facts {
    /// The better ones first.
    compilers: Vec<Compiler>,
    /// Releases of LLVM that bpf-linker can be built with here.
    llvms: Vec<u32>,
    has_linker: bool,
    can_install: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice<'a> {
    /// This compiler, and bpf-linker built for its LLVM.
    BuildLinker(&'a Compiler),
    /// This compiler, and the bpf-linker that is installed.
    Installed(&'a Compiler),
    /// Debian's packages first.
    InstallPackages,
    /// Nothing works.
    Nothing,
}

impl Facts {
    fn choose(&self, oldest_minor: u32) -> Choice<'_> {
        let mut usable =
            self.compilers.iter().filter(|c| c.has_library_source && c.minor >= oldest_minor);
        let choice = usable.find_map(|compiler| {
            // The one we build is of a known version, so it comes before the one that is there.
            if self.llvms.contains(&compiler.llvm) {
                Some(Choice::BuildLinker(compiler))
            } else {
                self.has_linker.then_some(Choice::Installed(compiler))
            }
        });
        let otherwise = if self.can_install { Choice::InstallPackages } else { Choice::Nothing };
        choice.unwrap_or(otherwise)
    }

    fn gather() -> Self {
        let debians = Path::new(DEBIANS_RUSTC);
        let compilers = nightlies().into_iter().chain([debians.to_owned()]);
        Self {
            compilers: compilers.filter_map(|rustc| Compiler::ask(&rustc)).collect(),
            llvms: linker::LLVMS.iter().copied().filter(|&llvm| is_for_builds(llvm)).collect(),
            has_linker: tool::find("bpf-linker").is_some(),
            can_install: geteuid().is_root() && tool::find("apt-get").is_some(),
        }
    }
}

/// Finds the tools; installs Debian's if there are none and this is root, saying so.
///
/// # Errors
/// If there are none, with what to do, or the linker cannot be built.
pub fn obtain(cache: &Cache) -> Result<Tools> {
    let oldest_minor = minor(env!("CARGO_PKG_RUST_VERSION")).context("read our rust-version")?;
    let mut facts = Facts::gather();
    if facts.choose(oldest_minor) == Choice::InstallPackages {
        prerequisites::install(PACKAGES, "building the kernel programs")?;
        facts = Facts { can_install: false, ..Facts::gather() };
    }
    let (compiler, linker, linker_llvm) = match facts.choose(oldest_minor) {
        Choice::BuildLinker(compiler) => {
            let llvm = compiler.llvm;
            let folder = linker::folder(cache, llvm, &prefix(llvm))?;
            (compiler, folder, format!("LLVM {llvm}"))
        }
        Choice::Installed(compiler) => {
            let linker = tool::find("bpf-linker").context("find bpf-linker")?;
            let folder = linker.parent().context("find bpf-linker's folder")?.to_owned();
            (compiler, folder, "an LLVM that it does not name".into())
        }
        Choice::InstallPackages | Choice::Nothing => bail!(
            "the kernel programs need a Rust of 1.{oldest_minor} or later with its library's source: \
             `rustup toolchain install nightly --component rust-src` and `cargo install bpf-linker`, \
             or on Debian 12 `sudo apt-get install {}`",
            PACKAGES.join(" ")
        ),
    };
    Ok(Tools {
        rustc: compiler.rustc.clone(),
        sysroot: compiler.sysroot.clone(),
        objcopy: objcopy(compiler)?,
        linker,
        linker_llvm,
    })
}

impl Tools {
    /// The search path, with bpf-linker in it.
    ///
    /// # Errors
    /// If a folder's name cannot be in a search path.
    pub fn path_with_linker(&self) -> Result<OsString> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = [self.linker.clone()].into_iter().chain(env::split_paths(&path));
        env::join_paths(folders).context("put bpf-linker's folder into PATH")
    }

    /// The version of each, a line for each.
    ///
    /// # Errors
    /// If one cannot be started.
    pub fn versions(&self) -> Result<String> {
        let rustc = tool::text(tool::command(&self.rustc.to_string_lossy()).arg("-vV"))?;
        let first = rustc.lines().next().unwrap_or_default();
        let llvm = field(&rustc, "LLVM version: ").unwrap_or_default();
        let cargo = tool::text(cargo::command("version").env("LC_ALL", "C"))?;
        let linker = self.linker.join("bpf-linker");
        let linker = tool::text(tool::command(&linker.to_string_lossy()).arg("--version"))?;
        let objcopy = tool::text(tool::command(&self.objcopy.to_string_lossy()).arg("--version"))?;
        let objcopy = objcopy.lines().find(|line| line.contains("LLVM version"));
        let objcopy = objcopy.unwrap_or_default().trim();
        Ok(format!(
            "{first}, LLVM {llvm}\n{}\n{} on {}\nobjcopy: {objcopy}\n",
            cargo.trim(),
            linker.trim(),
            self.linker_llvm
        ))
    }
}

impl Compiler {
    /// What a compiler says of itself, if it is there.
    fn ask(rustc: &Path) -> Option<Self> {
        let ask =
            |word: &[&str]| tool::text(tool::command(&rustc.to_string_lossy()).args(word)).ok();
        let version = ask(&["-vV"])?;
        let sysroot = PathBuf::from(ask(&["--print", "sysroot"])?.trim());
        Some(Self {
            rustc: rustc.to_owned(),
            minor: minor(field(&version, "release: ")?)?,
            llvm: field(&version, "LLVM version: ")?.split('.').next()?.parse().ok()?,
            has_library_source: sysroot.join("lib/rustlib/src/rust/library/core").is_dir(),
            sysroot,
        })
    }
}

/// The compilers of rustup's nightlies.
fn nightlies() -> Vec<PathBuf> {
    let list = tool::text(tool::command("rustup").args(["toolchain", "list"])).unwrap_or_default();
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| name.starts_with("nightly"))
        .filter_map(|name| {
            let mut which = tool::command("rustup");
            let path = tool::text(which.args(["which", "--toolchain", name, "rustc"])).ok()?;
            Some(PathBuf::from(path.trim()))
        })
        .collect()
}

/// Where Debian, and those who package LLVM for it, install a release.
fn prefix(llvm: u32) -> PathBuf {
    format!("/usr/lib/llvm-{llvm}").into()
}

fn is_for_builds(llvm: u32) -> bool {
    prefix(llvm).join("include/llvm-c/Core.h").exists()
}

/// LLVM's objcopy: of the compiler's release if it is there, else the one that rustup brings.
fn objcopy(compiler: &Compiler) -> Result<PathBuf> {
    let debians = prefix(compiler.llvm).join("bin/llvm-objcopy");
    let rustups = compiler.sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-objcopy");
    let installed = [debians, rustups].into_iter().find(|path| path.is_file());
    installed
        .or_else(|| tool::find("llvm-objcopy"))
        .context("find llvm-objcopy: install the package llvm")
}

fn field<'a>(version: &'a str, name: &str) -> Option<&'a str> {
    version.lines().find_map(|line| line.strip_prefix(name))
}

/// 96 of 1.96.0-nightly.
fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiler(rustc: &str, minor: u32, llvm: u32, has_library_source: bool) -> Compiler {
        let (rustc, sysroot) = (rustc.into(), "/".into());
        Compiler { rustc, sysroot, minor, llvm, has_library_source }
    }

    #[test]
    fn the_first_compiler_that_can_be_linked_for() {
        let nightly = compiler("nightly", 97, 23, true);
        let debians = compiler("debian", 96, 22, true);
        let mut facts = Facts {
            compilers: vec![nightly.clone(), debians.clone()],
            llvms: vec![22],
            ..Facts::default()
        };
        assert_eq!(facts.choose(95), Choice::BuildLinker(&debians));
        facts.has_linker = true;
        assert_eq!(facts.choose(95), Choice::Installed(&nightly));
        facts.llvms.push(23);
        assert_eq!(facts.choose(95), Choice::BuildLinker(&nightly));
    }

    #[test]
    fn a_compiler_without_its_source_or_too_old_is_none() {
        let mut facts = Facts {
            compilers: vec![compiler("nightly", 97, 22, false), compiler("debian", 85, 22, true)],
            llvms: vec![22],
            ..Facts::default()
        };
        assert_eq!(facts.choose(95), Choice::Nothing);
        facts.can_install = true;
        assert_eq!(facts.choose(95), Choice::InstallPackages);
    }

    #[test]
    fn versions_of_compilers() {
        assert_eq!(minor("1.96.0"), Some(96));
        assert_eq!(minor("1.97.0-nightly"), Some(97));
        assert_eq!(minor("1.95"), Some(95));
        assert_eq!(
            field("release: 1.96.0\nLLVM version: 22.1.8", "LLVM version: "),
            Some("22.1.8")
        );
    }
}
