//! The programs that a chore needs are installed, or the user learns how to install them.

use anyhow::{Context, Result, bail};

use crate::{progress, tool};

/// A program and the Debian package that holds it.
pub struct Program {
    name: &'static str,
    package: &'static str,
}

/// What booting a guest calls.
pub const VM: &[Program] = &[
    Program { name: "qemu-system-x86_64", package: "qemu-system-x86" },
    Program { name: "setpriv", package: "util-linux" },
];

/// What making a kernel and a userland out of Debian's packages calls, the first time.
pub const PACKAGES: &[Program] = &[
    Program { name: "apt-get", package: "apt" },
    Program { name: "depmod", package: "kmod" },
    Program { name: "dpkg-deb", package: "dpkg" },
    Program { name: "xz", package: "xz-utils" },
];

/// What making a disk for a guest calls.
pub const DISK: &[Program] = &[Program { name: "mke2fs", package: "e2fsprogs" }];

/// What looking at a page calls.
pub const BROWSER: &[Program] = &[
    Program { name: "chromium", package: "chromium" },
    Program { name: "setpriv", package: "util-linux" },
];

/// What building and running the fuzz targets calls: libFuzzer is C++.
pub const FUZZ: &[Program] =
    &[Program { name: "c++", package: "g++" }, Program { name: "setpriv", package: "util-linux" }];

/// Makes sure that every one of `programs` can be run: root on a machine with apt gets what is
/// missing installed, anyone else one message that names all of it.
///
/// # Errors
/// If something is missing and cannot be installed from here.
pub fn ensure(programs: &[Program]) -> Result<()> {
    let missing: Vec<&Program> = programs.iter().filter(|p| tool::find(p.name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = join(missing.iter().map(|program| program.name), ", ");
    let packages = join(missing.iter().map(|program| program.package), " ");
    if tool::find("apt-get").is_none() {
        bail!(
            "this machine lacks {names}: run this on Debian or a relative of it (the virtual machine is \
             put together from Debian's packages), or install them with your package manager"
        );
    }
    if !rustix::process::geteuid().is_root() {
        bail!("this machine lacks {names}: install with `sudo apt-get install {packages}`");
    }
    let packages: Vec<&str> = missing.iter().map(|program| program.package).collect();
    install(&packages, &names)
}

/// Installs Debian packages on this machine, which needs root, and says so and what for.
///
/// # Errors
/// If apt-get cannot.
pub fn install(packages: &[&str], purpose: &str) -> Result<()> {
    let all = packages.join(" ");
    progress::note(&format!("installing {all} (for {purpose})"));
    let install = || {
        let mut apt = tool::command("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt.args(["-qq", "--yes", "--no-install-recommends", "install"]);
        apt.args(packages);
        tool::output(&mut apt)
    };
    progress::step("apt-get install", || {
        // Package lists may be absent, as in a fresh container, or point at versions that are gone.
        install().or_else(|_| {
            tool::output(tool::command("apt-get").args(["-qq", "update"]))?;
            install()
        })
    })
    .with_context(|| format!("install {all} with apt-get"))?;
    Ok(())
}

fn join<'a>(words: impl Iterator<Item = &'a str>, separator: &str) -> String {
    words.collect::<Vec<_>>().join(separator)
}
