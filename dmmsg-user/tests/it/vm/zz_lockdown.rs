//! What cannot be undone until the guest is gone; the module's name puts it last.

use std::{fs, process::Command};

use super::{guest::Guest, lifecycle::check_refusal, tracer::path};

#[test]
fn vm_zz_lockdown_is_refused() {
    let Some(_guest) = Guest::enter() else { return };
    fs::write("/sys/kernel/security/lockdown", "confidentiality").expect("lockdown is set");
    let prepare = |words: &[&str]| {
        let mut command = Command::new(path());
        command.args(words);
        command
    };
    let expected = "lockdown=confidentiality keeps BPF programs from reading kernel memory: \
                    boot with lockdown=integrity or lockdown=none";
    check_refusal(prepare, expected);
}
