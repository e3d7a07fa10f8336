//! A private apt fetches Debian packages of any suite and leaves the machine's own apt alone.
//!
//! Each suite has its own sources, lists and (empty) status under the cache folder, so nothing is
//! installed and no privilege is needed. Mirrors, proxies and keys are those of the machine; this
//! file knows Debian's names for suites and no host. Nothing here calls the network once the caller
//! has cached what it was given, see [`crate::cache`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cache::{Cache, Lock};
use crate::{prerequisites, progress, tool};

/// Names a Debian mirror on a machine whose apt has none.
const MIRROR_VARIABLE: &str = "DMMSG_DEBIAN_MIRROR";
/// Debian's keys, where the package debian-archive-keyring puts them.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Suites that have no security updates of their own: they get every update at once.
const UNDIVIDED_SUITES: &[&str] = &["sid", "unstable"];
/// Suites by which a mirror is known to be Debian's and not that of a derivative.
const DEBIAN_SUITES: &[&str] = &[
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "sid",
    "oldstable",
    "stable",
    "testing",
    "unstable",
];

/// One suite's package lists; holds a lock, for apt's state is shared by all runs.
pub struct Apt {
    suite: &'static str,
    state: PathBuf,
    _lock: Lock,
}

#[derive(Debug, PartialEq, Eq)]
struct Mirrors {
    main: String,
    security: Option<String>,
}

impl Apt {
    /// Opens `suite` and fetches its lists if that has never been done.
    ///
    /// # Errors
    /// If the machine's apt knows no Debian mirror, or the lists cannot be fetched.
    pub fn open(cache: &Cache, suite: &'static str) -> Result<Self> {
        prerequisites::ensure(prerequisites::PACKAGES)?;
        let lock = cache.lock(&format!("apt-{suite}"))?;
        let state = cache.folder(&format!("apt-{suite}"))?;
        let apt = Self { suite, state, _lock: lock };
        apt.configure().with_context(|| format!("set up a private apt for {suite}"))?;
        if !apt.fresh_marker().exists() {
            apt.update()?;
        }
        Ok(apt)
    }

    /// What the newest `package` of the suite depends on, of alternatives the first.
    ///
    /// # Errors
    /// If the suite has no such package.
    pub fn dependencies(&self, package: &str) -> Result<Vec<String>> {
        let mut show = self.command("apt-cache");
        let control = tool::text(show.args(["--no-all-versions", "show", package]))
            .with_context(|| format!("find {package} in {}", self.suite))?;
        Ok(dependencies_in(&control))
    }

    /// The packages of the suite whose names begin with `prefix`.
    ///
    /// # Errors
    /// If the package lists cannot be read.
    pub fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let names = tool::text(self.command("apt-cache").args(["pkgnames", prefix]))
            .with_context(|| format!("list the packages {prefix}* of {}", self.suite))?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// Downloads `packages` with all they depend on into `folder`.
    ///
    /// # Errors
    /// If a package does not exist or the mirror cannot be reached.
    pub fn fetch(&self, packages: &[&str], folder: &Path) -> Result<Vec<PathBuf>> {
        let partial = folder.join("partial");
        fs::create_dir_all(&partial).with_context(|| format!("create {}", partial.display()))?;
        self.download(packages, || {
            let mut get = self.command("apt-get");
            get.arg("-o").arg(format!("Dir::Cache::archives={}/", folder.display()));
            get.args(["-qq", "--yes", "--no-install-recommends", "--download-only", "install"]);
            get.args(packages);
            get
        })?;
        packages_in(folder)
    }

    /// Downloads `packages` and nothing they depend on into `folder`.
    ///
    /// # Errors
    /// As [`Apt::fetch`].
    pub fn fetch_alone(&self, packages: &[&str], folder: &Path) -> Result<Vec<PathBuf>> {
        self.download(packages, || {
            let mut get = self.command("apt-get");
            get.args(["-qq", "download"]).args(packages).current_dir(folder);
            get
        })?;
        packages_in(folder)
    }

    /// Runs `command`; once more with new lists if the old ones name files that are gone.
    fn download(&self, packages: &[&str], command: impl Fn() -> Command) -> Result<()> {
        let what = format!("downloading {} from {}", packages.join(" "), self.suite);
        let mut result = progress::step(&what, || tool::output(&mut command()));
        if result.is_err() {
            self.update()?;
            result = progress::step(&what, || tool::output(&mut command()));
        }
        result.map(drop).with_context(|| what)
    }

    fn update(&self) -> Result<()> {
        let what = format!("fetching the package lists of {}", self.suite);
        let mut update = self.command("apt-get");
        update.args(["-qq", "-o", "APT::Update::Error-Mode=any", "update"]);
        progress::step(&what, || tool::output(&mut update)).with_context(|| what)?;
        fs::write(self.fresh_marker(), "").context("note that the package lists are there")
    }

    fn fresh_marker(&self) -> PathBuf {
        self.state.join("lists-fetched")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = tool::command(name);
        // apt reads the file named here before all others, and the file turns the others off.
        command.env("APT_CONFIG", self.state.join("apt.conf"));
        command
    }

    fn configure(&self) -> Result<()> {
        for folder in ["lists/partial", "archives/partial"] {
            fs::create_dir_all(self.state.join(folder))
                .with_context(|| format!("create {folder}"))?;
        }
        let host = tool::text(tool::command("apt-config").args(["dump", "Acquire"]))?;
        let keyring = Path::new(KEYRING).exists().then_some(KEYRING);
        let sources = sources_list(&mirrors()?, self.suite, keyring);
        fs::write(self.state.join("sources.list"), sources).context("write sources.list")?;
        fs::write(self.state.join("status"), "").context("write an empty dpkg status")?;
        fs::write(self.state.join("apt.conf"), apt_conf(&self.state, &host))
            .context("write apt.conf")
    }
}

