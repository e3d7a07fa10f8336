//! Calls of cargo on this workspace.

use std::env;
use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::progress;

/// The folder of the workspace.
pub fn workspace() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// A command for the cargo that runs us, in the workspace's folder.
pub fn command(subcommand: &str) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).stdin(Stdio::null()).arg(subcommand);
    cargo
}

/// Where cargo keeps registries and installed programs.
///
/// # Errors
/// If the environment names no home.
pub fn home() -> Result<PathBuf> {
    let cargo_home = env::var_os("CARGO_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    cargo_home
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .context("find cargo's folder: set CARGO_HOME or HOME")
}

/// Something that cargo built and that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The target's name: that of a binary, an example, a library or a test.
    pub name: String,
    /// The program.
    pub path: PathBuf,
    /// The folder of its package.
    pub package: PathBuf,
    /// Whether it is a collection of tests.
    pub is_test: bool,
}

/// Builds `what` as `cargo` says, a `build` or a `test --no-run`; the programs that came of it.
///
/// # Errors
/// If cargo cannot be started or fails. It shows its complaints itself, on a terminal also its
/// progress.
pub fn build(what: &str, cargo: &mut Command) -> Result<Vec<Program>> {
    cargo.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let output = if stderr().is_terminal() {
        cargo.output()
    } else {
        progress::step(&format!("building {what}"), || cargo.arg("--quiet").output())
    };
    let output = output.context("start cargo")?;
    if !output.status.success() {
        bail!("build {what}: cargo ended with {}", output.status);
    }
    Ok(programs(&String::from_utf8_lossy(&output.stdout)))
}

/// The names of the binaries of `package`, as its manifest has them.
///
/// # Errors
/// If the manifest cannot be read.
pub fn binaries(package: &str) -> Result<Vec<String>> {
    let mut cargo = command("metadata");
    let output = cargo.args(["--no-deps", "--format-version=1"]).output().context("start cargo")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("read cargo metadata")?;
    let mut packages = items(&metadata, "packages");
    let manifest = packages
        .find(|found| text(found, "name") == Some(package))
        .with_context(|| format!("find {package} in the workspace"))?;
    let binaries = items(manifest, "targets").filter(|target| is_kind(target, "bin"));
    Ok(binaries.filter_map(|target| text(target, "name")).map(str::to_owned).collect())
}

fn programs(messages: &str) -> Vec<Program> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
    messages.filter_map(|message: Value| program(&message)).collect()
}

fn program(message: &Value) -> Option<Program> {
    let manifest = Path::new(text(message, "manifest_path")?);
    Some(Program {
        name: text(message.get("target")?, "name")?.to_owned(),
        path: text(message, "executable")?.into(),
        package: manifest.parent()?.to_owned(),
        is_test: message.get("profile")?.get("test")?.as_bool()?,
    })
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn is_kind(target: &Value, kind: &str) -> bool {
    items(target, "kind").any(|found| found.as_str() == Some(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_what_can_be_run() {
        let messages = r#"{"reason":"compiler-artifact","manifest_path":"/w/a/Cargo.toml","target":{"name":"a"},"profile":{"test":false},"executable":null}
{"reason":"compiler-artifact","manifest_path":"/w/a/Cargo.toml","target":{"name":"it"},"profile":{"test":true},"executable":"/t/it-1"}
not a message
{"reason":"build-finished","success":true}"#;
        let it = Program {
            name: "it".into(),
            path: "/t/it-1".into(),
            package: "/w/a".into(),
            is_test: true,
        };
        assert_eq!(programs(messages), [it]);
    }

    #[test]
    fn the_kernel_programs_have_a_binary() {
        assert!(binaries("dmmsg-ebpf").unwrap().contains(&"trace".to_owned()));
    }
}
