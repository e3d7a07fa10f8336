//! The command line of `dmmsg-trace`, typed.

use std::{
    collections::HashSet,
    process::{Command, Output},
};

use expect_test::{Expect, expect};

fn dmmsg_trace(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dmmsg-trace"))
        .args(words)
        .output()
        .expect("dmmsg-trace starts")
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("output is UTF-8")
}

fn check_usage_error(words: &[&str], expected: &Expect) {
    let output = dmmsg_trace(words);
    assert_eq!(output.status.code(), Some(2), "{words:?}");
    assert_eq!(text(&output.stdout), "", "{words:?}");
    assert_eq!(text(&output.stderr).lines().count(), 1, "{words:?}");
    expected.assert_eq(text(&output.stderr));
}

#[test]
fn help_ends_with_eight_examples() {
    let output = dmmsg_trace(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let (_, examples) = text(&output.stdout).split_once("Examples:\n").unwrap();
    assert_eq!(examples.lines().count(), 8);
    assert!(examples.lines().all(|line| line.starts_with("  dmmsg-trace")));
}

#[test]
fn version_is_the_packages() {
    let output = dmmsg_trace(&["-V"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), concat!("dmmsg-trace ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn words_that_mean_nothing() {
    check_usage_error(
        &["--durations", "5s"],
        &expect![[r#"
        dmmsg-trace: unexpected argument '--durations' found
    "#]],
    );
    check_usage_error(
        &["5"],
        &expect![[r#"
            dmmsg-trace: --per-device, --per-verb and INTERVAL need -o hist or -o hist-json
        "#]],
    );
    check_usage_error(
        &["-o", "xml"],
        &expect![[r#"
            dmmsg-trace: invalid value 'xml' for '--output <FORMAT>' [possible values: table, json, hist, hist-json]
        "#]],
    );
    check_usage_error(
        &["--probe", "uprobe"],
        &expect![[r#"
        dmmsg-trace: invalid value 'uprobe' for '--probe <RUNG>' [possible values: auto, fentry, kprobe]
    "#]],
    );
    check_usage_error(
        &["-d"],
        &expect![[r#"
        dmmsg-trace: a value is required for '--device <DEV>' but none was supplied
    "#]],
    );
}

#[test]
fn values_that_cannot_be() {
    check_usage_error(
        &["--duration", "5"],
        &expect![[r#"
            dmmsg-trace: invalid value '5' for '--duration <DUR>': must end in one of the units ns, us, ms, s, m, h
        "#]],
    );
    check_usage_error(
        &["--min-lat", "fast"],
        &expect![[r#"
        dmmsg-trace: invalid value 'fast' for '--min-lat <DUR>': expected a number, got `fast`
    "#]],
    );
    check_usage_error(
        &["--ring", "8MB"],
        &expect![[r#"
            dmmsg-trace: invalid value '8MB' for '--ring <SIZE>': must end in one of the units B, KiB, MiB, GiB
        "#]],
    );
    check_usage_error(
        &["-c", "0"],
        &expect![[r#"
            dmmsg-trace: invalid value '0' for '--count <COUNT>': 0 is not in 1..18446744073709551615
        "#]],
    );
    check_usage_error(
        &["-p", "-1"],
        &expect![[r#"
        dmmsg-trace: unexpected argument '-1' found
    "#]],
    );
    check_usage_error(
        &["-d", "vg[0"],
        &expect![[r#"
        dmmsg-trace: invalid value 'vg[0' for '--device <DEV>': the set that starts at byte 2 has no closing ]
    "#]],
    );
    check_usage_error(
        &["-d", "/dev/dm-0"],
        &expect![[r#"
            dmmsg-trace: invalid value '/dev/dm-0' for '--device <DEV>': a device has no `/` in its name: give MAJ:MIN, or the name below /dev/mapper, as `vg-lv`
        "#]],
    );
    check_usage_error(
        &["-t", "a-type-of-17-byte"],
        &expect![[r#"
        dmmsg-trace: invalid value 'a-type-of-17-byte' for '--type <TYPE>': is 17 bytes long, the kernel allows 15
    "#]],
    );
    check_usage_error(
        &["-d", "vg/lv"],
        &expect![[r#"
        dmmsg-trace: invalid value 'vg/lv' for '--device <DEV>': a device has no `/` in its name: give MAJ:MIN, or the name below /dev/mapper, as `vg-lv`
    "#]],
    );
    check_usage_error(
        &["-u", "root"],
        &expect![[r#"
        dmmsg-trace: invalid value 'root' for '--uid <UID>': expected a number, such as `id -u NAME` prints
    "#]],
    );
    check_usage_error(
        &["--doctor", "-o", "json"],
        &expect![[r#"
        dmmsg-trace: --doctor prints a table alone: leave out --output
    "#]],
    );
    check_usage_error(
        &["-o", "hist", "0"],
        &expect![[r#"
            dmmsg-trace: invalid value '0' for '[INTERVAL]': must be 10ms or longer
        "#]],
    );
    check_usage_error(
        &["-o", "hist", "-r", "run", "1"],
        &expect![[r#"
        dmmsg-trace: the argument '--read <FILE>' cannot be used with '[INTERVAL]'
    "#]],
    );
    check_usage_error(
        &["-n", "systemd-cryptsetup"],
        &expect![[r#"
        dmmsg-trace: invalid value 'systemd-cryptsetup' for '--comm <COMM>': is 18 bytes long, the kernel allows 15
    "#]],
    );
    check_usage_error(
        &["-m", "create_thin 7"],
        &expect![[r#"
        dmmsg-trace: invalid value 'create_thin 7' for '--verb <VERB>': a verb is one word, or `key` and one word
    "#]],
    );
}

#[test]
fn verbs_are_listed_without_privilege() {
    let all = dmmsg_trace(&["--verbs"]);
    assert_eq!((all.status.code(), text(&all.stderr)), (Some(0), ""));
    let rows = text(&all.stdout).lines().filter(|row| !row.starts_with(' '));
    let [targets, verbs]: [HashSet<_>; 2] =
        [0, 1].map(|nth| rows.clone().filter_map(|row| row.split_whitespace().nth(nth)).collect());
    // Fourteen, `core` and the title; `key set` and `key wipe` are both `key` here.
    assert_eq!(targets.len(), 16);
    assert!(verbs.is_superset(&HashSet::from(["delete", "key", "@stats_list", "gc_percent"])));

    let one = dmmsg_trace(&["--verbs", "writecache"]);
    assert_eq!(one.status.code(), Some(0));
    expect![[r#"
        TARGET      VERB                       CLASS     SINCE   ARGUMENTS
        writecache  flush                      changes   <=5.10  -
                     EBUSY       the device is suspended
                     EIO         the cache has failed
        writecache  flush_on_suspend           controls  <=5.10  -
        writecache  cleaner                    controls  <=5.10  -
        writecache  clear_stats                controls  5.15    -
                     EINVAL      the kernel is older than 5.15
    "#]]
    .assert_eq(text(&one.stdout));

    let json = dmmsg_trace(&["-o", "json", "--verbs", "log-writes"]);
    assert_eq!(json.status.code(), Some(0));
    expect![[r#"
        {"schema":"dmmsg/1","type":"verb","target":"log-writes","module":"dm_log_writes","handler":"log_writes_message","verb":"mark","arguments":"<text>","class":"changes","since":null,"errors":[]}
    "#]].assert_eq(text(&json.stdout));
}

#[test]
fn a_target_without_messages_has_no_verbs_to_list() {
    check_usage_error(
        &["--verbs", "linear"],
        &expect![[r#"
        dmmsg-trace: invalid value 'linear' for '--verbs [<TARGET>]': no such target takes messages; known are all, core, cache, clone, crypt, dust, era, log-writes, multipath, pcache, raid, switch, thin-pool, vdo, writecache, zoned
    "#]],
    );
}

#[test]
fn words_that_do_not_go_together() {
    for (word, value) in [("--duration", "5s"), ("--probe", "kprobe"), ("--ring", "1MiB")] {
        let output = dmmsg_trace(&["-r", "run.cap", word, value]);
        assert_eq!(output.status.code(), Some(2), "{word}");
        assert!(text(&output.stderr).contains("cannot be used with"), "{word}");
    }
    check_usage_error(
        &["-r", "run.cap", "--doctor"],
        &expect![[r#"
        dmmsg-trace: the argument '--read <FILE>' cannot be used with '--doctor'
    "#]],
    );
    check_usage_error(
        &["--doctor", "-w", "run.cap"],
        &expect![[r#"
            dmmsg-trace: --doctor writes no capture
        "#]],
    );
    check_usage_error(
        &["-r", "run.cap", "-w", "run.cap"],
        &expect![[r#"
            dmmsg-trace: a capture cannot be read and written at once: give --write another file
        "#]],
    );
    check_usage_error(
        &["-w", "-", "--rotate", "64MiB"],
        &expect![[r#"
            dmmsg-trace: --rotate needs a file to write to, not standard output
        "#]],
    );
    check_usage_error(
        &["--rotate", "64MiB"],
        &expect![[r#"
            dmmsg-trace: the following required arguments were not provided: --write <FILE>
        "#]],
    );
    check_usage_error(
        &["-w", "run.cap", "--rotate", "64"],
        &expect![[r#"
            dmmsg-trace: invalid value '64' for '--rotate <SIZE>': must be from 256KiB to 1PiB
        "#]],
    );
    check_usage_error(
        &["-w", "run.cap", "--keep", "3"],
        &expect![[r#"
            dmmsg-trace: the following required arguments were not provided: --rotate <SIZE>
        "#]],
    );
}