/// Debian's mirrors according to this machine's apt.
fn mirrors() -> Result<Mirrors> {
    if let Ok(main) = std::env::var(MIRROR_VARIABLE) {
        return Ok(Mirrors { main, security: None });
    }
    let uris = tool::text(tool::command("apt-get").args(["update", "--print-uris"]))
        .context("ask apt for its mirrors")?;
    let Some(mirrors) = mirrors_of(&uris) else {
        bail!(
            "this machine's apt has no Debian mirror: name one, as {MIRROR_VARIABLE}=URI (and install \
             the package debian-archive-keyring)"
        )
    };
    Ok(mirrors)
}

/// Reads `'http://mirror/debian/dists/bookworm/InRelease' file 0` and its like.
fn mirrors_of(uris: &str) -> Option<Mirrors> {
    let find = |suffix: &str| {
        uris.lines().find_map(|line| {
            let uri = line.trim_start_matches('\'').split('\'').next()?;
            let (mirror, rest) = uri.split_once("/dists/")?;
            let suite = rest.split(['/', '-']).next()?;
            let release_file = format!("{suite}{suffix}/InRelease");
            (DEBIAN_SUITES.contains(&suite) && rest == release_file).then(|| mirror.to_owned())
        })
    };
    Some(Mirrors { main: find("")?, security: find("-security") })
}

fn sources_list(mirrors: &Mirrors, suite: &str, keyring: Option<&str>) -> String {
    let options = keyring.map(|path| format!("[signed-by={path}] ")).unwrap_or_default();
    let security = mirrors.security.as_ref().filter(|_| !UNDIVIDED_SUITES.contains(&suite));
    let security = security.map(|uri| format!("deb {options}{uri} {suite}-security main\n"));
    format!("deb {options}{} {suite} main\n{}", mirrors.main, security.unwrap_or_default())
}

/// The machine's ways to reach a mirror (proxies, timeouts), with everything else turned private.
fn apt_conf(state: &Path, host: &str) -> String {
    let host = host
        .lines()
        .filter(|line| line.starts_with("Acquire::") && !line.starts_with("Acquire::IndexTargets"));
    let state = state.display();
    let own = format!(
        r#"
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "{state}/sources.list";
Dir::State "{state}";
Dir::State::lists "{state}/lists";
Dir::State::status "{state}/status";
Dir::Cache "{state}";
Dir::Log "{state}";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Sandbox::User "root";
Acquire::Languages "none";
"#
    );
    host.collect::<Vec<_>>().join("\n") + &own
}

fn dependencies_in(control: &str) -> Vec<String> {
    let depends = control.lines().find_map(|line| line.strip_prefix("Depends: "));
    let depends = depends.unwrap_or_default().split(", ");
    let names = depends.filter_map(|dependency| dependency.split_whitespace().next());
    names.map(str::to_owned).collect()
}

fn packages_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let mut packages: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .with_context(|| format!("read {}", folder.display()))?;
    packages.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    packages.sort();
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_come_from_what_apt_would_fetch() {
        let uris = "'http://m.example/other/dists/stuff/InRelease' x 0 \n\
                    'http://m.example/debian/dists/bookworm-updates/InRelease' x 0 \n\
                    'http://m.example/debian/dists/bookworm/InRelease' x 0 \n\
                    'http://s.example/sec/dists/bookworm-security/InRelease' x 0 \n\
                    'http://m.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' x 0 \n";
        let expected = Mirrors {
            main: "http://m.example/debian".into(),
            security: Some("http://s.example/sec".into()),
        };
        assert_eq!(mirrors_of(uris), Some(expected));
    }

    #[test]
    fn a_derivative_of_debian_has_no_debian_mirror() {
        assert_eq!(mirrors_of("'http://m.example/ubuntu/dists/noble/InRelease' x 0\n"), None);
    }

    #[test]
    fn sources_name_the_suite_and_its_security_updates() {
        let mirrors = Mirrors { main: "http://m/d".into(), security: Some("http://m/s".into()) };
        assert_eq!(
            sources_list(&mirrors, "trixie", Some("/k.gpg")),
            "deb [signed-by=/k.gpg] http://m/d trixie main\n\
             deb [signed-by=/k.gpg] http://m/s trixie-security main\n"
        );
    }

    #[test]
    fn a_suite_without_security_updates_names_none() {
        let mirrors = Mirrors { main: "http://m/d".into(), security: Some("http://m/s".into()) };
        assert_eq!(sources_list(&mirrors, "sid", None), "deb http://m/d sid main\n");
    }

    #[test]
    fn of_alternatives_the_first_is_what_is_depended_on() {
        let control = "Package: linux-image-7.2.13+deb14-cloud-amd64\n\
                       Depends: dracut | initramfs-tools (>= 0.120), linux-base-7 (= 7.2.13-1)\n";
        assert_eq!(dependencies_in(control), ["dracut", "linux-base-7"]);
        assert_eq!(dependencies_in("Package: linux-base\n"), [""; 0]);
    }

    #[test]
    fn the_proxy_is_kept_and_extra_indexes_are_not() {
        let host = "Acquire::http::Proxy \"http://p:3128\";\nAcquire::IndexTargets::deb \"x\";\n";
        let conf = apt_conf(Path::new("/s"), host);
        assert!(conf.starts_with("Acquire::http::Proxy \"http://p:3128\";\nDir::Etc::main"));
    }
}
