//! The units are ones that systemd takes, and let the service do little.

use std::{fs, io::ErrorKind, path::Path, process::Command};

use super::path;
use crate::require;

const SERVICE: &str = "dmmsg-exporter.service";
const SOCKET: &str = "dmmsg-exporter.socket";
/// The highest exposure that is let pass, in tenths, as `systemd-analyze security` counts it.
const THRESHOLD: &str = "--threshold=24";

/// The units, with a program that exists.
fn units(folder: &Path) {
    for unit in [SERVICE, SOCKET] {
        let text = fs::read_to_string(path("systemd").join(unit)).expect("the unit");
        let text = text.replace("ExecStart=/usr/bin/dmmsg-exporter", "ExecStart=/bin/true");
        fs::write(folder.join(unit), text).expect("the unit is copied");
    }
}

/// Runs systemd-analyze on the units, where there is one; says so where there is none.
fn analyze(words: &[&str], units: &[&str], folder: &Path) {
    let mut command = Command::new("systemd-analyze");
    command.arg("--no-pager").args(words).args(units).current_dir(folder);
    match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            require::skip("needs systemd-analyze");
        }
        output => {
            let output = output.expect("systemd-analyze starts");
            let printed = [output.stdout, output.stderr].concat();
            let printed = String::from_utf8_lossy(&printed);
            assert!(output.status.success(), "{printed}");
            // What it does not know it only warns of.
            assert!(!printed.contains(folder.to_str().expect("a path")), "{printed}");
        }
    }
}

#[test]
fn systemd_takes_the_units() {
    let folder = tempfile::tempdir().expect("a folder");
    units(folder.path());
    analyze(&["verify"], &["./dmmsg-exporter.service", "./dmmsg-exporter.socket"], folder.path());
}

#[test]
fn the_service_may_do_little() {
    let folder = tempfile::tempdir().expect("a folder");
    units(folder.path());
    let words = ["security", "--offline=true", THRESHOLD];
    analyze(&words, &["./dmmsg-exporter.service"], folder.path());
}
