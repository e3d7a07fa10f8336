//! What lvm2, dmstats and cryptsetup send, compared with what strace saw them send.

use std::fs;

use super::{
    guest::{Guest, run},
    tracer::Tracer,
};

/// The life of some volumes; it ends without any.
const LIFE: &str = r#"
set -e
vgcreate vg /dev/ram4 /dev/ram5 /dev/ram6 /dev/ram7
lvcreate --type thin-pool --size 64m --name pool vg
lvcreate --thin --virtualsize 128m --name data vg/pool
lvcreate --snapshot --name backup vg/data
lvremove --yes vg/backup
dmstats create vg-data
dmstats list vg-data
dmstats delete --allregions vg-data
vgremove --force --yes vg
pvremove /dev/ram4 /dev/ram5 /dev/ram6 /dev/ram7
echo "correct horse battery staple" >/tmp/passphrase
alias cryptsetup="cryptsetup --key-file /tmp/passphrase"
cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/ram8
cryptsetup open /dev/ram8 vault
cryptsetup luksSuspend vault
cryptsetup luksResume vault
cryptsetup luksSuspend vault
cryptsetup luksResume --disable-keyring vault
cryptsetup close vault
"#;

/// The text of a message in a line of strace, which shows `DM_TARGET_MSG, [… message="TEXT"}] =>`.
fn text_of(line: &str) -> Option<&str> {
    let (_, call) = line.split_once("DM_TARGET_MSG")?;
    let (_, text) = call.split_once("message=\"").unwrap_or_else(|| panic!("no text: {line}"));
    text.split_once("\"}]").map(|(text, _)| text)
}

#[test]
fn vm_messages_of_real_tools_are_those_that_strace_sees() {
    let Some(_guest) = Guest::enter() else { return };
    let (script, log) = ("/tmp/life.sh", "/tmp/strace.txt");
    fs::write(script, LIFE).expect("the script is written");
    let tracer = Tracer::start("-o json");
    // With abbreviations, strace would leave out the text.
    let strace = "-f --seccomp-bpf -s 4096 -e abbrev=none -e trace=ioctl -o";
    run("strace", strace.split(' ').chain([log, "sh", script]));
    let rows = tracer.stop().rows();

    let log = fs::read_to_string(log).expect("the log is read");
    let texts: Vec<_> = log.lines().filter_map(text_of).collect();
    for (row, text) in rows.iter().zip(&texts) {
        let shown = row.cell("/msg/text");
        let is_redacted = shown == "key set ";
        assert!(if is_redacted { text.starts_with(&shown) } else { *text == shown }, "{row:?}");
        assert_eq!(row.number("/msg/len"), text.len() as u64);
        assert_eq!(row.cell("/ret"), "0");
    }
    assert_eq!(rows.len(), texts.len());
    for verb in [
        "create_thin",
        "create_snap",
        "delete",
        "set_transaction_id",
        "@stats_create",
        "@stats_delete",
        "key set",
        "key wipe",
    ] {
        assert!(rows.iter().any(|row| row.cell("/msg/tag") == verb), "{verb}");
    }
}
